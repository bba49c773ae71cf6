"""Shapes as pixels, by the rule of COCO's own tools.

A box, polygon or mask covers exactly the pixels that ``pycocotools`` gives for it (``frPyObjects``, ``merge``,
``decode``): a polygon's rings are united, a mask's pixels are its own. For coordinates beyond what its C code can count
(a box some 100 million pixels out) the same rule holds here, without the overflow. A ring of fewer than three corners
covers nothing.

A canvas is indexed ``canvas[x, y]``; how it lies in memory is up to the caller.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from connections.rows.masks import MAX_PIXELS, compressed, edges
from connections.rows.shapes import bounds

Canvas = NDArray[np.uint8] | NDArray[np.uint16]

# COCO's rule walks the outline in fifths of a pixel and keeps every step: 16 bytes each
LONGEST_OUTLINE = 2_000_000
# steps across the grid on which areas are measured: as many at least, where rings are small; its pixels fit in 32 bits
FINE_STEPS, WIDEST_GRID = 512, 32_768


def paint_box(canvas: Canvas, sides: Mapping[str, float], value: int) -> None:
    """Fill ``{"left", "top", "width", "height"}``.

    The rule of ``rleFrBbox`` in closed form: corners go to the nearest fifth of a pixel, and a pixel belongs to the box
    when its middle fifth does.
    """
    x, y, end_x, end_y = _pixels_of_box([sides[side] for side in ("left", "top", "width", "height")], *canvas.shape)
    canvas[x:end_x, y:end_y] = value


def box_runs(box: Sequence[float], height: int, width: int) -> dict[str, Any]:
    """COCO's runs of what :func:`paint_box` fills for ``[left, top, width, height]``; ``counts`` are bytes. Raises
    ``ValueError`` for a picture that is too large."""
    x, y, end_x, end_y = _pixels_of_box(box, width, height)
    inside = [[float(corner) for corner in (x, y, x, end_y, end_x, end_y, end_x, y)]]
    return polygon_runs(inside if x < end_x and y < end_y else [], height, width)


def _pixels_of_box(box: Sequence[float], width: int, height: int) -> tuple[int, int, int, int]:
    """From which column and row on, and up to which ones, as far as they are in the picture."""
    left, top, across, down = box
    x, end_x = (min(_first_pixel(at), width) for at in (left, left + across))
    y, end_y = (min(_first_pixel(at), height) for at in (top, top + down))
    return x, y, end_x, end_y


def _first_pixel(coordinate: float) -> int:
    return max((int(5 * coordinate + 0.5) + 2) // 5, 0)


def paint_polygon(canvas: Canvas, rings: Sequence[list[float]], value: int) -> None:
    """Fill flat rings. Raises ``ValueError`` when a ring's outline is longer than :data:`LONGEST_OUTLINE` pixels."""
    width, height = canvas.shape
    if drawn := _rings_within(rings, height, width):
        for rle in coco_mask.frPyObjects(drawn, height, width):
            _fill(canvas, rle["counts"], value)


def polygon_runs(rings: Sequence[list[float]], height: int, width: int) -> dict[str, Any]:
    """COCO's runs of what :func:`paint_polygon` fills; ``counts`` are bytes. Raises ``ValueError`` as that does, and
    for a picture of more than :data:`MAX_PIXELS` pixels."""
    if height * width > MAX_PIXELS:
        raise ValueError(f"a picture of {width:,} x {height:,} pixels has more than the {MAX_PIXELS:,} of the largest")
    drawn = _rings_within(rings, height, width)
    if not drawn:
        return {"size": [height, width], "counts": compressed([height * width], height, width).encode()}
    merged: dict[str, Any] = coco_mask.merge(coco_mask.frPyObjects(drawn, height, width))
    return merged


def _rings_within(rings: Sequence[list[float]], height: int, width: int) -> list[list[float]]:
    """Those that may have pixels in the picture. Raises ``ValueError`` for one whose outline is too long."""
    drawn: list[list[float]] = []
    for ring in rings:
        left, top, across, down = bounds([ring])
        if len(ring) < 6 or left > width + 1 or top > height + 1 or left + across < -1 or top + down < -1:
            continue
        outline = _length(ring)
        if not outline <= LONGEST_OUTLINE:
            raise ValueError(f"its outline of {outline:.0f} pixels is longer than {LONGEST_OUTLINE} pixels")
        drawn.append(ring)
    return drawn


def painted_area(rings: Sequence[list[float]]) -> tuple[float, float]:
    """``(area, overlap)`` of what :func:`paint_polygon` fills, in square pixels, on a grid of its own.

    The overlap is what the areas of the rings add up to beyond that of their union; 0 where they only touch. The grid's
    step is a pixel or, for small rings, a part of one (a power of two), so that corners on whole pixels lie on it and
    upright sides are measured exactly. It is coarser for rings of more than :data:`WIDEST_GRID` pixels and outlines of
    more than :data:`LONGEST_OUTLINE`.
    """
    rings = [ring for ring in rings if len(ring) >= 6]
    left, top, width, height = bounds(rings)
    across = max(width, height)
    if not across > 0:
        return 0.0, 0.0
    outline = sum(map(_length, rings))
    _, exponent = math.frexp(min(max(FINE_STEPS / across, 1), WIDEST_GRID / across, LONGEST_OUTLINE / outline))
    steps = math.ldexp(1.0, exponent - 1)
    # to the corner of the grid, by whole steps
    origin = (math.floor(left * steps), math.floor(top * steps))
    moved = [[value * steps - origin[place % 2] for place, value in enumerate(ring)] for ring in rings]
    size = (math.ceil(side * steps) + 2 for side in (height, width))
    painted = coco_mask.frPyObjects(moved, *size)
    united = int(coco_mask.area(coco_mask.merge(painted)))
    overlap = int(coco_mask.area(painted).sum(dtype=np.int64)) - united
    return united / steps**2, overlap / steps**2


def _length(ring: Sequence[float]) -> float:
    """Of a ring's outline, in pixels that COCO's rule walks: of both directions the longer one counts."""
    xs, ys = ring[0::2], ring[1::2]
    last_x, last_y, length = xs[-1], ys[-1], 0.0
    for x, y in zip(xs, ys, strict=True):
        length += max(abs(x - last_x), abs(y - last_y))
        last_x, last_y = x, y
    return length


def paint_mask(canvas: Canvas, mask: Mapping[str, Any], value: int) -> None:
    """Fill a COCO mask. Raises ``ValueError`` when it is not of the canvas's size or its counts are broken."""
    width, height = canvas.shape
    if list(mask["size"]) != [height, width]:
        raise ValueError(f"its mask of size {mask['size']} does not fit; expected [{height}, {width}]")
    _fill(canvas, mask["counts"], value)


def _fill(canvas: Canvas, counts: str | bytes, value: int) -> None:
    height = canvas.shape[1]
    ends = edges(counts, height, canvas.shape[0])
    begins = ends[0::2]
    xs = begins // height
    tops = begins - xs * height
    for x, top, stop in zip(xs.tolist(), tops.tolist(), (tops + (ends[1::2] - begins)).tolist(), strict=True):
        canvas[x, top:stop] = value
        if stop > height:  # on into the next columns: whole ones, and the beginning of one
            whole, rest = divmod(stop, height)
            canvas[x + 1 : x + whole] = value
            if rest:
                canvas[x + whole, :rest] = value
