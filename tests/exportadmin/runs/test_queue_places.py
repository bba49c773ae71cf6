"""The place that is told of a run that waits is the one at which it is begun."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection as database
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from connections.models import Connection, Project
from connections.store.models import ImportRun
from exportadmin.runs import statuses, turns
from exportadmin.runs.models import Run, run_models
from exportadmin.runs.queue_places import Place, places
from exports.models import ExportReport

pytestmark = pytest.mark.django_db(transaction=True)
Queue = Callable[..., list[ExportReport]]


@pytest.fixture
def projects(project: Project) -> list[Project]:
    store = Connection.objects.get()
    return [project, *(Project.objects.create(connection=store, name=name) for name in "BCDE")]


def waiting_of(project: Project, count: int = 1, **columns: object) -> list[Run]:
    made: list[Run] = []
    for _ in range(count):
        given = {"status": statuses.QUEUED, **columns}
        made.append(ExportReport.objects.create(project=project, name="x", format="json", config={}, **given))
    return made


def begun() -> list[Run]:
    """Every run that waits, in the order in which workers take them while none ends."""
    order: list[Run] = []
    while (lease := turns.claim_next()) is not None:
        order.append(lease.run)
    return order


@pytest.mark.parametrize("seed", range(8))
def test_the_places_are_the_order_in_which_workers_take_them(projects: list[Project], seed: int):
    chance = random.Random(seed)
    for project in projects:
        running = chance.randrange(3)
        waiting_of(project, running, status=statuses.RUNNING, lease_until=datetime.now(UTC) + timedelta(hours=1))
        if chance.random() < 0.7:
            turns.RunTurn.objects.create(project=project.pk, served_at=Now() - timedelta(minutes=chance.randrange(50)))
    runs: list[Run] = []
    for _ in range(12):
        project = chance.choice(projects)
        if chance.random() < 0.3:
            runs.append(ImportRun.objects.create(project=project, status=statuses.QUEUED, bytes_total=1))
        else:
            runs += waiting_of(project)
    told = places(runs)
    assert [told[run].number for run in begun()] == list(range(1, 13))
    assert {place.of for place in told.values()} == {12}


def test_the_one_run_of_another_project_is_next_and_not_last(projects: list[Project]):
    many = waiting_of(projects[0], 30)
    (other,) = waiting_of(projects[1])
    turns.claim_next()
    told = places([*many, other])
    assert told[other] == Place(1, 30)
    assert [told[run].number for run in many[1:4]] == [2, 3, 4]


def test_what_is_not_due_or_is_being_cancelled_or_runs_has_no_place(projects: list[Project]):
    (later,) = waiting_of(projects[0], not_before=datetime.now(UTC) + timedelta(minutes=5))
    (stopping,) = waiting_of(projects[0], cancel_requested=True)
    (running,) = waiting_of(projects[0], status=statuses.RUNNING)
    (now,) = waiting_of(projects[0])
    assert places([later, stopping, running, now]) == {now: Place(1, 1)}
    assert places([later]) == {}


def test_it_costs_a_query_for_each_kind_of_run_and_one_however_much_waits(projects: list[Project]):
    def cost(runs: list[Run]) -> int:
        with CaptureQueriesContext(database) as queries:
            places(runs)
        return len(queries)

    few = waiting_of(projects[0], 2)
    many = [run for project in projects for run in waiting_of(project, 8)]
    assert cost(few) == cost(many[:10]) == len(run_models()) + 1
    assert cost([]) == 0
