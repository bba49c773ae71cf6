"""How far a run is: the part of its page that renews itself."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django_htmx.http import HttpResponseStopPolling

from connections.access.permissions import VIEW
from exportadmin.lib.pages import get_view, only
from exportadmin.runs import statuses
from exportadmin.runs.progress import progress_of
from exports.lookup import get_report
from exports.models import ExportReport


@get_view
def progress(request: HttpRequest, report_id: str) -> HttpResponse:
    """A fragment for htmx (at most four queries); everybody else is sent to the page.

    After the end it stops the polling and has the browser load the page anew.
    """
    only(request, ())
    report = get_report(request, report_id, VIEW)
    if not request.htmx:  # type: ignore[attr-defined]
        return redirect("exports:detail", report_id)
    if report.status not in statuses.ACTIVE:
        ended = render(request, "exports/_ended.html", {"report": report})
        return HttpResponseStopPolling(ended.content, headers={"HX-Refresh": "true", "Cache-Control": "no-store"})
    response = render(request, "exports/_figures.html", figures(report))
    response.headers["Cache-Control"] = "no-store"
    return response


def figures(report: ExportReport) -> dict[str, Any]:
    """What the fragment shows."""
    now = timezone.now()
    return {"report": report, "progress": progress_of(report, now), "now": now}
