"""The columns of the list of exports: their heads, and what each sorts by.

Only heads and sorting: a line's cells stand in a template, since a line in progress is renewed piece by piece.
"""

from __future__ import annotations

from typing import Any

import django_tables2 as tables
from django.db.models import Case, F, OrderBy, QuerySet, When

from exportadmin.lib.errors import UserError
from exportadmin.runs import statuses
from exports.models import ExportReport

NEWEST = "-created"
_Sorted = tuple[QuerySet[ExportReport], bool]  # django-tables2's answer: the rows, and "yes, that did it"
# what was not delivered has no size, however far it came
_SIZE = Case(When(status__in=statuses.SUCCESSFUL, then=F("bytes_done")))
_NUMBER = {"th": {"class": "ea-num"}}


def _by(value: Any, reports: QuerySet[ExportReport], is_descending: bool) -> _Sorted:
    """By ``value``, those without one last, equal ones newest first."""
    order = OrderBy(value, descending=is_descending, nulls_last=True)
    return reports.order_by(order, "-created_at", "-pk"), True


class ReportColumns(tables.Table):  # type: ignore[misc]
    """Orderable columns are the allow-list of ``sort``."""

    state = tables.Column(orderable=False)
    name = tables.Column()
    project = tables.Column()
    format = tables.Column(orderable=False)
    rows = tables.Column(attrs=_NUMBER, initial_sort_descending=True)
    size = tables.Column(attrs=_NUMBER, initial_sort_descending=True)
    took = tables.Column(attrs={"th": {"class": "ea-num ea-took"}}, initial_sort_descending=True)
    created = tables.Column(order_by=("created_at", "pk"), initial_sort_descending=True)
    by = tables.Column(orderable=False, attrs={"th": {"class": "ea-who"}})
    do = tables.Column(verbose_name="Actions", orderable=False, attrs={"th": {"class": "ea-list-do"}})

    def order_name(self, reports: QuerySet[ExportReport], is_descending: bool) -> _Sorted:
        """By name."""
        return _by(F("name"), reports, is_descending)

    def order_project(self, reports: QuerySet[ExportReport], is_descending: bool) -> _Sorted:
        """By the project's name."""
        return _by(F("project__name"), reports, is_descending)

    def order_rows(self, reports: QuerySet[ExportReport], is_descending: bool) -> _Sorted:
        """By rows written."""
        return _by(F("rows_done"), reports, is_descending)

    def order_size(self, reports: QuerySet[ExportReport], is_descending: bool) -> _Sorted:
        """By bytes delivered."""
        return _by(_SIZE, reports, is_descending)

    def order_took(self, reports: QuerySet[ExportReport], is_descending: bool) -> _Sorted:
        """By time between start and end."""
        return _by(F("finished_at") - F("started_at"), reports, is_descending)


SORTS: tuple[str, ...] = tuple(
    name for name, column in ReportColumns.base_columns.items() if column.orderable is not False
)


def columns_sorted_by(sort: str, reports: QuerySet[ExportReport]) -> ReportColumns:
    """The columns, with ``reports`` in that order as their ``data.data``. Raises :class:`UserError`."""
    if sort.removeprefix("-") not in SORTS:
        raise UserError(
            f"cannot sort by {sort[:80]!r}; known: {', '.join(SORTS)}, each with '-' in front for the other way round",
            field="sort",
        )
    return ReportColumns(reports, order_by=sort)
