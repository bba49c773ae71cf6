"""Whose turn it is: a worker that is free takes the next run of the project that has the least of the workers now.

A task says that something waits, not what is next: with a task a run, so many runs are taken as there are tasks, and
the order is settled here, at the moment when a worker is free. Of projects with equally many running, the one has its
turn that was served longest ago; within a project the oldest run comes first, of whatever kind. So whoever queues 200
runs delays their own.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime

from django.db import Error as DatabaseTrouble
from django.db import models
from django.db.models import Count, Min
from django.db.models.functions import Now

from exportadmin.lib.text import one_line
from exportadmin.runs import statuses
from exportadmin.runs.lease import DUE, RunLease, claim
from exportadmin.runs.models import Run, run_models

log = logging.getLogger(__name__)

# of several workers that pick the same run at the same moment, one gets it and the others pick again
TRIES = 20


class RunTurn(models.Model):
    """When a run of a project was last begun, by the database's time."""

    project = models.BigIntegerField(primary_key=True)
    served_at = models.DateTimeField()

    class Meta:
        app_label = "exportadmin"

    def __str__(self) -> str:
        return f"project {self.project}"


@dataclass(frozen=True, slots=True)
class _First:
    """The oldest waiting run of a project."""

    created_at: datetime
    model: type[Run]
    pk: int


def claim_next() -> RunLease | None:
    """Take the run whose turn it is. ``None``: nothing that waits is due."""
    for _ in range(TRIES):
        found = _next()
        if found is None:
            return None
        project, first = found
        lease = claim(first.model, first.pk)
        if lease is not None:
            _note_turn(project)
            return lease
    return None


def _note_turn(project: int) -> None:
    """The run is claimed by now: a turn that cannot be noted is no reason to leave it to the end of its lease."""
    turn = RunTurn(project=project, served_at=Now())
    try:
        RunTurn.objects.bulk_create(
            [turn], update_conflicts=True, unique_fields=["project"], update_fields=["served_at"]
        )
    except DatabaseTrouble as error:
        log.warning("the turn of project %s was not noted: %s", project, one_line(error))


def _next() -> tuple[int, _First] | None:
    """A query for each kind of run where one project waits; twice as many, and one, where several do."""
    waiting = _waiting()
    if len(waiting) < 2:
        return next(iter(waiting.items()), None)
    running = _running(waiting)
    # a turn of the future was written by a clock that has been set back since: it would make its project wait for ever
    past = RunTurn.objects.filter(project__in=waiting, served_at__lte=Now())
    served = dict(past.values_list("project", "served_at"))

    def turn(project: int) -> tuple[int, bool, datetime, datetime]:
        # who was never served comes before those who were
        first = waiting[project]
        last = served.get(project)
        return running.get(project, 0), last is not None, last or first.created_at, first.created_at

    project = min(waiting, key=turn)
    return project, waiting[project]


def _waiting() -> dict[int, _First]:
    """Of each project with runs that are due, the oldest."""
    found: dict[int, _First] = {}
    for model in run_models():
        due = model._default_manager.filter(DUE, status=statuses.QUEUED, cancel_requested=False).order_by()
        for project, pk, created_at in due.values_list(model.turn_field).annotate(Min("pk"), Min("created_at")):
            if project not in found or created_at < found[project].created_at:
                found[project] = _First(created_at, model, pk)
    return found


def _running(projects: dict[int, _First]) -> dict[int, int]:
    """How many runs of each project are being worked on."""
    found: dict[int, int] = {}
    for model in run_models():
        running = model._default_manager.filter(status=statuses.RUNNING, lease_until__gte=Now()).order_by()
        running = running.filter(**{f"{model.turn_field}__in": list(projects)})
        for project, count in running.values_list(model.turn_field).annotate(Count("pk")):
            found[project] = found.get(project, 0) + count
    return found
