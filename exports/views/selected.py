"""One thing done with several exports of the list: an action call each, and for each what came of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from connections.access.permissions import VIEW
from exportadmin.audit.middleware import actor_of
from exportadmin.lib.actor import Actor
from exportadmin.lib.errors import NotFoundError, TooManyError, UserError
from exportadmin.lib.pages import came_from, form_view, only, refused, tell_refused
from exportadmin.runs import statuses
from exports import actions
from exports.lookup import get_report
from exports.models import ExportReport
from exports.views.reports import PAGE_SIZE

KEPT: Final = "selected_exports"  # in the session: a page that is looked at again does nothing again
_FIELDS: Final = frozenset({"csrfmiddlewaretoken", "do", "report", "next"})


def _cancel(report: ExportReport, actor: Actor) -> dict[str, str]:
    now = actions.cancel(report=report, actor=actor)
    ended = now.status == statuses.CANCELLED
    return {"message": "Cancelled." if ended else "Asked to stop; it does so within seconds."}


def _retry(report: ExportReport, actor: Actor) -> dict[str, str]:
    again = actions.retry(report=report, actor=actor)
    return {"message": "Requested again.", "again": again.report_id}


def _delete(report: ExportReport, actor: Actor) -> dict[str, str]:
    actions.remove_files(report=report, actor=actor, why="deleted by hand")
    return {"message": "Files deleted; the export and its trail stay."}


# what the button says → (the thing done, in a heading; the call)
DOES: Final[dict[str, tuple[str, Callable[[ExportReport, Actor], dict[str, str]]]]] = {
    "cancel": ("Cancel", _cancel),
    "retry": ("Retry", _retry),
    "delete": ("Delete files", _delete),
}


@form_view
def selected(request: HttpRequest) -> HttpResponse:
    """POST ``do`` and ``report`` (once for each, at most a page of them); the answer is the page of what came of it.

    Someone else's export is answered as one that is not there, and the trail hears of it.
    """
    if request.method != "POST":
        only(request, ())
        kept = request.session.get(KEPT)
        return render(request, "exports/selected.html", {"section": "exports", "came": kept})
    if unknown := sorted(set(request.POST) - _FIELDS):
        raise UserError(f"unknown field {unknown[0][:80]!r}; known: do, report, next", field=unknown[0][:80])
    does = request.POST.get("do", "")
    if does not in DOES:
        raise UserError(f"do is {does[:80]!r}; known: {', '.join(DOES)}", field="do")
    ids = list(dict.fromkeys(request.POST.getlist("report")))
    if not ids:
        return refused(request, UserError("No export is selected. Tick some of the list first."), "exports:list")
    if len(ids) > PAGE_SIZE:
        raise UserError(f"{len(ids)} exports are selected; at most {PAGE_SIZE} at once", field="report")
    title, act = DOES[does]
    lines = [_one(request, report_id, act) for report_id in ids]
    request.session[KEPT] = {
        "title": title,
        "done": [line for line in lines if line["is_done"]],
        "refused": [line for line in lines if not line["is_done"]],
        "back": came_from(request),
    }
    return redirect("exports:selected")


def _one(request: HttpRequest, report_id: str, act: Callable[[ExportReport, Actor], dict[str, str]]) -> dict[str, Any]:
    line: dict[str, Any] = {"report_id": report_id[:80], "is_done": False}
    try:
        report = get_report(request, report_id, VIEW)
    except NotFoundError as error:
        tell_refused(request, error, 404)
        return line | {"message": "There is no such export."}
    line |= {"name": report.name or report.report_id, "link": report.report_id}
    try:
        return line | act(report, actor_of(request)) | {"is_done": True}
    except UserError as error:
        if isinstance(error, TooManyError):
            tell_refused(request, error, 429)
        return line | {"message": error.message}
