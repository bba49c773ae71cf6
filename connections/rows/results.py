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
            kind = KINDS.of_mark(mark)
            if not (kind.in_coco and mark["name"]):
                continue
            _, box, geometry, _ = kind.outline(mark)
            outline = orjson.loads(kind.segmentation(mark, geometry))
            yield Result(kind, mark["name"], box, outline, mark.get("confidence"))


def runs_of(outline: Any, box: Sequence[float], size: tuple[int, int] | None) -> Runs:
    """The pixels of a segmentation, of a box where that is empty, in a picture of ``(height, width)``; ``counts`` are
    bytes. Runs say their size themselves; only they may do without the picture's.

    Raises ``ValueError``, ``KeyError`` or ``TypeError`` for what cannot be painted: COCO's C code takes whatever it
    gets, and reads and writes beyond its memory.
    """
    from connections.rows.masks import edges
    from connections.rows.painting import box_runs, polygon_runs

    if isinstance(outline, Mapping):
        height, width = outline["size"]
        if size not in (None, (height, width)):
            raise ValueError(f"a mask of {width} x {height} pixels in a picture of {size[1]} x {size[0]}")
        counts = outline["counts"]
        edges(counts, height, width)
        return {"size": [height, width], "counts": counts.encode()}
    if size is None:
        raise ValueError(NO_SIZE)
    return polygon_runs(outline, *size) if outline else box_runs(box, *size)


NO_SIZE: Final = "a picture without width and height, in which no outline can be painted"


def size_of(image: bytes) -> tuple[int, int] | None:
    """``(height, width)`` of a COCO image object; ``None``: it does not say both."""
    said = orjson.loads(image)
    height, width = said.get("height"), said.get("width")
    return None if height is None or width is None else (height, width)
