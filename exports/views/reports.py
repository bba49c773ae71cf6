"""The list of exports: found by filters that live in the address, and renewed while some are in progress."""

from __future__ import annotations

import re
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from connections.access.permissions import MANAGE, START, VIEW, projects_for, verbs_by_project
from exportadmin.lib.errors import UserError
from exportadmin.lib.pages import get_view, only
from exportadmin.runs import statuses
from exports.display.report_lines import lines_of
from exports.handing_out import others_known
from exports.lists.active_first import ActiveFirst
from exports.lists.capped_paginator import LongPaginator
from exports.lists.columns import NEWEST
from exports.lists.filters import STATE
from exports.lists.report_query import for_lines, listed, without_empty
from exports.lists.tabs import tabs_of
from exports.lookup import note_hidden_reports
from exports.models import ExportReport

PAGE_SIZE: Final = 50
MORE: Final = {"format", "who", "created_after", "created_before"}  # filters that are folded away until asked for
ALWAYS_SEEN: Final = {"q", "project"}
_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


@get_view
def report_list(request: HttpRequest) -> HttpResponse:
    """Filters (:class:`~exports.lists.filters.ReportFilters`), ``sort`` and ``page``.

    400 for what has no meaning, said beside its field where it has one. A page that is not there shows the nearest.
    """
    query = listed(request, "page")
    if (shorter := without_empty(request.GET)) is not None:
        return redirect(f"{request.path}?{shorter}" if shorter else request.path)
    sort = request.GET.get("sort", "")
    page, tabs = None, None
    if query.reports is not None:
        tabs = tabs_of(request, query.filters)
        rows: Any = query.reports
        if not sort and not query.given.keys() & set(STATE):
            rows = ActiveFirst(rows)
        pages = LongPaginator(rows, PAGE_SIZE, whole=query.reports, counted=tabs.current)
        page = pages.get_page(request.GET.get("page"))
    has_none = page is not None and not page.paginator.count and not query.given
    shown = list(page or ())
    verbs = verbs_by_project(request.user)
    context = {
        "section": "exports",
        "form": query.filters.form,
        "asked": query.given,
        "columns": query.columns.columns,
        "tabs": tabs,
        "sort": sort,
        "by_time": sort in ("", NEWEST),
        "active_first": not sort,
        "more_open": bool((MORE & query.given.keys()) | (query.filters.errors.keys() - ALWAYS_SEEN)),
        "page": page,
        "lines": lines_of(shown, verbs, others_known(request.user, shown)),
        "active": [report for report in shown if report.status in statuses.ACTIVE],
        "has_none": has_none,
        "may_start": START in verbs.anywhere,
        "may_delete": MANAGE in verbs.anywhere,
    }
    return render(request, "exports/list.html", context, status=200 if page is not None else 400)


@get_view
def active(request: HttpRequest) -> HttpResponse:
    """``?ids=A,B``: the parts of these lines that change while an export runs, to be put in their places.

    Six queries, however many they are. What is not there, or may not be seen, is left out and not asked for again.
    """
    only(request, ["ids"])
    ids = request.GET.get("ids", "").split(",")
    if len(ids) > PAGE_SIZE or not all(map(_ID.fullmatch, ids)):
        raise UserError(f"ids: expected 1 to {PAGE_SIZE} export ids with commas between", field="ids")
    reports = ExportReport.objects.filter(report_id__in=ids, project__in=projects_for(request.user, VIEW))
    found = list(for_lines(reports))
    if unknown := set(ids) - {report.report_id for report in found}:
        note_hidden_reports(request, unknown)
    context = {
        "live": lines_of(found, verbs_by_project(request.user)),
        "active": [report for report in found if report.status in statuses.ACTIVE],
    }
    return render(request, "exports/_active.html", context)
