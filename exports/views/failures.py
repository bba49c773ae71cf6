"""Exports that failed for one reason, and the form that retries them together."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from connections.access.permissions import START, VIEW, projects_for
from exportadmin.audit.middleware import actor_of
from exportadmin.lib.errors import ConflictError, NothingToDoError, TooManyError, UserError
from exportadmin.lib.pages import form_view, only, refused, tell_refused
from exports.failures import DAYS, Retried, find_group, retry_group

KEPT = "retried_failures"  # in the session: a page that is looked at again does nothing again
_FIELDS = frozenset({"csrfmiddlewaretoken", "count"})


@form_view
def group(request: HttpRequest, key: str) -> HttpResponse:
    """What failed for the reason and may be retried, with the number to confirm; sent, it retries them and says what
    came of each."""
    if request.method == "POST":
        return _retry(request, key)
    only(request, ())
    came = request.session.get(KEPT)
    context = {
        "section": "home",
        "failed_days": DAYS,
        "group": find_group(key, projects_for(request.user, VIEW), projects_for(request.user, START)),
        "came": came if came and came["key"] == key else None,
    }
    return render(request, "exports/failures.html", context)


def _retry(request: HttpRequest, key: str) -> HttpResponse:
    if unknown := sorted(set(request.POST) - _FIELDS):
        raise UserError(f"unknown field {unknown[0][:80]!r}; known: count", field=unknown[0][:80])
    wanted = request.POST.get("count", "")
    if not (wanted.isascii() and wanted.isdecimal() and len(wanted) < 10):
        raise UserError(f"count is {wanted[:80]!r}; expected the number of exports to retry", field="count")
    try:
        done = retry_group(
            key=key,
            count=int(wanted),
            actor=actor_of(request),
            seen=projects_for(request.user, VIEW),
            startable=projects_for(request.user, START),
        )
    except (ConflictError, NothingToDoError) as error:
        return refused(request, error, "exports:failures", key)
    for one in done:
        if isinstance(one.refusal, TooManyError):
            tell_refused(request, one.refusal, 429)
    lines = [_line(one) for one in done]
    request.session[KEPT] = {
        "key": key,
        "done": [line for line in lines if "again" in line],
        "refused": [line for line in lines if "again" not in line],
    }
    return redirect("exports:failures", key)


def _line(one: Retried) -> dict[str, str]:
    """As ``exports/_selected_line.html`` shows it."""
    line = {"link": one.report.report_id, "name": one.report.name or one.report.report_id}
    if one.again is None:
        return line | {"message": one.refusal.message if one.refusal else ""}
    return line | {"message": "Requested again.", "again": one.again.report_id}
