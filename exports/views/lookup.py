"""How a view comes by the report that a URL names."""

from __future__ import annotations

from django.http import HttpRequest

from connections.access.lookup import allowed, is_valid_key
from exports.models import Artifact, ExportConfig, ExportReport, Link


def find_report(request: HttpRequest, report_id: str, verb: str) -> ExportReport:
    """The report with its project, for a page.

    Raises :class:`~exportadmin.lib.errors.NotFoundError` where there is none or the user may not know of it (which the
    trail is told), :class:`~exportadmin.lib.errors.DeniedError` for someone who may see it but not do ``verb`` with it.
    """
    report = None
    if is_valid_key(report_id):
        reports = ExportReport.objects.select_related("project", "converted_from")
        report = reports.filter(report_id=report_id).order_by().first()
    allowed(request.user, verb, report.project if report else None, report, "no such export")
    assert report is not None
    return report


def find_artifact(request: HttpRequest, artifact_id: str, verb: str) -> Artifact:
    """The delivered file with its report and project. Raises as :func:`find_report` does."""
    artifact = None
    if is_valid_key(artifact_id):
        files = Artifact.objects.select_related("report__project").defer("report__config")
        artifact = files.filter(public_id=artifact_id).order_by().first()
    allowed(request.user, verb, artifact.report.project if artifact else None, artifact, "no such file")
    assert artifact is not None
    return artifact


def find_link(request: HttpRequest, link_id: str, verb: str) -> Link:
    """The link with its file, report and project. Raises as :func:`find_report` does; the trail is told of the file."""
    link = None
    if is_valid_key(link_id):
        links = Link.objects.select_related("artifact__report__project", "for_user")
        links = links.defer("artifact__report__config", "artifact__report__check_values")
        link = links.filter(public_id=link_id).order_by().first()
    file = link.artifact if link else None
    allowed(request.user, verb, file.report.project if file else None, file, "no such link")
    assert link is not None
    return link


def find_config(request: HttpRequest, config_id: str, verb: str) -> ExportConfig:
    """The saved config with its project, for a page. Raises as :func:`find_report` does."""
    config = None
    if is_valid_key(config_id):
        configs = ExportConfig.objects.select_related("project__connection", "created_by")
        config = configs.filter(public_id=config_id).order_by().first()
    allowed(request.user, verb, config.project if config else None, config, "no such config")
    assert config is not None
    return config
