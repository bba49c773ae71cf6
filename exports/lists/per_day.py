"""Exports and bytes per day and project: added up by the database, in the days of the person's time zone."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.db.models import Case, Count, F, Q, QuerySet, Sum, Value, When
from django.db.models.functions import TruncDate
from django.utils import timezone

from exportadmin.runs import statuses
from exports.models import ExportReport

DAYS = 14
MOST_PROJECTS = 6
FAILED = (statuses.FAILED, statuses.ERRORED)


@dataclass(frozen=True, slots=True)
class Day:
    """``exports`` requested on ``date``, of which so many were delivered and so many failed; ``bytes`` delivered."""

    date: dt.date
    exports: int = 0
    delivered: int = 0
    failed: int = 0
    bytes: int = 0

    @property
    def others(self) -> int:
        """Cancelled, skipped, or not over yet."""
        return self.exports - self.delivered - self.failed


@dataclass(frozen=True, slots=True)
class ProjectDays:
    """Every day, the last one last. Without a ``public_id``: all projects that have no line of their own."""

    name: str
    public_id: str
    days: tuple[Day, ...]

    @property
    def total(self) -> Day:
        """Of all days; ``date`` is the first one."""
        return total(self.days)


def total(days: tuple[Day, ...]) -> Day:
    """The sum of some days, under the first one's date."""
    return Day(
        days[0].date,
        exports=sum(day.exports for day in days),
        delivered=sum(day.delivered for day in days),
        failed=sum(day.failed for day in days),
        bytes=sum(day.bytes for day in days),
    )


def per_project_and_day(reports: QuerySet[ExportReport], days: int = DAYS) -> list[ProjectDays]:
    """The projects with the most exports in the last ``days``, then all others as one. Two queries, over the index by
    time; days without exports are there."""
    zone = timezone.get_current_timezone()
    first = timezone.localdate() - dt.timedelta(days=days - 1)
    lately = reports.filter(created_at__gte=dt.datetime.combine(first, dt.time(), zone)).order_by()
    counted = lately.values("project").annotate(
        exports=Count("pk"), name=F("project__name"), public_id=F("project__public_id")
    )
    busiest = {row["project"]: row for row in counted.order_by("-exports", "project")[:MOST_PROJECTS]}
    if not busiest:
        return []
    own_line = When(project__in=list(busiest), then=F("project"))
    sums = (
        lately.annotate(line=Case(own_line, default=Value(None)), day=TruncDate("created_at", tzinfo=zone))
        .values("line", "day")
        .annotate(
            exports=Count("pk"),
            delivered=Count("pk", filter=Q(status__in=statuses.SUCCESSFUL)),
            failed=Count("pk", filter=Q(status__in=FAILED)),
            size=Sum("bytes_done", filter=Q(status__in=statuses.SUCCESSFUL)),
        )
    )
    found: dict[int | None, dict[dt.date, Day]] = {}
    for row in sums:
        day = Day(row["day"], row["exports"], row["delivered"], row["failed"], row["size"] or 0)
        found.setdefault(row["line"], {})[day.date] = day
    dates = [first + dt.timedelta(days=number) for number in range(days)]
    lines: list[tuple[int | None, str, str]] = [(key, row["name"], row["public_id"]) for key, row in busiest.items()]
    if None in found:
        lines.append((None, "All other projects", ""))
    return [
        ProjectDays(name, public_id, tuple(found.get(key, {}).get(date, Day(date)) for date in dates))
        for key, name, public_id in lines
    ]
