"""Where an object lies, worked out and written once for both COCO and CSV."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from connections.rows.counts import KIND_LETTERS, labels_of
from connections.rows.shapes import bounds, flat, polygon_rings

# the letter of its kind; "left,top,width,height" around it and its geometry, both as JSON text ("" where there is
# none; a mask's geometry is its counts, unquoted); what its area is computed from: a box's sides, a polygon's rings, a
# mask's pixels
Outline = tuple[str, str, str, Any]

_dumps = orjson.dumps
_letter = KIND_LETTERS.get


def outlines(document: Mapping[str, Any]) -> list[Outline]:
    """Of all objects of the row, in order. Raises ``KeyError`` for a missing key, ``ValueError`` for a broken mask."""
    return [
        _outline(mark, _letter(mark["annotation_kind"], "x"))
        for label in labels_of(document)
        for mark in label["annotations"].get("objects") or ()
    ]


def _outline(mark: Mapping[str, Any], letter: str) -> Outline:
    if letter == "b":
        sides = mark["bounding_box"]
        text = _dumps((sides["left"], sides["top"], sides["width"], sides["height"]))
        return letter, text[1:-1].decode("ascii"), "", sides
    if letter == "p":
        rings = polygon_rings(mark)
        return letter, _dumps(bounds(rings))[1:-1].decode("ascii"), _dumps(rings).decode("ascii"), rings
    if letter == "m":
        # late: an export prints stored fragments and does without numpy and its quarter of a second
        from connections.rows.masks import area_and_box

        mask = mark["mask"]
        pixels, box = area_and_box(mask)
        return letter, _dumps(box)[1:-1].decode("ascii"), mask["counts"], pixels
    if letter == "l":
        line = flat(mark["line"])
        return letter, _dumps(bounds([line]))[1:-1].decode("ascii"), _dumps(line).decode("ascii"), None
    if letter == "o":
        point = flat([mark["point"]])
        return letter, _dumps(bounds([point]))[1:-1].decode("ascii"), _dumps(point).decode("ascii"), None
    return letter, "", "", None
