"""What was changed, and how?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.db.models import Q

from exportadmin.audit.diff import SAME, compare
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

SHOWN = 6


def _changes(params: Mapping[str, str], scope: Scope) -> Answer:
    changed = under("connection", "config", "schedule", "watermark", "project", "import", "setting", "key")
    entries = within(params).filter(changed, outcome=DONE)
    if "object" in params:
        entries = entries.filter(Q(object_id=params["object"]) | Q(object_name=params["object"]))
    about = f"of {params['object']}" if "object" in params else ""

    def summary(found: Figures) -> str:
        by = people(found.all)
        return sentence(counted(found.all.count, "change", "changes"), about, by, found.between)

    return Answer(entries, summary, extra=Extra(["What changed"], _paths), whole=True)


def _paths(entries: Sequence[AuditEntry]) -> list[list[str]]:
    return [[change_text(entry)] for entry in entries]


def change_text(entry: AuditEntry) -> str:
    """What differs, by its paths; ``made``, ``removed``, or nothing that differs."""
    if entry.before is None and entry.after is None:
        return "–"
    if entry.before is None:
        return "made"
    if entry.after is None:
        return "removed"
    paths = [change.path for change in compare(entry.before, entry.after) if change.state != SAME]
    more = f" and {len(paths) - SHOWN} more" if len(paths) > SHOWN else ""
    return f"{', '.join(paths[:SHOWN])}{more}" if paths else "nothing"


CHANGES = Question(
    4,
    "changes",
    "What was changed in connections, configs and projects?",
    "Connections, saved configs, schedules, imports and settings, with what differs. Name one to see its whole life.",
    {"object": text("Name or id", "of a connection, config, project …; empty: all"), **PROJECT, **PERIOD},
    _changes,
    unseen="changes of connections, settings and keys",
)
