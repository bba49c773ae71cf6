"""The list of exports in its usual order: what is in progress first, then all the others, newest first."""

from __future__ import annotations

from typing import Final

from django.db.models import QuerySet
from django.utils.functional import cached_property

from exportadmin.runs import statuses
from exports.models import ExportReport

# so many stand first: one page of them; what is in progress beyond that stands where its time puts it
MOST_FIRST: Final = 50
# of each state, so many of the newest are looked at: whose they are does not matter, so there is an end
MOST_LOOKED_AT: Final = 500
_FIRST: Final = (statuses.RUNNING, statuses.QUEUED)


class ActiveFirst:
    """``reports`` (newest first) in that order, to be cut into pages: three queries a page at most, which cost the same
    however many are in progress.

    Sorted by state in one query, the database would sort every report there is.
    """

    def __init__(self, reports: QuerySet[ExportReport]) -> None:
        self._reports = reports

    @cached_property
    def _first(self) -> list[ExportReport]:
        """Those that stand first: the running ones before those that wait."""
        first: list[ExportReport] = []
        for status in _FIRST:
            if left := MOST_FIRST - len(first):
                newest = ExportReport.objects.filter(status=status).order_by("-created_at", "-pk").values("pk")
                first += self._reports.filter(pk__in=newest[:MOST_LOOKED_AT])[:left]
        return first

    def __getitem__(self, part: slice) -> list[ExportReport]:
        start, stop = part.start or 0, part.stop
        page = self._first[start:stop]
        if len(page) == stop - start:
            return page
        others = self._reports.exclude(pk__in=[report.pk for report in self._first])
        return page + list(others[max(0, start - len(self._first)) : stop - len(self._first)])
