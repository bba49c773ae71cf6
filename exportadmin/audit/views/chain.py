"""The state of the chain in words, as the last verification left it, and a new one."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from exportadmin.audit import actions, verdicts
from exportadmin.audit.middleware import actor_of
from exportadmin.audit.scope import Scope, scope_of
from exportadmin.audit.verify import parse_head
from exportadmin.lib.errors import ConflictError, UserError
from exportadmin.lib.heavy import heavy
from exportadmin.lib.pages import done, post_view, refused

HOME = "audit:entries"


def context(scope: Scope) -> dict[str, Any]:
    """For the top of the pages."""
    now = verdicts.state()
    return {
        "chain": now,
        "may_verify": actions.may_verify(scope),
        "is_too_long": now.head[0] > actions.MOST_WHILE_WAITING,
        "most_entries": actions.MOST_WHILE_WAITING,
    }


@post_view
@heavy
def verify(request: HttpRequest) -> HttpResponse:
    """Verify now, beside a head that was kept elsewhere where one is given; the verdict stands on the list's page."""
    scope, actor = scope_of(request), actor_of(request)
    given = request.POST.get("head", "").strip()
    try:
        kept = parse_head(given) if given else None
    except UserError as error:
        return refused(request, error, HOME)
    found = actions.verify_chain(scope=scope, actor=actor, most=actions.MOST_WHILE_WAITING, kept_head=kept)
    verdict = found.verdict
    if verdict.is_of_kept_head:
        return refused(request, ConflictError(f"The trail does not contain that head: {verdict.message}."), HOME)
    if found.entry is None:  # too broken to be written on
        return render(request, "audit/broken.html", {"section": "audit", "chain": verdicts.state()})
    if not verdict.unbroken or kept is None:
        return done(request, "The trail was verified.", HOME)
    return done(request, f"The trail was verified, and it contains entry {kept[0]:,} with that hash.", HOME)
