"""Geometry of an annotation object as plain numbers, the way COCO and CSV print it.

Input is an object of Labelbox's export row with our additions (:mod:`connections.store.import_row`); everything is
in absolute pixels, origin top left.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from itertools import islice
from operator import add, mul, sub
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
    # every corner with the next one, in C; not sum(), which since Python 3.12 adds in another way
    twice = reduce(add, map(sub, map(mul, xs, ys[1:]), map(mul, xs[1:], ys)), 0.0)
    return abs(twice) / 2


def rough_ring_area(ring: Sequence[float]) -> float:
    """The same in half the time, with less care for digits."""
    xs, ys = ring[0::2], ring[1::2]
    twice: float = sum(map(mul, xs, ys[1:])) + xs[-1] * ys[0] - sum(map(mul, ys, xs[1:])) - ys[-1] * xs[0]
    return abs(twice) / 2


def any_overlap(rings: Sequence[Sequence[float]]) -> bool:
    """May two of the rings have a part in common? ``False`` is certain: their boxes at most touch."""
    boxes = sorted((left, top, left + width, top + height) for left, top, width, height in map(_around, rings))
    for index, (_, top, right, bottom) in enumerate(boxes):
        for next_left, next_top, _, next_bottom in islice(boxes, index + 1, None):
            if next_left >= right:
                break
            if next_top < bottom and top < next_bottom:
                return True
    return False


def _around(ring: Sequence[float]) -> tuple[float, float, float, float]:
    return bounds([ring])
