"""Who was given access, or had it taken?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.db.models import Q

from exportadmin.audit.forms import text
from exportadmin.audit.models import DONE, AuditEntry
from exportadmin.audit.queries import with_detail
from exportadmin.audit.questions.base import (
    PERIOD,
    PROJECT,
    Answer,
    Figures,
    Question,
    as_far,
    counted,
    people,
    sentence,
    under,
    within,
)
from exportadmin.audit.scope import Scope
from exportadmin.audit.serialize import Extra


def _answer(params: Mapping[str, str], scope: Scope) -> Answer:
    roles, tokens, users = under("membership"), under("token.issued", "token.changed", "token.revoked"), under("user")
    entries = within(params).filter(roles | tokens | users, outcome=DONE)
    if "person" in params:
        entries = entries.filter(Q(object_name=params["person"]) | with_detail("for", params["person"]))

    def summary(found: Figures) -> str:
        parts = {
            "roles": counted(found.parts["roles"].count, "change of a role", "changes of roles"),
            "tokens": counted(found.parts["tokens"].count, "change of a token", "changes of tokens"),
            "users": counted(found.parts["users"].count, "change of an account", "changes of accounts"),
        }
        if not found.all.count:
            return f"Nobody's access was changed in that time{as_far(scope)}."
        told = ", ".join(text for name, text in parts.items() if found.parts[name].count)
        return sentence(told, people(found.all), found.between)

    return Answer(
        entries,
        summary,
        parts={"roles": roles, "tokens": tokens, "users": users},
        extra=Extra(["What was given"], _given),
        whole=True,
        notes=["A token is never more than its person: a role that was taken ends it as well."],
    )


def _given(entries: Sequence[AuditEntry]) -> list[list[str]]:
    return [[_given_text(entry)] for entry in entries]


def _given_text(entry: AuditEntry) -> str:
    details, before = entry.details, entry.before or {}
    if entry.event.startswith("membership."):
        was, now = before.get("role"), details.get("role")
        return f"{was} → {now}" if was and now else str(now or "no role any more")
    scopes = details.get("scopes")
    if isinstance(scopes, list):
        days = details.get("expires_in_days")
        lasts = f", for {days} days" if days else ", without an end"
        return f"{', '.join(map(str, scopes))} to {details.get('for') or '?'}{lasts}"
    return "–"


ACCESS = Question(
    8,
    "access",
    "Who was given access, or had it taken?",
    "Roles in projects, tokens of scripts and accounts: given, changed, revoked.",
    {"person": text("Person", "who was given it; empty: everybody"), **PROJECT, **PERIOD},
    _answer,
    unseen="accounts, and tokens that are for more than one project",
)
