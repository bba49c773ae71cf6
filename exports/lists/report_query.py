"""What a request asks of the list of exports: which, and in which order. The list and its CSV share this."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Case, F, JSONField, QuerySet, TextField, When
from django.db.models.functions import Cast, Left, Length
from django.db.models.lookups import LessThanOrEqual
from django.http import HttpRequest, QueryDict

from connections.access.lookup import get_project
from connections.access.permissions import VIEW, projects_for
from connections.models import Project
from exportadmin.lib.errors import UserError
from exportadmin.lib.pages import only_known
from exports.lists.columns import NEWEST, ReportColumns, columns_sorted_by
from exports.lists.filters import NAMES, ReportFilters
from exports.lists.listing import within
from exports.models import ExportReport

# a config may hold thousands of ids; a list of fifty must not read and parse all of them for one line each
LONGEST_CONFIG = 20_000
LONGEST_REASON = 240


@dataclass(frozen=True, slots=True)
class Listed:
    """``reports`` are filtered and sorted; ``None`` where a filter has no meaning, which ``filters.form`` then says."""

    filters: ReportFilters
    columns: ReportColumns
    reports: QuerySet[ExportReport] | None

    @property
    def given(self) -> dict[str, str]:
        """The filters that were asked for."""
        return self.filters.given


def listed(request: HttpRequest, *more: str, query: QueryDict | None = None) -> Listed:
    """What the query of the address asks for, or another one. Raises :class:`UserError` for what is unknown, here and
    in ``more`` parameters.
    """
    query = request.GET if query is None else query
    only_known(query, [*NAMES, "sort", *more])
    for name, values in query.lists():
        if len(values) > 1:
            raise UserError(f"{name} is given {len(values)} times; once is enough", field=name)
    projects = projects_for(request.user, VIEW)
    choices = list(projects.order_by("name").values_list("public_id", "name", "pk"))
    filters = ReportFilters(query, for_list(projects), choices)
    is_valid = filters.is_valid()
    if "project" in filters.errors:
        get_project(request, query.get("project", ""))  # 404, as everywhere, and the trail hears of it
    reports = filters.qs if is_valid else ExportReport.objects.none()
    columns = columns_sorted_by(query.get("sort") or NEWEST, reports)
    return Listed(filters, columns, columns.data.data if is_valid else None)


def for_list(projects: QuerySet[Project]) -> QuerySet[ExportReport]:
    """The reports of ``projects``, newest first, as :func:`for_lines`, with ``project_name`` and ``short_config``: the
    frozen config, ``None`` where it is too long to read for a line.
    """
    return (
        for_lines(within(ExportReport.objects.all(), projects))
        .annotate(project_name=F("project__name"), short_config=_short_config())
        .order_by("-created_at", "-pk")
    )


def for_lines(reports: QuerySet[ExportReport]) -> QuerySet[ExportReport]:
    """Without the big columns; ``reason`` is as much of the error as a line can show."""
    return reports.annotate(reason=Left("error", LONGEST_REASON)).defer(
        "config", "check_values", "description", "error", "location"
    )


def _short_config() -> Case:
    is_short = LessThanOrEqual(Length(Cast("config", TextField())), LONGEST_CONFIG)
    return Case(When(is_short, then=F("config")), output_field=JSONField())


def without_empty(query: QueryDict) -> str | None:
    """The query without filters that ask for nothing (a form sends them all); ``None`` where there are none."""
    kept = query.copy()
    for name in (*NAMES, "sort"):
        if name in kept and not any(kept.getlist(name)):
            del kept[name]
    return None if len(kept) == len(query) else kept.urlencode()
