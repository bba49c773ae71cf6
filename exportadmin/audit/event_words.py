"""Event keys as words for people: a select of actions, grouped as the keys are."""

from __future__ import annotations

from typing import Final

from exportadmin.audit.events import EVENTS

# front of a key → its words; one that is not here shows as it is
FRONTS: Final[dict[str, str]] = {
    "export": "Exports",
    "artifact": "Delivered files",
    "link": "Links",
    "config": "Export configs",
    "schedule": "Schedules",
    "watermark": "Watermarks",
    "project": "Projects",
    "import": "Imports",
    "connection": "Connections",
    "user": "Users",
    "membership": "Roles in projects",
    "token": "Tokens",
    "sign_in": "Sign-ins",
    "sign_out": "Sign-outs",
    "request": "Requests",
    "audit": "Audit trail",
    "setting": "Settings",
    "key": "Encryption keys",
    "worker": "Workers",
    "installation": "Installation",
}

Group = tuple[str, list[tuple[str, str]]]


def event_choices() -> list[Group]:
    """``(group, [(key or front, words)])`` in the order of the events; a group of several begins with all of it."""
    by_front: dict[str, list[str]] = {}
    for key in EVENTS:
        by_front.setdefault(key.partition(".")[0], []).append(key)
    groups = []
    for front, keys in by_front.items():
        words = front_words(front)
        whole = [(front, f"{words}: everything")] if len(keys) > 1 else []
        groups.append((words, [*whole, *((key, event_words(key)) for key in keys)]))
    return groups


def front_words(front: str) -> str:
    """``sign_in`` → ``Sign-ins``."""
    return FRONTS.get(front) or front.replace("_", " ").capitalize()


def event_words(key: str) -> str:
    """``export.cancel_requested`` → ``Exports: cancel requested``."""
    front, _, rest = key.partition(".")
    return f"{front_words(front)}: {rest.replace('_', ' ')}" if rest else front_words(front)
