"""A worker that is killed at any request of a sync from Label Studio leaves one snapshot made and every row here.

In the end nothing is left there: neither a view nor the snapshot.
"""

from __future__ import annotations

import pytest
from django.utils import timezone

from connections.connection_actions import create_connection
from connections.models import MadeThere, Project
from connections.platforms import leftovers, remote
from connections.store.models import StoreRow
from connections.sync.actions import mirror_project, request_sync
from connections.sync.models import SyncRun
from exportadmin.runs import statuses
from tests.connections.sync.conftest import ME
from tests.connections.sync.kills import dies, places, step, to_its_end
from tests.rest.world import SHELL
from tests.support.label_studio_server import COMPLETED, IN_PROGRESS, LabelStudioServer, MadeTasks

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
COUNT = 6


@pytest.fixture
def held(label_studio_server: LabelStudioServer) -> LabelStudioServer:
    label_studio_server.serve(1, MadeTasks(COUNT))
    return label_studio_server


@pytest.fixture
def project(held: LabelStudioServer, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Mirrored and read once. A snapshot that is not in the list was not made: nobody has to wait for that."""
    monkeypatch.setattr(remote, "LOST_SECONDS", 0.0)
    connection = create_connection(
        kind="label_studio", name="Studio", config=held.config, secrets=held.secrets, actor=SHELL
    )
    project = mirror_project(connection=connection, external_id="1", actor=ME)
    to_its_end(request_sync(project=project, actor=ME))
    return project


def asked(project: Project, held: LabelStudioServer) -> SyncRun:
    held.habits.looks = [IN_PROGRESS, COMPLETED]
    return request_sync(project=project, actor=ME)


def check_one_of_each(run: SyncRun, held: LabelStudioServer, made_before: int) -> None:
    """One snapshot was made; nothing of it is left once whoever is alive has looked."""
    assert (run.status, run.error, run.mode) == (statuses.COMPLETED, "", "incremental")
    assert held.made == made_before + 1
    assert StoreRow.objects.filter(project=run.project).count() == COUNT
    MadeThere.objects.update(due_at=timezone.now())
    leftovers.tick()
    assert (held.views, held.exports, MadeThere.objects.count()) == ({}, {}, 0)


def test_killed_at_every_request_there_is_one_snapshot_and_nothing_stays_there(project, held):
    with pytest.MonkeyPatch.context() as patch:
        undisturbed = places(patch)
        run = asked(project, held)
        step(run)
        # it waits for Label Studio; what comes then is reached by the step after it
        first_step = len(undisturbed.passed)
        to_its_end(run)
    check_one_of_each(run, held, 1)
    passed = undisturbed.passed
    assert {
        "before POST /api/dm/views/",
        "after POST /api/dm/views/",
        "before POST /api/projects/1/exports/",
        "after POST /api/projects/1/exports/",
        "after GET /api/projects/1/exports/2/download",
        "after the end",
        "after DELETE /api/dm/views/11/",
        "after DELETE /api/projects/1/exports/2",
    } <= set(passed)
    for place in range(1, len(passed) + 1):
        made_before, run = held.made, asked(project, held)
        if place > first_step:
            step(run)
            assert run.status == statuses.QUEUED
        assert dies(run, place if place <= first_step else place - first_step), passed[place - 1]
        run.refresh_from_db()
        if run.status not in statuses.TERMINAL:
            to_its_end(run)
        check_one_of_each(run, held, made_before)
    assert len(passed) >= 24
