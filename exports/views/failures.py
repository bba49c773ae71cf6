"""Exports that failed for one reason, and the form that retries them together."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from connections.access.permissions import START, VIEW, projects_for
from exportadmin.audit.middleware import actor_of
from exportadmin.lib import times
from exportadmin.lib.errors import ConflictError, NothingToDoError, UserError
from exportadmin.lib.pages import form_view, only, refused, tell_refused
from exports.failures import DAYS, Retried, find_group, retry_group

KEPT = "retried_failures"  # in the session: a page that is looked at again does nothing again
_FIELDS = frozenset({"csrfmiddlewaretoken", "digest"})


@form_view
def group(request: HttpRequest, key: str) -> HttpResponse:
    """What failed for the reason and may be retried, to confirm; sent, it retries them and says what came of each,
    at an address of its own (``came``)."""
    if request.method == "POST":
        return _retry(request, key)
    only(request, ("came",))
    kept = request.session.get(KEPT)
    context = {
        "section": "home",
        "failed_days": DAYS,
        "group": find_group(key, projects_for(request.user, VIEW), projects_for(request.user, START)),
        "came": kept if kept and [kept["key"], kept["came"]] == [key, request.GET.get("came")] else None,
    }
    return render(request, "exports/failures.html", context)


def _retry(request: HttpRequest, key: str) -> HttpResponse:
    if unknown := sorted(set(request.POST) - _FIELDS):
        raise UserError(f"unknown field {unknown[0][:80]!r}; known: digest", field=unknown[0][:80])
    if not request.POST.get("digest"):
        raise UserError("digest is missing; the page that lists what failed for this reason has it", field="digest")
    try:
        done = retry_group(
            key=key,
            digest=request.POST["digest"],
            actor=actor_of(request),
            seen=projects_for(request.user, VIEW),
            startable=projects_for(request.user, START),
        )
    except (ConflictError, NothingToDoError) as error:
        return refused(request, error, "exports:failures", key)
    if done.too_many is not None:
        tell_refused(request, done.too_many, 429)
    lines = [_line(one) for one in done.done]
    came = str(times.now_ms())
    request.session[KEPT] = {
        "key": key,
        "came": came,
        "done": [line for line in lines if "again" in line],
        "refused": [line for line in lines if "again" not in line],
    }
    return redirect(f"{reverse('exports:failures', args=[key])}?came={came}")


def _line(one: Retried) -> dict[str, str]:
    """As ``exports/_selected_line.html`` shows it."""
    line = {"link": one.report.report_id, "name": one.report.name or one.report.report_id}
    if one.again is None:
        return line | {"message": one.refusal}
    return line | {"message": "Requested again.", "again": one.again.report_id}
