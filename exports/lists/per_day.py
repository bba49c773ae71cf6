"""Exports and bytes per day: added up by the database, in the days of the person's time zone."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.db.models import Count, Q, QuerySet, Sum
from django.db.models.functions import TruncDate
from django.utils import timezone

from exportadmin.runs import statuses
from exports.models import ExportReport

DAYS = 14


@dataclass(frozen=True, slots=True)
class Day:
    """``exports`` requested on ``date``; ``bytes`` are those of them that were delivered."""

    date: dt.date
    exports: int = 0
    bytes: int = 0


def per_day(reports: QuerySet[ExportReport], days: int = DAYS) -> list[Day]:
    """The last ``days``, today last, also those without exports. One query, over the index by time."""
    zone = timezone.get_current_timezone()
    today = timezone.localdate()
    first = today - dt.timedelta(days=days - 1)
    since = dt.datetime.combine(first, dt.time(), zone)
    counted = (
        reports.filter(created_at__gte=since)
        .order_by()
        .values(day=TruncDate("created_at", tzinfo=zone))
        .annotate(requested=Count("pk"), size=Sum("bytes_done", filter=Q(status__in=statuses.SUCCESSFUL)))
        .values_list("day", "requested", "size")
    )
    found = {date: Day(date, exports, size or 0) for date, exports, size in counted}
    every = (first + dt.timedelta(days=number) for number in range(days))
    return [found.get(date, Day(date)) for date in every]
