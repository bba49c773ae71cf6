"""Which importer a file is for, by the beginning of its structure."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import orjson

from exportadmin.lib import json_stream
from exportadmin.lib.errors import UserError
from exportadmin.lib.json_stream.marks import BOM, OPEN_BRACE, OPEN_BRACKET, Reading

_LOOK_BYTES: Final = 1024 * 1024
_LOOK_MARKS: Final = 50_000
_COCO_LISTS: Final = frozenset({"images", "categories"})
_COCO_MARKS: Final = frozenset({"image_id", "category_id"})
# keys of a line of Label Studio's JSON-MIN, and of no task
MINIFIED: Final = frozenset({"annotation_id", "annotator"})
NOT_MINIFIED: Final = (
    "this is Label Studio's JSON_MIN (JSON-MIN), which says neither on which picture a region lies nor which control"
    " drew it, and cuts a task into its annotations; export it there as JSON and import that"
)
_TASK_KEYS: Final = frozenset({"annotations", "predictions", "completions", "drafts", "inner_id", "id", "meta"})


@dataclass(slots=True)
class _Value:
    """What is known of a value under a key: the bracket that it begins with, and the keys of the objects in it."""

    opener: int = 0
    keys: set[str] = field(default_factory=set)


def detect(path: Path, *, name: str = "") -> str:
    """The key of the importer. Reads no more than the first MiB. Raises :class:`UserError` when it cannot tell.

    ``name``: what users call the file, where it is not what it is called on disk.
    """
    name = name or path.name
    try:
        with path.open("rb") as stream:
            head = stream.read(_LOOK_BYTES)
    except OSError as error:
        raise UserError(f"{name} cannot be read: {error.strerror}", field="file") from None
    first = json_stream.first_byte(head)
    if not first:
        raise UserError(f"{name} is empty; expected JSON", field="file")
    if first not in (b"[", b"{"):
        raise UserError(
            f"{name} is no JSON that can be imported: it begins with {head[:20]!r}, expected [ or {{", field="file"
        )
    text = head.removeprefix(BOM).lstrip()
    if first == b"[":
        text = text[1:].lstrip()
        if not text.startswith(b"{"):
            raise _unclear(name, "an array whose first entry is no object")
        values = _first_object(text)
        key = _row_kind(values)
        if key is None and values.keys() >= _COCO_MARKS:
            if "score" in values:
                return "coco_results"
            raise _unclear(name, "a list of COCO annotations (or results) without its images")
    else:
        values = _first_object(text)
        key = _diffgram(values) or _row_kind(values) or _coco(values)
    if key is None and MINIFIED & values.keys():
        raise UserError(f"{name}: {NOT_MINIFIED}", field="file")
    if key is None:
        raise _unclear(name, f"keys at the beginning are {', '.join(sorted(values)[:8]) or 'none'}")
    return key


def _unclear(name: str, found: str) -> UserError:
    return UserError(
        f"the format of {name} is unclear ({found}); name it: coco_json (an object with images), "
        "diffgram_json (an object with a label_map), label_studio_json (tasks with data), labellerr_json (files with "
        "file_id) or ndjson (rows with data_row)",
        field="format",
    )


def _row_kind(values: dict[str, _Value]) -> str | None:
    if "data_row" in values:
        return "ndjson"
    if values.keys() >= {"file_id", "file_name"}:
        return "labellerr_json"
    if "data" in values and values["data"].opener == OPEN_BRACE and not _COCO_LISTS & values.keys():
        return "label_studio_json"
    done = values.get("annotations") or values.get("completions")
    return "label_studio_json" if done is not None and "result" in done.keys else None


def _diffgram(values: dict[str, _Value]) -> str | None:
    """Its keys may stand in any order: what is said of the export, or an entry of a file under its number."""
    if {"label_map", "export_info", "attribute_groups_reference"} & values.keys():
        return "diffgram_json"
    entries = [value for key, value in values.items() if key.isascii() and key.isdigit()]
    return "diffgram_json" if any("file" in value.keys for value in entries) else None


def _coco(values: dict[str, _Value]) -> str | None:
    if _COCO_LISTS & values.keys():
        return "coco_json"
    if "annotations" in values and _COCO_MARKS & values["annotations"].keys:
        return "coco_json"
    if {"info", "licenses"} & values.keys() and not _TASK_KEYS & values.keys():
        return "coco_json"
    return None


def _first_object(text: bytes) -> dict[str, _Value]:
    """The object that ``text`` begins with, as far as it goes: a look at brackets and colons, no parsing, so that a
    value of any length may be cut off."""
    marks = Reading().marks(text)
    quotes = marks.quotes()
    places = np.concatenate((marks.colons, marks.brackets))
    places.sort()
    values: dict[str, _Value] = {}
    current = _Value()
    openers: list[int] = []
    for place in places[:_LOOK_MARKS].tolist():
        mark = text[place]
        if mark == ord(":"):
            key = _key_before(text, int(np.searchsorted(quotes, place)), quotes)
            if openers == [OPEN_BRACE]:
                current = values.setdefault(key, _Value())
            elif openers[1:] in ([OPEN_BRACE], [OPEN_BRACKET, OPEN_BRACE]):
                current.keys.add(key)
        elif mark in (OPEN_BRACE, OPEN_BRACKET):
            if len(openers) == 1 and not current.opener:
                current.opener = mark
            openers.append(mark)
        else:
            del openers[-1:]
            if not openers:
                break
    return values


def _key_before(text: bytes, quote: int, quotes: json_stream.marks.Positions) -> str:
    if quote < 2:
        return ""
    try:
        return str(orjson.loads(text[int(quotes[quote - 2]) : int(quotes[quote - 1]) + 1]))
    except orjson.JSONDecodeError:
        return ""
