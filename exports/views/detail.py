"""One export: what was asked, what came out, and the check values that add up."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from exports import statuses
from exports.permissions import DOWNLOAD, VIEW, can
from exports.views.asked_words import describe
from exports.views.finding import find_report
from exports.views.sums import sums_of


@require_safe
def detail(request: HttpRequest, report_id: str) -> HttpResponse:
    """Four queries however much came out: session, user, report with project, artifacts."""
    report = find_report(request, report_id, VIEW)
    artifacts = list(report.artifacts.all())
    return render(
        request,
        "exports/detail.html",
        {
            "section": "exports",
            "report": report,
            "artifacts": artifacts,
            "total_bytes": sum(artifact.bytes for artifact in artifacts),
            "is_active": report.status in statuses.ACTIVE,
            "asked": describe(report.config),
            "sums": sums_of(report.check_values),
            "may_download": report.is_delivered and can(request.user, DOWNLOAD, report.project),
        },
    )
