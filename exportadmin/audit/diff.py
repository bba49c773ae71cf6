"""What stood before a change and what stands after it, side by side."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from exportadmin.lib.masking import CHANGED, NOT_SET, SET, UNCHANGED

ADDED, REMOVED, SAME, OTHER = "added", "removed", "same", "changed"
# what a masked secret says after a change → what became of it
_MASKED: Final = {UNCHANGED: SAME, CHANGED: OTHER}


@dataclass(frozen=True, slots=True)
class Change:
    """One value. ``state``: added, removed, changed, same. ``before`` or ``after`` is ``None`` where nothing stood."""

    path: str
    before: str | None
    after: str | None
    state: str


def compare(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> list[Change]:
    """Every value of both, by its path; what differs comes first."""
    was, now = dict(_walk(before, "")), dict(_walk(after, ""))
    paths = [*was, *(path for path in now if path not in was)]
    changes = [Change(path, was.get(path), now.get(path), _state(was.get(path), now.get(path))) for path in paths]
    return sorted(changes, key=lambda change: change.state == SAME)


def flat(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """``(path, value)`` of nested values."""
    return list(_walk(values, ""))


def _walk(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping) and (value or not path):
        for key, item in value.items():
            yield from _walk(item, f"{path}.{key}" if path else str(key))
    elif path:
        yield path, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _state(was: str | None, now: str | None) -> str:
    if was is None:
        return ADDED
    if now is None:
        return REMOVED
    # "set" became "unchanged": two words for the same secret
    if was in (SET, NOT_SET) and now in _MASKED:
        return _MASKED[now]
    return SAME if was == now else OTHER
