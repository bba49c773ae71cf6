"""The frozen config of a report as lines for a person. A key that this file has no words for is shown by itself."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from exportadmin.lib import times

# key → the words for it; the order is that of the screen
TERMS: dict[str, str] = {
    "format": "Format",
    "statuses": "Review statuses",
    "filter": "Filter",
    "since_revision": "Changed since revision",
    "updated_after": "Updated after",
    "last_activity_at": "Last activity",
    "label_created_at": "Label created",
    "workflow_status": "Workflow group",
    "workflow_groups": "Workflow groups",
    "batch_ids": "Batches",
    "global_keys": "Global keys",
    "data_row_ids": "Data rows",
    "with_annotations": "With annotations",
    "include": "Parts included",
    "parts": "Parts included",
    "options": "Format options",
    "destination": "Destination",
    "kind": "Kind",
    "time_zone": "Time zone",
    "resolved": "Resolved to (UTC)",
}
# what an empty value means, where leaving the line out would leave the reader guessing
EMPTY: dict[str, str] = {"statuses": "all", "filter": "none", "include": "none"}
WINDOWS: frozenset[str] = frozenset({"last_activity_at", "label_created_at"})
MOST_VALUES = 12
MOST_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class Line:
    """One entry: ``values`` are words side by side, ``more`` how many were left out, ``lines`` nested entries."""

    term: str
    values: tuple[str, ...] = ()
    more: int = 0
    lines: tuple[Line, ...] = ()


def describe(config: object) -> list[Line]:
    """The lines of a config. Takes any JSON, since old reports stay.

    What was not asked (``null``, empty) is not shown, but for the keys of :data:`EMPTY`.
    """
    if not isinstance(config, Mapping):
        return []
    return list(_lines(config))


def _lines(config: Mapping[str, Any]) -> Iterator[Line]:
    known = [key for key in TERMS if key in config]
    unknown = [key for key in config if key not in TERMS]
    for key in known + unknown:
        value = config[key]
        term = TERMS.get(key) or str(key).removesuffix("_ms").replace("_", " ").capitalize()
        if value is None or value in ({}, [], ""):
            if key in EMPTY and value is not None:
                yield Line(term, (EMPTY[key],))
            continue
        if isinstance(value, Mapping) and value.keys() == {"kind"}:
            yield Line(term, (_word(key, value["kind"]),))
        elif key in WINDOWS and isinstance(value, list) and len(value) == 2:
            start, end = ("any time" if bound is None else _word(key, bound) for bound in value)
            yield Line(term, (f"{start} to {end}",))
        elif isinstance(value, Mapping):
            if lines := tuple(_lines(value)):
                yield Line(term, lines=lines)
        elif isinstance(value, Sequence) and not isinstance(value, str):
            words = tuple(_word(key, item) for item in value[:MOST_VALUES])
            yield Line(term, words, more=max(0, len(value) - MOST_VALUES))
        else:
            yield Line(term, (_word(key, value),))


def _word(key: str, value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if key.endswith("_ms") and isinstance(value, int):
        return _moment(value)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= MOST_CHARACTERS else text[: MOST_CHARACTERS - 1] + "…"


def _moment(ms: int) -> str:
    if not times.MIN_MS <= ms <= times.MAX_MS:
        return str(ms)
    moment = times.to_datetime(ms).astimezone(dt.UTC)
    return f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03d} UTC"
