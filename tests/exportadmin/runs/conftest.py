"""What tests of runs can ask for."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.exportadmin.runs.world import World, new_world
from tests.support.shell import new_installation

if TYPE_CHECKING:
    from exports.models import ExportReport

# about what only a server does: once, with the suite that has one
SERVER_ONLY = ["test_database_away.py", "test_frozen_in_a_transaction.py"]
collect_ignore = [] if os.environ.get("EXPORTADMIN_TEST_DB") == "postgres" else SERVER_ONLY

MakeReport = Callable[..., "ExportReport"]


@pytest.fixture
def make_report(transactional_db: None, project: Any) -> MakeReport:
    """A report in any state. ``lease``, ``queued`` (a task was sent) and ``wait`` (not before): seconds from now on
    the database's clock, negative: in the past. ``age``: seconds since it was made.
    """
    from datetime import timedelta

    from django.db.models.functions import Now

    from exports.models import ExportReport

    def make(
        *,
        lease: int | None = None,
        queued: int | None = None,
        wait: int | None = None,
        age: int | None = None,
        **columns: Any,
    ) -> ExportReport:
        report = ExportReport.objects.create(project=project, name="a run", format="json", config={}, **columns)
        moments = {
            "lease_until": lease,
            "queued_at": queued,
            "not_before": wait,
            "created_at": None if age is None else -age,
        }
        given = {name: Now() + timedelta(seconds=value) for name, value in moments.items() if value is not None}
        if given:
            ExportReport.objects.filter(pk=report.pk).update(**given)
        report.refresh_from_db()
        return report

    return make


@pytest.fixture
def runner() -> Iterator[Any]:
    """In the place of the exports' own; what it is given is put down, what it does can be set."""
    from exportadmin.runs import statuses
    from exportadmin.runs.ends import end
    from exportadmin.runs.runners import RUNNERS, Runner
    from exports.models import ExportReport

    class FakeRunner(Runner[ExportReport]):
        model = ExportReport
        ends: list[tuple[int, str, str]] = []
        cleaned: list[int] = []

        @staticmethod
        def carried_out(run: Any, lease: Any) -> None:
            end(run, lease, statuses.COMPLETED)

        @staticmethod
        def on_end(run: Any) -> None:
            """Set it to have the trail refuse."""

        @staticmethod
        def on_clean_up(run: Any) -> None:
            """Set it to see what the reaper does."""

        def run(self, run: Any, lease: Any) -> None:
            self.carried_out(run, lease)

        def ended(self, run: Any) -> None:
            self.on_end(run)
            self.ends.append((run.pk, run.status, run.error))

        def clean_up(self, run: Any) -> None:
            self.cleaned.append(run.pk)
            self.on_clean_up(run)

    RUNNERS.unregister("export")
    RUNNERS.register("export", FakeRunner)
    yield FakeRunner
    RUNNERS.unregister("export")
    RUNNERS.register("export", "exports.run.runner:ExportRunner")


@pytest.fixture
def worker_stops() -> Iterator[None]:
    """This process is a worker that was asked to stop."""
    from exportadmin.runs import stop

    stop.listen_to(lambda: True)
    yield
    stop.listen_to(bool)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[Any]:
    """A failed test of a world shows what its processes said."""
    report = yield
    world = getattr(item, "funcargs", {}).get("world") or getattr(item, "funcargs", {}).get("up")
    if report.failed and world is not None:
        report.sections.append(("the world's log", world.log_text()))
    return report


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A running, supervised worker with the stub pipeline, for the tests of one file."""
    home = tmp_path_factory.mktemp("world")
    with new_installation(home) as installation, new_world(installation) as made:
        made.start()
        yield made
