"""Predictions as COCO's results: ``{"image_id", "category_id", "bbox", "segmentation", "score"}``.

``bbox`` goes around the geometry, ``segmentation`` are its pixels in COCO's compressed runs, by COCO's own rasteriser.
A prediction of a kind that COCO does not have, or of no class, is none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import orjson

from connections.rows.body import SEAM
from connections.rows.frames import objects_of
from connections.rows.kinds import KINDS
from connections.rows.kinds.base import Kind

BOXES, RINGS, RUNS = "box", "rings", "runs"
Runs = dict[str, Any]


class Result(NamedTuple):
    """One prediction. ``box`` is ``left,top,width,height`` as JSON text; ``outline`` COCO's segmentation: rings, runs,
    or of a box nothing. ``score`` is ``None`` where nobody said a confidence."""

    kind: Kind
    name: str
    box: str
    outline: Any
    score: float | None


def results_of(predictions: bytes) -> Iterator[Result]:
    """Of a JSON list of labels with marked parts. Raises ``ValueError``, ``KeyError`` or ``TypeError`` for a geometry
    that cannot be read."""
    for label in orjson.loads(predictions.replace(SEAM, b"")):
        for mark in objects_of(label["annotations"]):
            kind = KINDS.of(mark["annotation_kind"])
            if not (kind.in_coco and mark["name"]):
                continue
            _, box, geometry, _ = kind.outline(mark)
            outline = orjson.loads(kind.segmentation(mark, geometry))
            yield Result(kind, mark["name"], box, outline, mark.get("confidence"))


def runs_of(outline: Any, box: Sequence[float], size: tuple[int, int]) -> Runs:
    """The pixels of a segmentation, of a box where that is empty, in a picture of ``(height, width)``; ``counts`` are
    bytes. Raises ``ValueError`` or ``TypeError`` for what cannot be painted."""
    from pycocotools import mask as coco_mask

    if isinstance(outline, Mapping):
        counts = outline["counts"]
        if isinstance(counts, list):
            runs: Runs = coco_mask.frPyObjects(dict(outline), *outline["size"])
            return runs
        return {"size": outline["size"], "counts": counts.encode() if isinstance(counts, str) else counts}
    rings = outline or [ring_of_box(box)]
    merged: Runs = coco_mask.merge(coco_mask.frPyObjects(rings, *size))
    return merged


def ring_of_box(box: Sequence[float]) -> list[float]:
    """As COCO's reader of results makes it."""
    left, top, width, height = box
    right, bottom = left + width, top + height
    return [left, top, left, bottom, right, bottom, right, top]


NO_SIZE: Final = "a picture without width and height, in which no outline can be painted"


def size_of(image: bytes) -> tuple[int, int] | None:
    """``(height, width)`` of a COCO image object; ``None``: it does not say both."""
    said = orjson.loads(image)
    height, width = said.get("height"), said.get("width")
    return None if height is None or width is None else (height, width)
