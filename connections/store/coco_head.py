"""What a project keeps of COCO files beside rows and classes: ``info``, ``licenses``, lists that COCO does not know.

Exports print it again; of several files it is merged, by the ids of the entries.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import orjson

from connections.store.models import HANDED_OUT
from connections.store.notes import CHANGED, NOT_KEPT, Notes

KEY: Final = "coco"
MAX_BYTES: Final = 8 * 1024 * 1024
_MAX_SHOWN: Final = 60

# list → source's id → id in the project, of entries that got another one
MovedEntries = dict[str, dict[int | str, int]]


def merge_heads(known: dict[str, Any], new: dict[str, Any], notes: Notes) -> tuple[dict[str, Any], MovedEntries]:
    """``(both, entries that got another id)``.

    What the project has stays as it is: entries and values that are the same are there once, an entry whose id another
    has gets the next free one, another value for a key is not kept.
    """
    merged = dict(known)
    moved: MovedEntries = {}
    for name, value in new.items():
        here = merged.get(name)
        if name not in merged:
            merged[name] = value
        elif type(here) is list and type(value) is list:
            merged[name], ids = _merged_list(name, here, value, notes)
            if ids:
                moved[name] = ids
        elif name == "info" and type(here) is dict and type(value) is dict:
            merged[name] = {**value, **here}
            _note_other_values(name, ((key, here[key], value[key]) for key in here if key in value), notes)
        else:
            _note_other_values("", [(name, here, value)], notes)
    if len(orjson.dumps(merged)) > MAX_BYTES:
        notes.add(NOT_KEPT, "files whose info, licenses and lists would be too much for one project", example="8 MiB")
        return known, {}
    return merged, moved


def _merged_list(name: str, here: list[Any], new: list[Any], notes: Notes) -> tuple[list[Any], dict[int | str, int]]:
    merged = list(here)
    same = {_content(entry): _id(entry) for entry in here}
    ids = {_id(entry) for entry in here}
    numbers = [each for each in ids.union(map(_id, new)) if isinstance(each, int) and each < HANDED_OUT.start]
    following = max(numbers, default=0) + 1
    moved: dict[int | str, int] = {}
    for entry in new:
        content, source = _content(entry), _id(entry)
        if content in same:
            number = same[content]
            if source is not None and number != source and isinstance(number, int):
                moved[source] = number
            continue
        if source is not None and source in ids:
            moved[source] = following
            notes.add(
                CHANGED,
                f"entries of {name!r} whose id another has in this project, given another",
                example=f"{source!r} is {following}",
            )
            entry = {**entry, "id": following, "source_id": source}
            following += 1
        merged.append(entry)
        same[content] = _id(entry)
        ids.add(same[content])
    return merged, moved


def _id(entry: Any) -> int | str | None:
    """The id of an entry that has one."""
    found = entry.get("id") if type(entry) is dict else None
    return found if type(found) is int or type(found) is str else None


def _content(entry: Any) -> bytes:
    """Equal for entries that say the same, whatever their ids; an entry that says nothing else is its id."""
    if type(entry) is dict:
        entry = {key: value for key, value in entry.items() if key not in ("id", "source_id")} or entry
    return orjson.dumps(entry, option=orjson.OPT_SORT_KEYS)


def _note_other_values(of: str, values: Iterable[tuple[str, Any, Any]], notes: Notes) -> None:
    for key, here, new in values:
        if here != new:
            what = f"values of {of!r}" if of else "values of the file itself"
            example = f"{key}: {_shown(new)} in the file, {_shown(here)} in the project"
            notes.add(NOT_KEPT, f"{what}, which are others in this project", example=example)


def _shown(value: Any) -> str:
    text = orjson.dumps(value).decode()
    return text if len(text) <= _MAX_SHOWN else text[:_MAX_SHOWN] + "…"
