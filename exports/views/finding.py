"""How a view comes by the report that a URL names."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest

from exports.models import ExportReport
from exports.permissions import VIEW, can


def find_report(request: HttpRequest, report_id: str, verb: str) -> ExportReport:
    """The report with its project. Raises ``Http404`` where there is none or the user may not know of it.

    Raises ``PermissionDenied`` for someone who may see the report, but not do ``verb`` with it.
    """
    if "\x00" in report_id:  # PostgreSQL takes none in a text, not even to look for it
        raise Http404("no such export")
    report = ExportReport.objects.select_related("project").filter(report_id=report_id).order_by().first()
    if report is None or not can(request.user, VIEW, report.project):
        raise Http404("no such export")
    if verb != VIEW and not can(request.user, verb, report.project):
        raise PermissionDenied(verb)
    return report
