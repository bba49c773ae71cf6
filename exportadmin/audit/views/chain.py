"""The state of the chain in words, as the last verification left it, and a new one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from exportadmin.audit import actions
from exportadmin.audit.middleware import actor_of
from exportadmin.audit.models import DONE, AuditEntry
from exportadmin.audit.record import head
from exportadmin.audit.scope import Scope, scope_of
from exportadmin.audit.sentences import actor_label
from exportadmin.audit.verify import Verdict
from exportadmin.lib import times
from exportadmin.lib.errors import UserError
from exportadmin.lib.pages import post_view

# entries that a page may walk through: some 15 seconds on a small machine
MOST = 200_000


@dataclass(frozen=True, slots=True)
class State:
    """``head`` is the newest entry's number. Without ``verified_ms`` nobody has verified the trail yet."""

    head: int
    verified_ms: int | None = None
    verified_by: str = ""
    entry: int | None = None
    entries: int | None = None
    since_ms: int | None = None
    seconds: float | None = None
    is_broken: bool = False
    kind: str = ""
    bad_entry: int | None = None
    message: str = ""

    @property
    def unverified(self) -> int | None:
        """Entries that came after the last verification, its own among them."""
        return None if self.entries is None else max(0, self.head - self.entries)


def state() -> State:
    """Two queries: the head, and the last ``audit.verified``."""
    newest = head()[0]
    last = AuditEntry.objects.filter(event="audit.verified").order_by("-sequence").first()
    if last is None:
        return State(newest)
    told = last.details
    return State(
        newest,
        verified_ms=last.at_ms,
        verified_by=actor_label(last.actor_kind, last.actor_name),
        entry=last.sequence,
        entries=_whole(told.get("entries")),
        since_ms=_moment(told.get("since")),
        seconds=None if (took := _whole(told.get("milliseconds"))) is None else took / 1000,
        is_broken=last.outcome != DONE,
        kind=str(told.get("kind") or ""),
        bad_entry=_whole(told.get("sequence")),
        message=str(told.get("message") or last.reason),
    )


def context(scope: Scope) -> dict[str, Any]:
    """For the top of the pages."""
    now = state()
    may = actions.may_verify(scope)
    return {"chain": now, "may_verify": may, "is_too_long": now.head > MOST, "most_entries": MOST}


@post_view
def verify(request: HttpRequest) -> HttpResponse:
    """Verify now; the verdict stands on the list's page, since it stands in the trail."""
    done = actions.verify_chain(scope=scope_of(request), actor=actor_of(request), most=MOST)
    if done.entry is None:  # too broken to be written on
        return render(request, "audit/broken.html", {"section": "audit", "chain": _broken(done.verdict, done.seconds)})
    return redirect("audit:entries")


def _broken(verdict: Verdict, seconds: float) -> State:
    return State(
        verdict.head[0],
        verified_ms=times.now_ms(),
        entries=verdict.entries,
        since_ms=verdict.since_ms,
        seconds=seconds,
        is_broken=True,
        kind=verdict.kind or "",
        bad_entry=verdict.sequence,
        message=verdict.message,
    )


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _moment(value: object) -> int | None:
    try:
        return times.parse_ms(value) if isinstance(value, str) else None
    except UserError:
        return None
