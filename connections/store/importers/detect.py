"""Which importer a file is for, by the beginning of its structure."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from exportadmin.lib import json_stream
from exportadmin.lib.errors import UserError

_LOOK_BYTES = 1024 * 1024
_COCO_LISTS = frozenset({"images", "categories"})
_COCO_MARKS = frozenset({"image_id", "category_id"})
_TASK_KEYS = frozenset({"annotations", "predictions", "completions", "drafts", "inner_id", "id", "meta"})


def detect(path: Path) -> str:
    """The key of the importer. Reads no more than the first MiB. Raises :class:`UserError` when it cannot tell."""
    try:
        with path.open("rb") as stream:
            head = stream.read(_LOOK_BYTES)
    except OSError as error:
        raise UserError(f"{path.name} cannot be read: {error.strerror}", field="file") from None
    first = json_stream.first_byte(head)
    if not first:
        raise UserError(f"{path.name} is empty; expected JSON", field="file")
    if first not in (b"[", b"{"):
        raise UserError(
            f"{path.name} is no JSON that can be imported: it begins with {head[:20]!r}, expected [ or {{", field="file"
        )
    if first == b"[":
        start = head.index(b"[") + 1
        if not head[start:].lstrip(b" \t\r\n").startswith(b"{"):
            raise _unclear(path, "an array whose first entry is no object")
        facts = _facts(head[start:].lstrip(b" \t\r\n"))
        key = _row_kind(facts)
        if key is None and facts.keys() >= _COCO_MARKS:
            raise _unclear(path, "a list of COCO annotations (or results) without its images")
    else:
        facts = _facts(head)
        key = _row_kind(facts) or _coco(facts)
    if key is None:
        raise _unclear(path, f"keys at the beginning are {', '.join(sorted(facts)[:8]) or 'none'}")
    return key


def _unclear(path: Path, found: str) -> UserError:
    return UserError(
        f"the format of {path.name} is unclear ({found}); name it with --format: coco_json (an object with images), "
        "label_studio (tasks with data) or ndjson (rows with data_row)",
        field="format",
    )


def _row_kind(facts: dict[str, Any]) -> str | None:
    if "data_row" in facts:
        return "ndjson"
    if isinstance(facts.get("data"), dict) and not _COCO_LISTS & facts.keys():
        return "label_studio"
    first = facts.get("annotations", facts.get("completions"))
    if isinstance(first, dict) and "result" in first:
        return "label_studio"
    return None


def _coco(facts: dict[str, Any]) -> str | None:
    if _COCO_LISTS & facts.keys():
        return "coco_json"
    first = facts.get("annotations")
    if isinstance(first, dict) and _COCO_MARKS & first.keys():
        return "coco_json"
    if {"info", "licenses"} & facts.keys() and not _TASK_KEYS & facts.keys():
        return "coco_json"
    return None


def _facts(head: bytes) -> dict[str, Any]:
    """Keys of the first object in ``head``, as far as it goes; a list stands for its first entry."""
    facts: dict[str, Any] = {}
    try:
        for piece in _pieces(head):
            if piece.element is None:
                facts.setdefault(piece.key, None)
            elif facts.get(piece.key) is None and piece.element.index == 0:
                facts[piece.key] = _value(piece.element.raw)
    except UserError:
        pass  # cut off, or further lines follow: what was found so far is what there is to go by
    return facts


def _pieces(head: bytes) -> Iterator[json_stream.Piece]:
    return json_stream.sections(io.BytesIO(head))


def _value(raw: bytes) -> Any:
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
