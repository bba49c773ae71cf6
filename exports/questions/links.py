"""Which links were issued, and what became of them? From the trail alone: it outlives the links."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from django.db.models import Q, QuerySet

from exportadmin.audit.forms import text
from exportadmin.audit.models import DONE, AuditEntry
from exportadmin.audit.noise import SINGLE
from exportadmin.audit.questions.base import (
    PERIOD,
    PROJECT,
    Answer,
    Figures,
    Question,
    as_far,
    counted,
    done_by,
    moment,
    of_project,
    people,
    sentence,
    under,
    within,
)
from exportadmin.audit.scope import Scope
from exportadmin.audit.serialize import Extra
from exportadmin.lib import times

# uses of the links of one page that are looked at, newest first
MOST_USES = 5_000


def _answer(params: Mapping[str, str], scope: Scope) -> Answer:
    entries = within(params).filter(under("link.issued"), outcome=DONE)
    if "person" in params:
        entries = entries.filter(done_by(params["person"]))
    tries = within({name: value for name, value in params.items() if name == "project"})
    by_link = Q(event="artifact.downloaded", channel="link") | under("link.revoked", "link.refused")
    uses = scope.within(tries).filter(by_link)

    def fates(issued: Sequence[AuditEntry]) -> list[list[str]]:
        seen = _uses(uses, issued)
        return [[_for_whom(entry), _fate(entry, seen.get(_link(entry), Counter()))] for entry in issued]

    def summary(found: Figures) -> str:
        if not found.all.count:
            return sentence("No links", of_project(params), f"were handed out in that time{as_far(scope)}")
        files = f"to {found.all.objects:,} {'file' if found.all.objects == 1 else 'files'}"
        links = counted(found.all.count, "link", "links")
        return sentence(links, of_project(params), files, people(found.all), found.between)

    return Answer(
        entries,
        summary,
        extra=Extra(["For", "What became of it"], fates),
        notes=[
            "Downloads count each part of a file that was fetched in parts. Tries with an address that fits no link "
            "belong to none of them; they are among the refused requests, as are most of those of an address that "
            "goes on and on."
        ],
    )


def _uses(uses: QuerySet[AuditEntry], issued: Sequence[AuditEntry]) -> dict[str, Counter[str]]:
    """Link → how often it was used, refused (by reason), revoked. One query for all of them."""
    files = {entry.object_id for entry in issued}
    seen: dict[str, Counter[str]] = {}
    columns = ("sequence", "event", "outcome", "reason", "details_json")
    for use in uses.filter(object_id__in=files).only(*columns).order_by("-sequence")[:MOST_USES]:
        what = use.event if use.outcome == DONE else f"refused: {use.reason}"
        seen.setdefault(_link(use), Counter())[what] += 1
    return seen


def _link(entry: AuditEntry) -> str:
    return str(entry.details.get("link", ""))


def _for_whom(entry: AuditEntry) -> str:
    details = entry.details
    who = str(details.get("for") or "") or "whoever has it"
    return f"{who}, once" if details.get("one_time") else who


def _fate(entry: AuditEntry, seen: Counter[str]) -> str:
    """``used 2 times, expired 3 Nov 2026, 09:00 UTC, refused 1 time (expired)``."""
    used, seconds = seen["artifact.downloaded"], entry.details.get("seconds")
    told = [f"used {used:,} {'time' if used == 1 else 'times'}" if used else "never used"]
    if seen["link.revoked"]:
        told.append("revoked")
    elif isinstance(seconds, int):
        ends = entry.at_ms + seconds * 1000
        told.append(f"{'expired' if ends <= times.now_ms() else 'ends'} {moment(ends)}")
    refused = {what.removeprefix("refused: "): count for what, count in seen.items() if what.startswith("refused: ")}
    if refused:
        total = sum(refused.values())
        some = "at least " if total >= SINGLE else ""
        told.append(f"refused {some}{total:,} {'time' if total == 1 else 'times'} ({', '.join(sorted(refused))})")
    return ", ".join(told)


QUESTION = Question(
    7,
    "links",
    "Which links were handed out, and what became of them?",
    "Signed addresses that work without sign-in: who made them, for whom, used, revoked, expired, refused.",
    {"person": text("Person", "who made them; empty: everybody"), **PROJECT, **PERIOD},
    _answer,
)
