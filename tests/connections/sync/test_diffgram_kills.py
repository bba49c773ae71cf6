"""A worker that is killed anywhere in a sync from Diffgram leaves one export there, though no name tells it from
others', and every row here, once."""

from __future__ import annotations

import pytest

from connections.connection_actions import create_connection
from connections.models import Project
from connections.platforms import remote
from connections.store.models import StoreRow
from connections.sync.actions import mirror_project, request_sync
from connections.sync.models import SyncRun
from exportadmin.runs import statuses
from tests.connections.sync.conftest import ME
from tests.connections.sync.kills import dies, places, step, to_its_end
from tests.rest.world import SHELL
from tests.support.diffgram_server import DiffgramServer, image

pytestmark = pytest.mark.django_db(transaction=True)
COUNT = 30


@pytest.fixture
def held(diffgram_server: DiffgramServer) -> DiffgramServer:
    diffgram_server.serve({number: image(number) for number in range(COUNT)})
    return diffgram_server


@pytest.fixture
def project(held: DiffgramServer, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Mirrored, still empty. An export that is not in the list was not made: nobody has to wait for that."""
    monkeypatch.setattr(remote, "LOST_SECONDS", 0.0)
    connection = create_connection(
        kind="diffgram", name="Diffgram", config=held.config, secrets=held.secrets, actor=SHELL
    )
    return mirror_project(connection=connection, external_id="job:42", actor=ME)


def begun(project: Project, held: DiffgramServer) -> tuple[SyncRun, set[int]]:
    """A sync, and the exports that were there before; one of them is as it asks for."""
    held.habits.looks = ["complete"]
    held.make()
    held.habits.looks = [0.0, "complete"]
    return request_sync(project=project, actor=ME, mode="full"), set(held.exports)


def check_one_of_each(run: SyncRun, held: DiffgramServer, before: set[int], died_at: str = "") -> None:
    """One export there, every row once."""
    assert (run.status, run.error) == (statuses.COMPLETED, ""), died_at
    assert [str(number) for number in held.exports if number not in before] == [run.remote_id], died_at
    assert StoreRow.objects.filter(project=run.project).count() == COUNT
    assert run.summary["rows"] == COUNT


def test_killed_at_every_request_there_is_one_export_and_every_row(project: Project, held: DiffgramServer):
    with pytest.MonkeyPatch.context() as patch:
        undisturbed = places(patch)
        run, before = begun(project, held)
        step(run)
        # it waits for Diffgram; what comes then is reached by the step after it
        first_step = len(undisturbed.passed)
        to_its_end(run)
    check_one_of_each(run, held, before)
    passed = undisturbed.passed
    paths = {place.rpartition("/")[2] for place in passed}
    assert {"to_file", "status", "link", "list", "update"} <= paths
    for place in range(1, len(passed) + 1):
        run, before = begun(project, held)
        if place > first_step:
            step(run)
        assert dies(run, place if place <= first_step else place - first_step), passed[place - 1]
        to_its_end(run)
        check_one_of_each(run, held, before, passed[place - 1])
