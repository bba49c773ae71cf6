"""How a page or a REST view comes by the report, file, link or config that its address names.

All raise as :func:`connections.access.lookup.get_object` does.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Any

from django.db.models import QuerySet

from connections.access.lookup import get_object
from connections.access.permissions import VIEW
from exportadmin.audit.middleware import actor_of
from exportadmin.audit.models import REFUSED
from exportadmin.audit.once import record_once
from exports.models import Artifact, ExportConfig, ExportReport, Link, Proof, Slice


def get_report(
    request: Any, report_id: str, verb: str = VIEW, reports: QuerySet[ExportReport] | None = None
) -> ExportReport:
    """The report with its project, or with what ``reports`` bring along."""
    if reports is None:
        reports = ExportReport.objects.select_related("project", "converted_from", "retry_of")
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


def get_slice(request: Any, slice_id: str, verb: str = VIEW) -> Slice:
    """The slice with its project."""
    return get_object(request, Slice.objects.select_related("project__connection"), "slice", slice_id, verb=verb)


def note_hidden_reports(request: Any, unknown: Iterable[str], channel: str = "web") -> None:
    """Of ids that were asked for and are answered as unknown, the trail is told of those that are there: one line a
    project, and no other while the same ones are asked for again."""
    reports = ExportReport.objects.filter(report_id__in=list(unknown)).select_related("project").defer("config")
    hidden = list(reports.order_by("project_id", "pk"))
    for project, found in groupby(hidden, key=lambda report: report.project):
        ids = [report.report_id for report in found]
        record_once(
            "request.refused",
            actor=actor_of(request, channel),
            key=ids,
            project=project,
            obj=next(report for report in hidden if report.report_id == ids[0]),
            outcome=REFUSED,
            reason="not visible to the one who asked",
            details={"method": request.method, "path": request.path[:300], "reports": ids},
        )
