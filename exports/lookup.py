"""How a page or a REST view comes by the report, file, link or config that its address names.

All raise as :func:`connections.access.lookup.get_object` does.
"""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from connections.access.lookup import get_object
from connections.access.permissions import VIEW
from exports.models import Artifact, ExportConfig, ExportReport, Link, Proof


def get_report(
    request: Any, report_id: str, verb: str = VIEW, reports: QuerySet[ExportReport] | None = None
) -> ExportReport:
    """The report with its project, or with what ``reports`` bring along."""
    if reports is None:
        reports = ExportReport.objects.select_related("project", "converted_from")
    return get_object(request, reports, "report", report_id, verb=verb, column="report_id")


def get_artifact(request: Any, artifact_id: str, verb: str = VIEW) -> Artifact:
    """The delivered file with its report and project."""
    files = Artifact.objects.select_related("report__project").defer("report__config")
    return get_object(request, files, "artifact", artifact_id, verb=verb, project_of=lambda file: file.report.project)


def get_link(request: Any, link_id: str, verb: str = VIEW) -> Link:
    """The link with its file, report and project; the trail is told of the file."""
    links = Link.objects.select_related("artifact__report__project", "for_user")
    return get_object(
        request,
        links.defer("artifact__report__config", "artifact__report__check_values"),
        "link",
        link_id,
        verb=verb,
        shown=lambda link: link.artifact,
        project_of=lambda link: link.artifact.report.project,
    )


def get_proof(request: Any, proof_id: str, verb: str = VIEW) -> Proof:
    """The proof with its report and project; the trail is told of the report."""
    proofs = Proof.objects.select_related("report", "project")
    return get_object(request, proofs, "proof", proof_id, verb=verb, shown=lambda proof: proof.report)


def get_config(request: Any, config_id: str, verb: str = VIEW) -> ExportConfig:
    """The saved config with its project."""
    configs = ExportConfig.objects.select_related("project__connection", "created_by")
    return get_object(request, configs, "config", config_id, verb=verb)
