"""Where a row's objects lie, worked out and written once for both COCO and CSV."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connections.rows.counts import labels_of
from connections.rows.frames import objects_of
from connections.rows.kinds import KINDS
from connections.rows.kinds.base import Outline


def outlines(document: Mapping[str, Any]) -> list[Outline]:
    """Of all objects of the row, in order. Raises ``KeyError`` for a missing key, ``ValueError`` for a broken mask."""
    of = KINDS.of
    return [
        of(mark["annotation_kind"]).outline(mark)
        for label in labels_of(document)
        for mark in objects_of(label["annotations"])
    ]
