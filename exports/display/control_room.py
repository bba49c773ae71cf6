"""What home shows of the moment: what runs and what waits, with its place in the queue; what was delivered last."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Count, F, Q, QuerySet, Window
from django.db.models.functions import RowNumber
from django.utils import timezone

from connections.models import Connection, Project
from exportadmin.runs import statuses
from exportadmin.runs.queue_places import Place, places
from exports.lists.listing import in_progress
from exports.models import ExportReport

MOST_RUNNING: Final = 10
MOST_WAITING: Final = 10
MOST_DELIVERED: Final = 6
# projects take turns, so the next ones to begin are among the oldest of each project
_LOOKED_AT: Final = 2 * MOST_WAITING
_BIG: Final = ("config", "check_values", "description", "location")


@dataclass(frozen=True, slots=True)
class Active:
    """``place`` is that of one that waits and is due; ``may_cancel``: whoever looks may end it."""

    report: ExportReport
    place: Place | None
    may_cancel: bool

    @property
    def waits_until(self) -> dt.datetime | None:
        """It is not to be begun before; ``None``: it may be now."""
        at = self.report.not_before
        return at if self.report.status == statuses.QUEUED and at and at > timezone.now() else None


@dataclass(frozen=True, slots=True)
class Delivered:
    """``place`` is where to, in words; ``connection`` by which, where whoever looks may know of it."""

    report: ExportReport
    place: str
    connection: Connection | None


def active(reports: QuerySet[ExportReport], startable: QuerySet[Project]) -> dict[str, Any]:
    """What runs, the longest at it first; what waits, the next to begin first; how many of each there are.

    Two queries where nothing is in progress, some more where something waits; never more for more of them.
    """
    going_on = in_progress(reports).order_by()
    counts = going_on.aggregate(
        running=Count("pk", filter=Q(status=statuses.RUNNING)), waiting=Count("pk", filter=Q(status=statuses.QUEUED))
    )
    running = list(shown(going_on.filter(status=statuses.RUNNING)).order_by("started_at", "pk")[:MOST_RUNNING])
    candidates = _next(going_on) if counts["waiting"] else []
    places_of = places(candidates)
    waiting = sorted(candidates, key=lambda report: _turn(report, places_of.get(report)))[:MOST_WAITING]
    projects = {report.project_id for report in (*running, *waiting)}
    mine = set(startable.filter(pk__in=projects).values_list("pk", flat=True)) if projects else set()

    def line(report: ExportReport) -> Active:
        return Active(report, places_of.get(report), report.project_id in mine and not report.cancel_requested)

    return {
        "running": [line(report) for report in running],
        "waiting": [line(report) for report in waiting],
        "running_count": counts["running"],
        "waiting_count": counts["waiting"],
        "is_cut": counts["running"] > len(running) or counts["waiting"] > len(waiting),
    }


def _next(going_on: QuerySet[ExportReport]) -> list[ExportReport]:
    turn = Window(RowNumber(), partition_by=F("project"), order_by=F("pk").asc())
    waiting = shown(going_on.filter(status=statuses.QUEUED)).annotate(turn=turn)
    return list(waiting.order_by("turn", "pk")[:_LOOKED_AT])


def _turn(report: ExportReport, place: Place | None) -> tuple[bool, int, int]:
    """Those without a place wait for a time of their own, or for their end: after all others."""
    return place is None, place.number if place else 0, report.pk


def last_deliveries(reports: QuerySet[ExportReport], connections: QuerySet[Connection]) -> list[Delivered]:
    """The latest first, by when they were delivered: of each state by its own index. At most three queries."""
    latest: list[ExportReport] = []
    for status in sorted(statuses.SUCCESSFUL):
        # PostgreSQL would put those first whose end is not known
        ended = shown(reports.filter(status=status, finished_at__isnull=False))
        latest += ended.order_by("-finished_at", "-pk")[:MOST_DELIVERED]
    latest.sort(key=lambda report: (report.finished_at or report.created_at, report.pk), reverse=True)
    newest = latest[:MOST_DELIVERED]
    keys = {report.destination_id for report in newest if report.destination_id is not None}
    known = {each.pk: each for each in connections.filter(pk__in=keys)} if keys else {}
    return [Delivered(report, _place(report), known.get(report.destination_id or 0)) for report in newest]


def _place(report: ExportReport) -> str:
    if report.is_there:
        return "the platform's own place"
    if report.destination_id is None:
        return "this installation" if report.is_ours else "a folder of this machine"
    return ""


def shown(reports: QuerySet[ExportReport]) -> QuerySet[ExportReport]:
    """With their projects, and without the columns that no line shows."""
    return reports.select_related("project").defer(*_BIG)
