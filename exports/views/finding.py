"""How a view comes by the report that a URL names."""

from __future__ import annotations

from django.http import HttpRequest

from connections.finding import allowed, is_findable
from exports.models import ExportReport


def find_report(request: HttpRequest, report_id: str, verb: str) -> ExportReport:
    """The report with its project, for a page.

    Raises :class:`~exportadmin.lib.errors.NotFoundError` where there is none or the user may not know of it (which the
    trail is told), :class:`~exportadmin.lib.errors.DeniedError` for someone who may see it but not do ``verb`` with it.
    """
    report = None
    if is_findable(report_id):
        report = ExportReport.objects.select_related("project").filter(report_id=report_id).order_by().first()
    allowed(request.user, verb, report.project if report else None, report, "no such export")
    assert report is not None
    return report
