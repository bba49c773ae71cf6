"""An entry as one plain sentence. Escaping for HTML is the template's job."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from exportadmin.audit.events import EVENTS
from exportadmin.audit.models import DONE, AuditEntry
from exportadmin.lib import actor as actors
from exportadmin.lib.text import TURNS

_CHOICE = re.compile(r"\[([^|\]]*)\|([^\]]*)\]")
_OPTIONAL = re.compile(r"<([^<>]*)>")
_NAME = re.compile(r"\{(\w+)\}")
# around the names that a page may link: no kept name holds them, record() takes control characters out
_MARKS = {"object": "\x01", "project": "\x02"}
_END = "\x03"
_MARKED = re.compile(f"([\x01\x02])([^{_END}]*){_END}")
_ANY_MARK = re.compile("[\x01-\x03]")
# a name must not rewrite the sentence
_TURNS = re.compile(f"[{TURNS}]")


@dataclass(frozen=True, slots=True)
class Piece:
    """Part of a sentence. ``role``: ``object`` or ``project`` where it is that name, else empty."""

    text: str
    role: str = ""


def sentence(entry: AuditEntry) -> str:
    """What happened, in words: ``alice requested export Nightly of project Litter`` (no full stop).

    An event key that this version does not know (any more) is shown as it is.
    """
    return _told(entry, _names(entry))


def pieces(entry: AuditEntry) -> list[Piece]:
    """:func:`sentence` in parts, so that a page can link the names in it; joined, they are the sentence."""
    names = {key: _ANY_MARK.sub("\ufffd", value) for key, value in _names(entry).items()}
    for role, mark in _MARKS.items():
        if names.get(role):
            names[role] = f"{mark}{names[role]}{_END}"
    roles = {mark: role for role, mark in _MARKS.items()}
    parts = _MARKED.split(_told(entry, names))  # text, mark, name, text, mark, name, text
    told = [Piece(parts[0])]
    for place in range(1, len(parts), 3):
        told += [Piece(parts[place + 1], roles[parts[place]]), Piece(parts[place + 2])]
    return [piece for piece in told if piece.text]


def _told(entry: AuditEntry, names: Mapping[str, str]) -> str:
    template = EVENTS.get(entry.event)
    if template is None:
        template = f"{{actor}}: {entry.event}< {{object}}>< in project {{project}}>"
    template = _CHOICE.sub(r"\1" if entry.outcome == DONE else r"\2", template)
    # names are put in last and in one pass, so that a name with {braces} or <angles> stays text
    complete = _OPTIONAL.sub(lambda found: found[1] if _is_complete(found[1], names) else "", template)
    told = _NAME.sub(lambda found: names.get(found[1]) or "(unnamed)", complete)
    return _TURNS.sub("\ufffd", " ".join(f"{told}{_ending(entry, complete)}".split()))


def _ending(entry: AuditEntry, told: str) -> str:
    """How it ended and why, as far as the sentence does not say so itself."""
    if entry.outcome == DONE:
        return f" ({entry.reason})" if entry.reason else ""
    says_so = any(word in told for word in ("refused", "failed", "stopped"))
    parts = [part for part in ("" if says_so else entry.outcome, entry.reason) if part]
    return f": {', '.join(parts)}" if parts else ""


def _is_complete(text: str, names: Mapping[str, str]) -> bool:
    return all(names.get(name) for name in _NAME.findall(text))


def _names(entry: AuditEntry) -> dict[str, str]:
    known = {key: str(value) for key, value in entry.details.items() if isinstance(value, str | int | float)}
    known["actor"] = actor_label(entry.actor_kind, entry.actor_name)
    known["object"] = entry.object_name or entry.object_id
    known["project"] = entry.project_name or entry.project_id
    return known


def actor_label(kind: str, name: str) -> str:
    """Who, in words: ``alice``, ``token ci``, ``schedule Nightly``, ``Export Admin`` for the product itself."""
    if kind == actors.SYSTEM:
        return "Export Admin"
    return f"{kind} {name}" if kind in (actors.TOKEN, actors.SCHEDULE) else name
