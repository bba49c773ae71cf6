"""The first rows of an export: a part of its page that comes when it is looked at, and a page of its own."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from connections.access.permissions import VIEW
from exportadmin.audit.middleware import actor_of
from exportadmin.lib.errors import ConflictError, GoneError
from exportadmin.lib.heavy import heavy
from exportadmin.lib.pages import get_view, only
from exports import actions
from exports.display.row_preview import row_view
from exports.lookup import get_report
from exports.models import ExportReport
from exports.results.preview import FirstRows
from exports.results.previews.drawing import Budget


@get_view
@heavy
def preview(request: HttpRequest, report_id: str) -> HttpResponse:
    """Recorded once a look, as it shows data. A fragment for htmx, with its refusal in words, too."""
    only(request, ())
    report = get_report(request, report_id, VIEW)
    in_page = bool(request.htmx)  # type: ignore[attr-defined]
    try:
        context = _shown(report, actions.look_at_rows(report=report, actor=actor_of(request)))
    except (ConflictError, GoneError) as error:
        if not in_page:
            raise
        context = {"trouble": error.message}
    template = "exports/_preview.html" if in_page else "exports/preview.html"
    response = render(request, template, {"section": "exports", "report": report, **context})
    response.headers["Cache-Control"] = "private, no-store"
    return response


def _shown(report: ExportReport, found: FirstRows) -> dict[str, Any]:
    budget = Budget()
    rows = [row_view(each, number, report.project, budget) for number, each in enumerate(found.documents, 1)]
    return {"rows": rows, "is_delivered": found.is_delivered, "trouble": found.trouble}
