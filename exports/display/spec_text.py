"""The frozen description of a report as lines for a person. A key that nobody has words for is shown by itself."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from exports.formats import FORMATS
from exports.spec.conditions import CONDITIONS
from exports.spec.labels import label_text
from exports.spec.spec import spec_keys

# key → its label; conditions have their own
LABELS: dict[str, str] = {
    "format": "Format",
    "filter": "Filter",
    "labels": "Labels of each row",
    "include": "Parts included",
    "options": "Format options",
    "destination": "Destination",
    "max_refused": "Refused rows allowed (share)",
    "time_zone": "Time zone",
    "resolved": "Resolved to (UTC)",
}
# what an empty value means, where leaving the line out would leave the reader guessing
EMPTY: dict[str, str] = {"filter": "none", "include": "none"}
MOST_VALUES = 12
MOST_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class Line:
    """One entry: ``values`` are texts side by side, ``more`` how many were left out, ``lines`` nested entries."""

    term: str
    values: tuple[str, ...] = ()
    more: int = 0
    lines: tuple[Line, ...] = ()


def describe(config: object) -> list[Line]:
    """The lines of a config. Takes any JSON, since old reports stay.

    What was not asked for (``null``, empty) is not shown, but for a filter or parts that are none. Nor are parts where
    the format holds none of them.
    """
    if not isinstance(config, Mapping):
        return []
    writer, options = FORMATS.get(str(config.get("format"))), config.get("options")
    if writer is not None and not writer.holds_parts(options if isinstance(options, Mapping) else {}):
        config = {key: value for key, value in config.items() if key != "include"}
    return list(_lines(config, [*spec_keys(), *LABELS]))


def _lines(config: Mapping[str, Any], order: Sequence[str]) -> Iterator[Line]:
    for key in dict.fromkeys([*(key for key in order if key in config), *config]):
        value = config[key]
        if value is None or value in ({}, [], ""):
            if value is not None and (empty := "all" if key in CONDITIONS else EMPTY.get(key)):
                yield Line(_label(key), (empty,))
        elif key in CONDITIONS:
            yield _line(key, CONDITIONS[key].texts(value))
        elif key == "labels":
            yield _line(key, [label_text(value)])
        elif isinstance(value, Mapping) and value.keys() == {"kind"}:
            yield _line(key, [value["kind"]])
        elif isinstance(value, Mapping):
            yield Line(_label(key), lines=tuple(_lines(value, list(CONDITIONS))))
        else:
            yield _line(key, value if isinstance(value, list | tuple) else [value])


def _line(key: str, values: Sequence[Any]) -> Line:
    texts = tuple(_text(value) for value in values[:MOST_VALUES])
    return Line(_label(key), texts, more=max(0, len(values) - MOST_VALUES))


def _label(key: str) -> str:
    if key in CONDITIONS:
        return CONDITIONS[key].label
    return LABELS.get(key) or str(key).replace("_", " ").capitalize()


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= MOST_CHARACTERS else text[: MOST_CHARACTERS - 1] + "…"
