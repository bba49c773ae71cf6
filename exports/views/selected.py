"""One thing done with several exports of the list: first the number and what is left out, then what came of each."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Final

from django.contrib.sessions.backends.base import UpdateError
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse

from connections.access.permissions import VIEW, projects_for, verbs_by_project
from exportadmin.audit.middleware import actor_of
from exportadmin.lib import times
from exportadmin.lib.errors import NotFoundError, UserError
from exportadmin.lib.pages import came_from, form_view, only, refused, tell_refused
from exports.bulk import BULK_ACTIONS, MOST, Attempts, BulkAction, BulkPlan, plan_bulk
from exports.lists.report_query import for_lines, listed
from exports.lookup import get_report, note_hidden_reports
from exports.models import ExportReport

KEPT: Final = "selected_exports"  # in the session: a page that is looked at again does nothing again
NAMES_SHOWN: Final = 20
# what came of so many is kept at once: should the request end in the middle, that can be looked up
KEPT_AT_ONCE: Final = 20
_FIELDS: Final = frozenset({"csrfmiddlewaretoken", "do", "report", "all", "query", "reports", "planned", "next"})


@form_view
def selected(request: HttpRequest) -> HttpResponse:
    """POST ``do`` with ``report`` (once for each), or with ``all`` and the ``query`` of the list: the page that asks
    for a confirmation. That sends ``reports`` (ids with commas between) and when it was ``planned``, and the answer is
    what came of each, at an address of its own (``came``).

    Someone else's export is answered as one that is not there, and the trail hears of it.
    """
    if request.method != "POST":
        only(request, ("came",))
        last = request.session.get(KEPT)
        came = last if last and last["came"] == request.GET.get("came") else None
        return render(request, "exports/selected.html", {"section": "exports", "came": came, "last": last})
    if unknown := sorted(set(request.POST) - _FIELDS):
        known = "do, report, all, query, reports, planned, next"
        raise UserError(f"unknown field {unknown[0][:80]!r}; known: {known}", field=unknown[0][:80])
    key = request.POST.get("do", "")
    if key not in BULK_ACTIONS:
        raise UserError(f"do is {key[:80]!r}; known: {', '.join(BULK_ACTIONS)}", field="do")
    if "reports" in request.POST:
        return _carried_out(request, BULK_ACTIONS[key], request.POST["reports"].split(","))
    found: Sequence[ExportReport]
    missing: Sequence[str] = ()
    if request.POST.get("all"):
        found = _all(request, request.POST.get("query", ""))
    else:
        ids = list(dict.fromkeys(request.POST.getlist("report")))
        if not ids:
            return refused(request, UserError("No export is selected. Tick some of the list first."), "exports:list")
        _limited(len(ids), "report")
        found, missing = _visible(request, ids)
    plan = plan_bulk(BULK_ACTIONS[key], found, verbs_by_project(request.user))
    for report_id in missing:
        plan.leave_out(report_id[:80], "there is no such export")
    return _to_confirm(request, key, plan)


def _limited(count: int, field: str) -> None:
    if count > MOST:
        raise UserError(f"more than {MOST} exports are selected; at most {MOST} at once: filter the list", field=field)


def _all(request: HttpRequest, query: str) -> Sequence[ExportReport]:
    """What a list of that query shows on all of its pages. Raises :class:`UserError`."""
    reports = listed(request, "page", query=QueryDict(query)).reports
    if reports is None:
        raise UserError("a filter of the list has no meaning as it is", field="query")
    found = list(reports[: MOST + 1])
    _limited(len(found), "all")
    return found


def _visible(request: HttpRequest, ids: Sequence[str]) -> tuple[list[ExportReport], list[str]]:
    """Those that the person may see, in the order of ``ids``, and the ids of all others, of which the trail hears."""
    readable = [report_id for report_id in ids if "\x00" not in report_id]  # PostgreSQL refuses NUL in a text
    reports = ExportReport.objects.filter(report_id__in=readable, project__in=projects_for(request.user, VIEW))
    found = {report.report_id: report for report in for_lines(reports)}
    if hidden := set(readable) - set(found):
        note_hidden_reports(request, hidden)
    return [found[one] for one in ids if one in found], [one for one in ids if one not in found]


def _to_confirm(request: HttpRequest, key: str, plan: BulkPlan) -> HttpResponse:
    context = {
        "section": "exports",
        "key": key,
        "action": BULK_ACTIONS[key],
        "plan": plan,
        "reports": ",".join(report.report_id for report in plan.doable),
        "planned": times.now_ms(),
        "doable": plan.doable[:NAMES_SHOWN],
        "more": len(plan.doable) - NAMES_SHOWN,
        "left_out": [(reason, len(names), _some(names)) for reason, names in plan.left_out.items()],
        "back": came_from(request),
    }
    return render(request, "exports/selected_confirm.html", context)


def _some(names: Sequence[str]) -> str:
    """``Nightly, Weekly and 3 more``."""
    more = len(names) - 3
    return ", ".join(names[:3]) + (f" and {more:,} more" if more > 0 else "")


def _carried_out(request: HttpRequest, action: BulkAction, ids: Iterable[str]) -> HttpResponse:
    wanted = list(dict.fromkeys(ids))
    _limited(len(wanted), "reports")
    planned = request.POST.get("planned", "0")  # who says nothing has seen no retry, ever
    if not (planned.isascii() and planned.isdecimal() and len(planned) < 16):
        raise UserError(f"planned is {planned[:80]!r}; expected milliseconds since 1970", field="planned")
    lines: dict[bool, list[dict[str, Any]]] = {True: [], False: []}
    came = {"came": str(times.now_ms()), "title": action.title, "back": came_from(request)}
    request.session[KEPT] = {**came, "done": lines[True], "refused": lines[False]}
    attempts = Attempts()
    for number, report_id in enumerate(wanted, 1):
        line = _one(request, report_id, action, int(planned), attempts)
        lines[line["is_done"]].append(line)
        if number % KEPT_AT_ONCE == 0:
            with suppress(UpdateError):  # signed out meanwhile: nobody will look
                request.session.save()
    if attempts.too_many is not None:
        tell_refused(request, attempts.too_many, 429)
    return redirect(f"{reverse('exports:selected')}?came={came['came']}")


def _one(
    request: HttpRequest, report_id: str, action: BulkAction, planned_ms: int, attempts: Attempts
) -> dict[str, Any]:
    line: dict[str, Any] = {"report_id": report_id[:80], "is_done": False}
    try:
        report = get_report(request, report_id, VIEW)
    except NotFoundError as error:
        tell_refused(request, error, 404)
        return line | {"message": "There is no such export."}
    line |= {"name": report.name or report.report_id, "link": report.report_id}
    done, message = attempts.attempt(report, partial(action.act, report, actor_of(request), planned_ms))
    return line | ({"message": message} if done is None else {**dataclasses.asdict(done), "is_done": True})
