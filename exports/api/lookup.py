"""How REST views come by reports, artifacts, links and configs: only what the one who asks may see."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from rest_framework.request import Request

from connections.access.api.lookup import get_project
from connections.access.lookup import token_of
from connections.access.permissions import VIEW, projects_for
from exports.display.representation import report_json
from exports.handing_out import others_known
from exports.lists.listing import ended, in_progress, within
from exports.lookup import get_report
from exports.models import ExportConfig, ExportReport, Link


def visible_reports(request: Request) -> QuerySet[ExportReport]:
    """With what :func:`exports.display.representation.report_json` needs: three queries, however many they are."""
    return _whole(ExportReport.objects.filter(project__in=projects_for(request.user, VIEW, token_of(request))))


def _whole(reports: QuerySet[ExportReport]) -> QuerySet[ExportReport]:
    return reports.select_related("project", "saved_config", "retry_of", "converted_from").prefetch_related("artifacts")


def filtered_reports(request: Request, params: dict[str, object]) -> QuerySet[ExportReport]:
    """``params`` is from :data:`exports.api.views.FILTERS`, read already. Raises :class:`NotFoundError`."""
    reports = _whole(within(ExportReport.objects.all(), projects_for(request.user, VIEW, token_of(request))))
    if "project" in params:
        reports = reports.filter(project=get_project(request, str(params["project"]), field="project"))
    if "group" in params:
        reports = in_progress(reports) if params["group"] == "in_progress" else ended(reports)
    conditions = {
        "status": "status",
        "format": "format",
        "created_after": "created_at__gte",
        "created_before": "created_at__lte",
        "q": "name__icontains",
    }
    return reports.filter(**{column: params[name] for name, column in conditions.items() if name in params})


def get_whole_report(request: Request, report_id: str) -> ExportReport:
    """One report with what its JSON needs. Raises as :func:`connections.access.lookup.get_object` does."""
    return get_report(request, report_id, reports=_whole(ExportReport.objects.all()))


def report_answer(request: Request, report: ExportReport) -> dict[str, Any]:
    """The report's JSON for whoever asks."""
    return reports_answer(request, [report])[0]


def reports_answer(request: Request, reports: Sequence[ExportReport]) -> list[dict[str, Any]]:
    """The same of several."""
    known = others_known(request.user, reports, token_of(request))
    return [report_json(report, known) for report in reports]


def visible_links(request: Request) -> QuerySet[Link]:
    """With what a link's JSON needs."""
    projects = projects_for(request.user, VIEW, token_of(request))
    links = Link.objects.filter(artifact__report__project__in=projects)
    return links.select_related("artifact__report__project", "for_user")


def visible_configs(request: Request) -> QuerySet[ExportConfig]:
    """With their projects."""
    projects = projects_for(request.user, VIEW, token_of(request))
    return ExportConfig.objects.filter(project__in=projects).select_related("project")
