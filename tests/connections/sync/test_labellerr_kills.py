"""A worker that is killed anywhere in a sync from Labellerr leaves one export there, and every row here, once.

The worker is a fork of this process that kills itself. The places are before and after each request that it sends, each
time that it keeps where it is, and around the end that it writes.
"""

from __future__ import annotations

import os
import signal
from datetime import timedelta

import pytest
from django.db import connections
from django.utils import timezone

from connections.connection_actions import create_connection
from connections.models import Project
from connections.platforms import remote
from connections.platforms.labellerr import rows
from connections.store.models import StoreRow
from connections.sync.actions import mirror_project, request_sync
from connections.sync.models import SyncRun
from exportadmin.audit.models import AuditEntry
from exportadmin.runs import statuses
from exportadmin.runs.execute import execute
from exportadmin.runs.lease import RunLease
from tests.connections.sync.conftest import ME
from tests.connections.sync.kills import dies, places, step, to_its_end
from tests.rest.world import SHELL
from tests.support.labellerr_server import CREATED, PROCESSING, LabellerrServer, labelled_row

pytestmark = pytest.mark.django_db(transaction=True)
COUNT = 30


@pytest.fixture
def held(labellerr_server: LabellerrServer) -> LabellerrServer:
    labellerr_server.serve("one", [labelled_row(number) for number in range(COUNT)])
    return labellerr_server


@pytest.fixture
def project(held: LabellerrServer, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Mirrored, still empty. An export that is not in the list was not made: nobody has to wait for that."""
    monkeypatch.setattr(remote, "LOST_SECONDS", 0.0)
    connection = create_connection(
        kind="labellerr", name="Labellerr", config=held.config, secrets=held.secrets, actor=SHELL
    )
    return mirror_project(connection=connection, external_id="one", actor=ME)


FURTHER = (
    (RunLease, "save", lambda lease, **fields: f"saving {', '.join(sorted(fields))}"),
    (rows, "checked", lambda *arguments: "checking the file"),
)


def looks(held: LabellerrServer) -> None:
    """Of one export."""
    held.habits.looks = [PROCESSING, CREATED]


def check_one_of_each(run: SyncRun, held: LabellerrServer) -> None:
    """One export there, one end here, every row once."""
    assert (run.status, run.error) == (statuses.COMPLETED, "")
    assert [one.report_id for one in held.exports.values() if one.body["export_name"] == run.remote_name] == [
        run.remote_id
    ]
    assert StoreRow.objects.filter(project=run.project).count() == COUNT
    assert run.summary["rows"] == COUNT
    assert AuditEntry.objects.filter(event="sync.completed", object_id=run.public_id).count() == 1


def test_killed_at_every_place_there_is_one_export_and_every_row(project: Project, held: LabellerrServer):
    looks(held)
    with pytest.MonkeyPatch.context() as patch:
        undisturbed = places(patch, 0, *FURTHER)
        run = request_sync(project=project, actor=ME, mode="full")
        step(run)
        # it waits for Labellerr; what comes then is reached by the step after it
        first_step = len(undisturbed.passed)
        to_its_end(run)
    check_one_of_each(run, held)
    passed = undisturbed.passed
    assert {
        "before POST /sdk/export/files",
        "after POST /sdk/export/files",
        "after POST /exports/status",
        "after GET /exports/download",
        "after checking the file",
        "after the end",
    } <= set(passed)
    for place in range(1, len(passed) + 1):
        looks(held)
        run = request_sync(project=project, actor=ME, mode="full")
        if place > first_step:
            step(run)
            assert run.status == statuses.QUEUED
        assert dies(run, place if place <= first_step else place - first_step, *FURTHER), passed[place - 1]
        to_its_end(run)
        check_one_of_each(run, held)
    assert len(passed) > 20


@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_by_the_far_side_while_it_is_asked(project: Project, held: LabellerrServer, when: str):
    """The request is under way: the server has it, and may have carried it out, when the worker dies."""
    run = request_sync(project=project, actor=ME)
    connections.close_all()
    child = os.fork()
    if child == 0:
        try:
            execute("sync", run.pk)
        finally:
            os._exit(3)

    def kill() -> None:
        held.on.clear()
        os.kill(child, signal.SIGKILL)

    held.on["create", when] = kill
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) in (-signal.SIGKILL, 3)
    SyncRun.objects.filter(pk=run.pk).update(lease_until=timezone.now() - timedelta(minutes=1))
    to_its_end(run)
    check_one_of_each(run, held)
