"""The list of exports, newest first."""

from __future__ import annotations

from django.db.models import F, OuterRef, QuerySet, Subquery, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from connections.models import Project
from exports.listing import within
from exports.models import Artifact, ExportReport
from exports.permissions import START, VIEW, can, projects_for
from exports.views.long_pages import LongPaginator

PAGE_SIZE = 50


def listed(projects: QuerySet[Project]) -> QuerySet[ExportReport]:
    """The reports of ``projects`` for the list: with ``project_name`` and ``total_bytes``, without the big columns."""
    # a subquery a shown row: a join with a sum would first add up the files of every report there is
    total = Artifact.objects.filter(report=OuterRef("pk")).order_by().values("report").annotate(total=Sum("bytes"))
    return (
        within(ExportReport.objects.all(), projects)
        .annotate(project_name=F("project__name"), total_bytes=Subquery(total.values("total")))
        .defer("config", "check_values", "description", "error", "location")
        .order_by("-created_at", "-pk")
    )


@require_safe
def report_list(request: HttpRequest) -> HttpResponse:
    """``?page=N``; a page that is not there shows the nearest one that is."""
    reports = listed(projects_for(request.user, VIEW))
    page = LongPaginator(reports, PAGE_SIZE).get_page(request.GET.get("page"))
    return render(
        request,
        "exports/list.html",
        {"section": "exports", "page": page, "may_start": can(request.user, START, None)},
    )
