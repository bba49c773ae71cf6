"""How REST views come by reports, artifacts, links and configs: only what the one who asks may see."""

from __future__ import annotations

from django.db.models import QuerySet
from rest_framework.request import Request

from connections.access.api.lookup import is_valid_key, seen_project, token_of, unseen
from connections.access.permissions import VIEW, projects_for
from exports.lists.listing import ended, in_progress, within
from exports.models import Artifact, ExportConfig, ExportReport, Link


def visible_reports(request: Request) -> QuerySet[ExportReport]:
    """With what :func:`exports.display.representation.report_json` needs: three queries, however many they are."""
    return _whole(ExportReport.objects.filter(project__in=projects_for(request.user, VIEW, token_of(request))))


def _whole(reports: QuerySet[ExportReport]) -> QuerySet[ExportReport]:
    return reports.select_related("project", "retry_of", "converted_from").prefetch_related("artifacts")


def filtered_reports(request: Request, asked: dict[str, object]) -> QuerySet[ExportReport]:
    """``asked`` is from :data:`exports.api.views.FILTERS`, read already. Raises :class:`NotFoundError`."""
    reports = _whole(within(ExportReport.objects.all(), projects_for(request.user, VIEW, token_of(request))))
    if "project" in asked:
        reports = reports.filter(project=seen_project(request, str(asked["project"]), field="project"))
    if "group" in asked:
        reports = in_progress(reports) if asked["group"] == "in_progress" else ended(reports)
    conditions = {
        "status": "status",
        "format": "format",
        "created_after": "created_at__gte",
        "created_before": "created_at__lte",
        "q": "name__icontains",
    }
    return reports.filter(**{column: asked[name] for name, column in conditions.items() if name in asked})


def seen_report(request: Request, report_id: str) -> ExportReport:
    """Raises :class:`NotFoundError`."""
    words = f"no report {report_id[:80]!r}"
    if is_valid_key(report_id):
        found = visible_reports(request).filter(report_id=report_id).first()
        if found is not None:
            return found
        hidden = ExportReport.objects.select_related("project").filter(report_id=report_id).first()
        raise unseen(words, hidden, hidden.project if hidden else None)
    raise unseen(words, None, None)


def seen_artifact(request: Request, artifact_id: str) -> Artifact:
    """Raises :class:`NotFoundError`."""
    words = f"no artifact {artifact_id[:80]!r}"
    if is_valid_key(artifact_id):
        everything = Artifact.objects.select_related("report__project")
        visible = everything.filter(report__project__in=projects_for(request.user, VIEW, token_of(request)))
        found = visible.filter(public_id=artifact_id).first()
        if found is not None:
            return found
        hidden = everything.filter(public_id=artifact_id).first()
        raise unseen(words, hidden, hidden.report.project if hidden else None)
    raise unseen(words, None, None)


def visible_links(request: Request) -> QuerySet[Link]:
    """With what a link's JSON needs."""
    projects = projects_for(request.user, VIEW, token_of(request))
    links = Link.objects.filter(artifact__report__project__in=projects)
    return links.select_related("artifact__report__project", "for_user")


def seen_link(request: Request, link_id: str) -> Link:
    """Raises :class:`NotFoundError`."""
    words = f"no link {link_id[:80]!r}"
    if is_valid_key(link_id):
        found = visible_links(request).filter(public_id=link_id).first()
        if found is not None:
            return found
        hidden = Link.objects.select_related("artifact__report__project").filter(public_id=link_id).first()
        raise unseen(words, hidden.artifact if hidden else None, hidden.artifact.report.project if hidden else None)
    raise unseen(words, None, None)


def visible_configs(request: Request) -> QuerySet[ExportConfig]:
    """With their projects."""
    projects = projects_for(request.user, VIEW, token_of(request))
    return ExportConfig.objects.filter(project__in=projects).select_related("project")


def seen_config(request: Request, config_id: str) -> ExportConfig:
    """Raises :class:`NotFoundError`."""
    words = f"no config {config_id[:80]!r}"
    if is_valid_key(config_id):
        found = visible_configs(request).filter(public_id=config_id).first()
        if found is not None:
            return found
        hidden = ExportConfig.objects.select_related("project").filter(public_id=config_id).first()
        raise unseen(words, hidden, hidden.project if hidden else None)
    raise unseen(words, None, None)
