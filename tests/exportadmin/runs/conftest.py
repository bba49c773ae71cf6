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

# it brings a PostgreSQL of its own and takes a while: once, with the suite that needs one anyway
collect_ignore = [] if os.environ.get("EXPORTADMIN_TEST_DB") == "postgres" else ["test_database_away.py"]

MakeReport = Callable[..., "ExportReport"]


@pytest.fixture
def make_report(transactional_db: None, project: Any) -> MakeReport:
    """A report in any state. ``lease``: seconds from now on the database's clock, negative: expired."""
    from datetime import timedelta

    from django.db.models.functions import Now

    from exports.models import ExportReport

    def make(
        *, lease: int | None = None, rung: int | None = None, age: int | None = None, **columns: Any
    ) -> ExportReport:
        report = ExportReport.objects.create(project=project, name="a run", format="json", config={}, **columns)
        moments = {"lease_until": lease, "rung_at": rung, "created_at": None if age is None else -age}
        given = {name: Now() + timedelta(seconds=value) for name, value in moments.items() if value is not None}
        if given:
            ExportReport.objects.filter(pk=report.pk).update(**given)
        report.refresh_from_db()
        return report

    return make


@pytest.fixture(autouse=True)
def _no_hooks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever registers hooks in a test does so for that test only."""
    from exports import runs

    monkeypatch.setattr(runs, "on_reaped", [])
    monkeypatch.setattr(runs, "on_ended", [])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[Any]:
    """A failed test of a world shows what its processes said."""
    report = yield
    world = getattr(item, "funcargs", {}).get("world") or getattr(item, "funcargs", {}).get("up")
    if report.failed and world is not None:
        report.sections.append(("the world's log", world.words()))
    return report


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A running, supervised worker with the stub pipeline, for the tests of one file."""
    home = tmp_path_factory.mktemp("world")
    with new_installation(home) as installation, new_world(installation) as made:
        made.start()
        yield made
