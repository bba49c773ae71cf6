"""The tabs above the list of exports: the states, with how many there are of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, cast

from django.contrib.auth import get_user_model
from django.db.models import Subquery
from django.http import HttpRequest

from connections.access.permissions import VIEW, can, projects_for
from exportadmin.runs import statuses
from exports.lists import capped_paginator, listing
from exports.lists.filters import ENDED, GROUPS, IN_PROGRESS, ReportFilters
from exports.models import ExportReport

_ALL: Final = "all"
# shown even where there is none: so they stand where one looks for them
_ALWAYS: Final = (IN_PROGRESS, statuses.COMPLETED, statuses.FAILED)
_ENDED: Final = [state for state in statuses.TITLES if state not in statuses.ACTIVE]


@dataclass(frozen=True, slots=True)
class Tab:
    """``count`` goes to one more than :data:`~exports.lists.capped_paginator.COUNTED`; ``None``: it was not counted.

    ``group`` or ``status`` is what its address asks for; neither: everything.
    """

    title: str
    group: str | None
    status: str | None
    count: int | None
    is_current: bool

    @property
    def text(self) -> str:
        """``228`` or ``1,000+``."""
        if self.count is None:
            return ""
        most = capped_paginator.COUNTED
        return f"{most:,}+" if self.count > most else f"{self.count:,}"


@dataclass(frozen=True, slots=True)
class Tabs:
    """``shown`` from left to right."""

    shown: list[Tab]

    @property
    def current(self) -> int | None:
        """How many the list has, as far as was counted; ``None``: nobody counted what is asked for."""
        return next((tab.count for tab in self.shown if tab.is_current), None)


class _Counted(Subquery):
    """How many rows a query has that says itself where it stops."""

    template = "(SELECT COUNT(*) FROM (%(subquery)s) counted)"
    empty_result_set_value = 0


def tabs_of(request: HttpRequest, filters: ReportFilters) -> Tabs:
    """Counted with the filters that were asked for beside them, in one query, each only so far as a page tells it."""
    reports = ExportReport.objects.all()
    if not can(request.user, VIEW, None):
        # not `listing.within`: nothing is sorted here, so an index by project and state does
        reports = reports.filter(project__in=projects_for(request.user, VIEW).order_by())
    reports = filters.without_state(reports).order_by()
    parts = {_ALL: reports, IN_PROGRESS: listing.in_progress(reports)} | {
        state: reports.filter(status=state) for state in _ENDED
    }
    counted = {key: _Counted(part.values("pk")[: capped_paginator.COUNTED + 1]) for key, part in parts.items()}
    # one row to count beside
    counts: dict[str, Any] = dict(
        get_user_model().objects.filter(pk=cast(int, request.user.pk)).values(**counted).get()
    )
    return Tabs(_tabs(filters.given.get("group"), filters.given.get("status"), counts))


def _tabs(group: str | None, status: str | None, counts: dict[str, int]) -> list[Tab]:
    tabs = [Tab("All", None, None, counts[_ALL], not group and not status)]
    titles = dict(GROUPS)
    tabs.append(Tab(titles[IN_PROGRESS], IN_PROGRESS, None, counts[IN_PROGRESS], group == IN_PROGRESS and not status))
    for state in _ENDED:
        is_current = status == state and not group
        if is_current or counts[state] or state in _ALWAYS:
            tabs.append(Tab(statuses.TITLES[state][0], None, state, counts[state], is_current))
    if not any(tab.is_current for tab in tabs):
        # asked for by an address: a group without a tab of its own, one of the states in progress, or both at once
        words = [titles[group]] if group else []
        words += [statuses.TITLES[status][0]] if status else []
        count = sum(counts[state] for state in _ENDED) if group == ENDED and not status else None
        tabs.append(Tab(", ".join(words), group, status, count, is_current=True))
    return tabs
