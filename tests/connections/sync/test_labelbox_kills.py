"""A worker that is killed anywhere in a sync from Labelbox leaves one export there, and every row here, once.

The worker is a fork of this process that kills itself. The places are before and after each request that it sends, and
around the end that it writes.
"""

from __future__ import annotations

import pytest

from connections.connection_actions import create_connection
from connections.models import Project
from connections.platforms import remote
from connections.platforms.labelbox import masks, rows
from connections.store.models import StoreRow
from connections.sync.actions import mirror_project, request_sync
from connections.sync.models import SyncRun
from exportadmin.audit.models import AuditEntry
from exportadmin.runs import statuses
from tests.connections.sync.conftest import ME
from tests.connections.sync.kills import dies, places, step, to_its_end
from tests.rest.world import SHELL
from tests.support.labelbox_server import COMPLETE, IN_PROGRESS, LabelboxServer, labelled_row, picture, with_mask

pytestmark = pytest.mark.django_db(transaction=True)
COUNT = 12


@pytest.fixture
def held(labelbox_server: LabelboxServer) -> LabelboxServer:
    mask = {"composite_mask": {"url": f"{labelbox_server.url}/api/v1/tasks/m", "color_rgb": [1, 2, 3]}}
    served = [labelled_row(number) for number in range(COUNT)]
    labelbox_server.serve("one", [with_mask(served[0], mask), *served[1:]])
    labelbox_server.habits.masks["tasks/m"] = picture({(1, 2, 3): (0, 0, 5, 5)})
    labelbox_server.habits.chunk_bytes = 7000
    return labelbox_server


@pytest.fixture
def project(held: LabelboxServer, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Mirrored, still empty. An export that is not in the list was not made: nobody has to wait for that."""
    monkeypatch.setattr(remote, "LOST_SECONDS", 0.0)
    connection = create_connection(
        kind="labelbox", name="Labelbox", config=held.config, secrets=held.secrets, actor=SHELL
    )
    return mirror_project(connection=connection, external_id="one", actor=ME)


FURTHER = (
    (masks, "put_in", lambda *arguments: "putting masks in"),
    (rows, "named", lambda *arguments: "naming the file"),
)


def check_one_of_each(run: SyncRun, held: LabelboxServer) -> None:
    """One export there, every row here, one end in the trail."""
    assert (run.status, run.error, run.summary["rows"]) == (statuses.COMPLETED, "", COUNT)
    (made,) = held.tasks.values()
    assert run.remote_id == made.id
    assert StoreRow.objects.filter(project=run.project).count() == COUNT
    assert AuditEntry.objects.filter(object_id=run.public_id, event="sync.completed").count() == 1
    held.tasks.clear()


def test_killed_anywhere_there_is_one_export_and_one_of_each_row(project: Project, held: LabelboxServer):
    held.habits.looks = [IN_PROGRESS, COMPLETE]
    with pytest.MonkeyPatch.context() as patch:
        undisturbed = places(patch, 0, *FURTHER)
        run = request_sync(project=project, actor=ME, mode="full")
        step(run)
        first_step = len(undisturbed.passed)
        to_its_end(run)
    check_one_of_each(run, held)
    passed = undisturbed.passed
    expected = {"after POST /graphql", "after GET /api/v1/tasks/m", "after putting masks in", "after the end"}
    assert expected <= set(passed)
    assert sum("/storage/" in one for one in passed) == 4  # two files, before and after
    for place in range(1, len(passed) + 1):
        held.habits.looks = [IN_PROGRESS, COMPLETE]
        run = request_sync(project=project, actor=ME, mode="full")
        if place > first_step:
            step(run)
            assert run.status == statuses.QUEUED
        assert dies(run, place if place <= first_step else place - first_step, *FURTHER), passed[place - 1]
        to_its_end(run)
        check_one_of_each(run, held)
