"""Geometry of an annotation object as plain numbers, the way COCO and CSV print it.

Input is an object of Labelbox's export row with our additions (:mod:`connections.store.import_row`); everything is
in absolute pixels, origin top left.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def flat(points: Sequence[Mapping[str, float]]) -> list[float]:
    """``[{"x": 1, "y": 2}, …]`` as ``[1, 2, …]``."""
    return [number for point in points for number in (point["x"], point["y"])]


def polygon_rings(mark: Mapping[str, Any]) -> list[list[float]]:
    """All rings of an ``ImagePolygon``, flat. ``polygons`` holds all of them when there is more than one."""
    rings = mark.get("polygons")
    if rings:
        return [flat(ring) for ring in rings]
    return [flat(mark["polygon"])]


def bounds(rings: Sequence[Sequence[float]]) -> tuple[float, float, float, float]:
    """``(left, top, width, height)`` around flat rings; zeros when there is no point."""
    if len(rings) == 1:
        xs, ys = rings[0][0::2], rings[0][1::2]
    else:
        xs = [x for ring in rings for x in ring[0::2]]
        ys = [y for ring in rings for y in ring[1::2]]
    if not xs:
        return 0.0, 0.0, 0.0, 0.0
    left, top = min(xs), min(ys)
    return left, top, max(xs) - left, max(ys) - top


def ring_area(ring: Sequence[float]) -> float:
    """Area of one flat ring by the shoelace formula, without a sign; the ring may be closed or open.

    The sum is taken relative to the first corner: digits are not lost on small rings far from the origin.
    """
    if len(ring) < 6:
        return 0.0
    origin_x, origin_y = ring[0], ring[1]
    xs = [x - origin_x for x in ring[2::2]]
    ys = [y - origin_y for y in ring[3::2]]
    twice = 0.0
    for x, y, next_x, next_y in zip(xs, ys, xs[1:], ys[1:], strict=False):
        twice += x * next_y - next_x * y
    return abs(twice) / 2
