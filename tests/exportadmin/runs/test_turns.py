"""Projects take turns: whoever queues many runs delays their own, and nobody else's."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError
from django.db.models.functions import Now

from connections.models import Connection, Project
from connections.store.models import ImportRun
from exportadmin.runs import statuses, stop, turns
from exportadmin.runs.execute import take_turn
from exportadmin.runs.lease import RunLease
from exports.models import ExportReport

pytestmark = pytest.mark.django_db(transaction=True)
Queue = Callable[..., list[ExportReport]]


@pytest.fixture
def projects(project: Project) -> dict[str, Project]:
    store = Connection.objects.get()
    made = {name: Project.objects.create(connection=store, name=name) for name in "BC"}
    return {"A": project, **made}


@pytest.fixture
def queue(projects: dict[str, Project]) -> Queue:
    def make(name: str, count: int = 1, **columns: object) -> list[ExportReport]:
        made = [
            ExportReport(project=projects[name], name=f"{name}{number}", format="json", config={}, **columns)
            for number in range(count)
        ]
        return ExportReport.objects.bulk_create(made)

    return make


def begin() -> RunLease:
    lease = turns.claim_next()
    assert lease is not None
    return lease


def finish(lease: RunLease) -> str:
    """The run is over; whose it was."""
    type(lease.run).objects.filter(pk=lease.run.pk).update(status=statuses.COMPLETED, lease_until=None)
    return lease.run.project.name if lease.run.project.name in "BC" else "A"


def order_of(claims: int, workers: int = 1) -> str:
    """With so many workers, of which the one that began first ends first: the projects in the order of their turns."""
    busy: list[RunLease] = []
    order = ""
    for _ in range(claims):
        if len(busy) == workers:
            finish(busy.pop(0))
        busy.append(begin())
        order += busy[-1].run.name[0]
    return order


def test_one_run_of_another_project_waits_for_no_more_than_two_of_two_hundred(queue: Queue):
    queue("A", 200)
    first = [begin(), begin()]  # both workers are at it when B comes
    queue("B")
    finish(first[0])
    assert begin().run.name == "B0", "with the first worker that is free"


def test_so_it_is_when_it_came_last_into_a_full_queue(queue: Queue):
    queue("A", 200)
    queue("B")
    assert order_of(4, workers=2) == "ABAA"


def test_of_two_long_queues_each_has_half(queue: Queue):
    queue("A", 8)
    queue("B", 8)
    assert order_of(8, workers=2).count("A") == 4
    assert order_of(8, workers=1).count("A") == 4


def test_one_worker_serves_each_in_its_turn_and_then_who_is_left(queue: Queue):
    queue("A", 5)
    queue("B", 2)
    queue("C", 1)
    assert order_of(8) == "ABCABAAA"


def test_within_a_project_the_oldest_comes_first_of_whatever_kind(projects: dict[str, Project], queue: Queue):
    first, second = queue("A", 2)
    imported = ImportRun.objects.create(project=projects["A"], file_name="rows.ndjson", bytes_total=1)
    for run, age in ((first, 10), (imported, 20), (second, 5)):
        type(run).objects.filter(pk=run.pk).update(created_at=Now() - timedelta(seconds=age))
    assert [type(begin().run) for _ in range(3)] == [ImportRun, ExportReport, ExportReport]


def test_what_is_not_due_or_is_to_be_cancelled_has_no_turn(queue: Queue):
    queue("A", cancel_requested=True)
    (later,) = queue("B")
    ExportReport.objects.filter(pk=later.pk).update(not_before=Now() + timedelta(minutes=1))
    assert turns.claim_next() is None
    queue("C")
    assert begin().run.name == "C0"


def test_runs_whose_worker_died_take_nobodys_turn(queue: Queue):
    queue("A", 3)
    for lease in (begin(), begin()):
        ExportReport.objects.filter(pk=lease.run.pk).update(lease_until=Now() - timedelta(seconds=1))
    turns.RunTurn.objects.all().delete()
    queue("B", 1)
    assert begin().run.name == "A2", "nothing of A is believed to run, and it waits for longer"


def test_of_workers_that_pick_the_same_run_one_gets_it_and_the_other_the_next(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
):
    first, second = queue("A", 2)
    real = turns.claim
    taken: list[RunLease | None] = []

    def slow(model: type[ExportReport], pk: int) -> RunLease | None:
        if not taken:  # another worker was faster by a moment
            taken.append(real(model, pk))
            assert taken[0] is not None
        return real(model, pk)

    monkeypatch.setattr(turns, "claim", slow)
    assert begin().run.pk == second.pk
    assert taken[0] is not None and taken[0].run.pk == first.pk


def test_a_task_carries_out_whose_turn_it_is_and_there_are_as_many_tasks_as_runs(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
):
    done: list[str] = []

    def carry_out(lease: RunLease) -> None:
        finish(lease)
        done.append(lease.run.name)

    monkeypatch.setattr("exportadmin.runs.execute.carry_out", carry_out)
    reports = [*queue("A", 3), *queue("B", 1)]
    answers = [take_turn("export", report.pk) for report in reports]
    assert answers == ["done"] * 4
    assert sorted(done) == ["A0", "A1", "A2", "B0"]
    assert take_turn("export", reports[0].pk) == "nothing to do"


def test_a_turn_of_the_future_is_none(projects: dict[str, Project], queue: Queue):
    """The clock of the database was ahead for a while."""
    queue("A", 3)
    queue("B", 3)
    turns.RunTurn.objects.create(project=projects["A"].pk, served_at=Now() + timedelta(days=365))
    assert order_of(4) == "ABAB"


def test_a_turn_that_cannot_be_noted_keeps_no_run_from_its_worker(queue: Queue, monkeypatch: pytest.MonkeyPatch):
    def busy(*_: object, **__: object) -> None:
        raise OperationalError("database is locked")

    (report,) = queue("A")
    monkeypatch.setattr(turns.RunTurn.objects, "bulk_create", busy)
    assert begin().run.pk == report.pk


def test_a_worker_that_stops_takes_no_turn(queue: Queue, monkeypatch: pytest.MonkeyPatch):
    (report,) = queue("A", queued_at=None)
    ExportReport.objects.update(queued_at=Now())
    monkeypatch.setattr(stop, "requested", lambda: True)
    assert take_turn("export", report.pk) == "stopping"
    report.refresh_from_db()
    assert (report.status, report.queued_at) == (statuses.QUEUED, None)


def test_it_costs_few_queries_however_many_wait(queue: Queue, django_assert_max_num_queries, alice: User):
    kinds = len(turns.run_models())
    queue("A", 100)
    with django_assert_max_num_queries(kinds + 6):  # what waits; claim; turn, in a transaction
        begin()
    queue("B", 100)
    with django_assert_max_num_queries(2 * kinds + 7):
        begin()
