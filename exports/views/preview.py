"""The first rows of an export: a part of its page that comes when it is looked at, and a page of its own."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from connections.access.permissions import VIEW
from connections.rows.media_types import MEDIA_TYPES, UNKNOWN
from exportadmin.audit.middleware import actor_of
from exportadmin.lib.errors import ConflictError, GoneError, UserError
from exportadmin.lib.heavy import heavy
from exportadmin.lib.pages import get_view, only
from exports import delivery_actions
from exports.display.row_preview import row_view
from exports.lookup import get_report
from exports.models import ExportReport
from exports.results.preview import FirstRows
from exports.results.previews.drawing import Budget
from exports.spec.conditions.media_types import title_of

# what rows may be chosen by
MEDIA = (*MEDIA_TYPES, UNKNOWN)


@get_view
@heavy
def preview(request: HttpRequest, report_id: str) -> HttpResponse:
    """Recorded once a look, as it shows data. A fragment for htmx, with its refusal in words, too."""
    only(request, ("medium",))
    medium = request.GET.get("medium", "")
    if medium and medium not in MEDIA:
        raise UserError(f"unknown medium {medium[:40]!r}; known: {', '.join(MEDIA)}", field="medium")
    report = get_report(request, report_id, VIEW)
    in_page = bool(request.htmx)  # type: ignore[attr-defined]
    try:
        context = _shown(
            report, delivery_actions.look_at_rows(report=report, actor=actor_of(request), medium=medium), medium
        )
    except (ConflictError, GoneError) as error:
        if not in_page:
            raise
        context = {"trouble": error.message}
    template = "exports/_preview.html" if in_page else "exports/preview.html"
    response = render(request, template, {"section": "exports", "report": report, **context})
    response.headers["Cache-Control"] = "private, no-store"
    return response


def _shown(report: ExportReport, found: FirstRows, medium: str) -> dict[str, Any]:
    budget = Budget()
    rows = [row_view(each, number, report.project, budget) for number, each in enumerate(found.documents, 1)]
    return {
        "rows": rows,
        "is_delivered": found.is_delivered,
        "trouble": found.trouble,
        "medium": medium,
        "medium_title": title_of(medium) if medium else "",
        "media": _media(report),
    }


def _media(report: ExportReport) -> list[tuple[str, str, int]]:
    """Key, title and rows of each medium that the export has; nothing to choose from where that is one."""
    counts = (report.check_values or {}).get("rows_by_media_type") or {}
    found = [(key, title_of(key), counts[key]) for key in MEDIA if counts.get(key)]
    return found if len(found) > 1 else []
