"""The frozen description of a report as lines for a person. A key that nobody has words for is shown by itself."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from connections.sinks import SINKS
from exports.formats import FORMATS
from exports.spec.conditions import CONDITIONS
from exports.spec.labels import label_text
from exports.spec.parts import PART_LABELS
from exports.spec.spec import beside_filter, spec_keys

LONGEST: Final = 300
# key → its label; conditions have their own
LABELS: dict[str, str] = {
    "format": "Format",
    "scope": "Rows of",
    "project_ids": "With the labels of projects",
    "all_projects": "With the labels of all projects",
    "model_run_ids": "With the predictions of model runs",
    "all_model_runs": "With the predictions of all model runs",
    "scope_settled": "Read",
    "projects": "Projects",
    "labels_of": "Labels of",
    "runs": "Model runs",
    "others": "Other projects, which you may not see",
    "dataset_ids": "Datasets",
    "filter": "Filter",
    "platform_export": "Made by the platform",
    "statuses": "Review statuses",
    "updated_after": "Updated after",
    "where": "Delivered",
    "remote_id": "Its own id there",
    "labels": "Labels of each row",
    "interpolated_frames": "Frames between key frames computed",
    "include": "Parts included",
    "options": "Format options",
    "destination": "Destination",
    "max_refused": "Refused rows allowed (share)",
    "sync_first": "Mirror brought up to date first",
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


def describe(config: object, connections: Mapping[str, str] | None = None) -> list[Line]:
    """The lines of a config. Takes any JSON, since old reports stay.

    What was not asked for (``null``, empty) is not shown, but for parts, or all conditions, that are none. Nor are
    parts where the format holds none of them. ``connections``: the names, by id, of those that whoever looks may know
    of; another one is shown by its id.
    """
    if not isinstance(config, Mapping):
        return []
    writer, options = FORMATS.get(str(config.get("format"))), config.get("options")
    if writer is not None and not writer.holds_parts(options if isinstance(options, Mapping) else {}):
        config = {key: value for key, value in config.items() if key != "include"}
    if not config.get("filter") and any(config.get(key) for key in beside_filter()):
        config = {key: value for key, value in config.items() if key != "filter"}  # there are conditions: beside it
    lines = _lines(config, [*spec_keys(), *LABELS])
    destination = config.get("destination")
    if not isinstance(destination, Mapping) or not destination.get("connection"):
        return list(lines)
    whole = _destination(destination, connections or {})
    return [whole if line.term == LABELS["destination"] else line for line in lines]


def filter_text(config: object) -> str:
    """Which rows and labels were asked for, on one line of at most :data:`LONGEST`."""
    spec = config if isinstance(config, Mapping) else {}
    keys = (*beside_filter(), "filter", "platform_export")
    text = "; ".join(_texts(describe({key: spec[key] for key in keys if spec.get(key)}))) or "none: every row"
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _texts(lines: Sequence[Line]) -> Iterator[str]:
    for line in lines:
        if line.lines:
            yield from _texts(line.lines)
        elif line.values:
            more = f" and {line.more} more" if line.more else ""
            yield f"{line.term.lower()}: {', '.join(line.values)}{more}"


def _destination(destination: Mapping[str, Any], connections: Mapping[str, str]) -> Line:
    kind, connection = str(destination.get("kind", "")), str(destination["connection"])
    sink = SINKS.get(kind)
    titles = {field.name: field.title for field in sink.fields} if sink else {}
    lines = [
        Line("Kind", (sink.title if sink else kind,)),
        Line("Connection", (connections.get(connection, connection),)),
    ]
    lines += [
        Line(titles.get(key) or _label(key), (_text(value),))
        for key, value in destination.items()
        if key not in ("kind", "connection") and value
    ]
    return Line(LABELS["destination"], lines=tuple(lines))


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
        elif key == "include" and isinstance(value, list | tuple):
            yield _line(key, [PART_LABELS[part][0] if part in PART_LABELS else part for part in value])
        elif isinstance(value, Mapping) and value.keys() == {"kind"}:
            kind = value["kind"]
            yield _line(key, [SINKS[kind].title if key == "destination" and kind in SINKS else kind])
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
