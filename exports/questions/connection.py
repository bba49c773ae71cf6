"""What happened to a connection, and who used it for what? From the trail alone: it outlives the connection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.db.models import Q

from exportadmin.audit.forms import text
from exportadmin.audit.models import DONE, AuditEntry
from exportadmin.audit.questions.base import (
    PERIOD,
    PROJECT,
    Answer,
    Figures,
    Question,
    counted,
    people,
    sentence,
    under,
    within,
)
from exportadmin.audit.scope import Scope
from exportadmin.audit.serialize import Extra
from exports.questions.changes import change_text

USED = "connection.used"


def _answer(params: Mapping[str, str], scope: Scope) -> Answer:
    wanted = params["connection"]
    entries = within(params).filter(
        under("connection"), Q(object_id=wanted) | Q(object_name=wanted), object_kind="connection"
    )

    def summary(found: Figures) -> str:
        used, changed = found.parts["used"], found.parts["changed"]
        return sentence(
            f"{wanted} was used for",
            counted(used.count, "export", "exports"),
            people(used),
            *((f"and had {counted(changed.count, 'change', 'changes')}", people(changed)) if scope.everything else ()),
            found.between,
        )

    changes = under("connection") & ~Q(event__in=[USED, "connection.tested"])
    return Answer(
        entries,
        summary,
        parts={"used": Q(event=USED, outcome=DONE), "changed": changes & Q(outcome=DONE)},
        extra=Extra(["What changed, or which export"], _texts),
        whole=True,
    )


def _texts(entries: Sequence[AuditEntry]) -> list[list[str]]:
    return [[_text(entry)] for entry in entries]


def _text(entry: AuditEntry) -> str:
    if entry.event == USED:
        return f"export {entry.details.get('report', '')}"
    return change_text(entry)


CONNECTION = Question(
    11,
    "connection",
    "What was changed at a connection, and who used it for what?",
    "Made, changed, given other secrets, tested, granted, and each export that was to be delivered through it.",
    {"connection": text("Connection", "its name or id"), **PROJECT, **PERIOD},
    _answer,
    needed=("connection",),
    unseen="what was done to the connection itself",
)
