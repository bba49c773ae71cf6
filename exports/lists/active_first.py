"""The list of exports in its usual order: what is in progress first, then all the others, newest first."""

from __future__ import annotations

from django.db.models import QuerySet

from exports.lists import listing
from exports.models import ExportReport


class ActiveFirst:
    """``reports`` (newest first) in that order, to be cut into pages: three queries a page at most.

    Sorted by state in one query, the database would sort every report there is.
    """

    def __init__(self, reports: QuerySet[ExportReport]) -> None:
        # of those in progress, the running ones first
        self._in_progress = listing.in_progress(reports).order_by("-status", "-created_at", "-pk")
        self._ended = listing.ended(reports)

    def __getitem__(self, part: slice) -> list[ExportReport]:
        start, stop = part.start or 0, part.stop
        found = list(self._in_progress[start:stop])
        if len(found) == stop - start:
            return found
        # in progress on this page, or before it
        active = start + len(found) if found or not start else self._in_progress.order_by().count()
        return found + list(self._ended[max(0, start - active) : stop - active])
