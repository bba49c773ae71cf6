"""The outline of a COCO mask as rings, exactly along the edges of its pixels.

A ring turns at every corner. The corners of a picture's pixels that lie in a line pair up, two by two, into its edges:
so the corners, sorted once by column and once by row, are all that there is to know.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from connections.rows.masks import check_pieces, edges


def mask_rings(mask: Mapping[str, Any]) -> list[list[float]]:
    """Flat rings, in pixels: those around its pieces, and those around holes.

    Filled by the even-odd rule they are the mask, pixel for pixel. Empty for one without pixels. Raises ``ValueError``
    for counts that are broken, and for more pieces than can be worked out.
    """
    height, width = mask["size"]
    xs, ys = _corners(edges(mask["counts"], height, width), height)
    count = len(xs)
    check_pieces(count)
    across = np.empty(count, np.int64)
    by_row = np.lexsort((xs, ys))
    across[by_row[0::2]], across[by_row[1::2]] = by_row[1::2], by_row[0::2]
    other_end = across.tolist()
    points = list(zip(xs.tolist(), ys.tolist(), strict=True))
    is_taken = bytearray(count)
    rings: list[list[float]] = []
    for first in range(count):
        if is_taken[first]:
            continue
        ring: list[float] = []
        place = first
        while not is_taken[place]:
            is_taken[place] = 1
            ring += points[place]
            place = other_end[place]
            is_taken[place] = 1
            ring += points[place]
            place ^= 1  # sorted by column, neighbours are the two ends of an upright edge
        rings.append(ring)
    return rings


def _corners(runs: NDArray[np.int64], height: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """``(xs, ys)`` sorted by column; a point where two pixels touch corner to corner is there twice."""
    begins, ends = runs[0::2], runs[1::2]
    filled = ends > begins
    begins, ends = begins[filled], ends[filled]
    first = begins // height
    columns = (ends - 1) // height - first + 1
    check_pieces(int(columns.sum()))
    # a run that goes on into the next columns has a piece in each
    run = np.repeat(np.arange(len(begins)), columns)
    column = first[run] + np.arange(len(run)) - np.repeat(np.cumsum(columns) - columns, columns)
    tops = np.maximum(begins[run] - column * height, 0)
    bottoms = np.minimum(ends[run] - column * height, height)
    # a level edge of one pixel, at its left end and at its right one; where two of a kind meet, the edge goes on
    stride = height + 1
    places = np.concatenate([(column + side) * stride + y for side in (0, 1) for y in (tops, bottoms)])
    is_bottom = np.tile(np.repeat(np.array([0, 1]), len(column)), 2)
    found, times = np.unique(places * 2 + is_bottom, return_counts=True)
    corners = found[times == 1] // 2
    return corners // stride, corners % stride


def joined(rings: Sequence[Sequence[float]]) -> list[float]:
    """One flat ring of several, for files that know no other: from the first point of the first ring a way of no width
    leads to each of the others and back."""
    first = [*rings[0]]
    if len(rings) == 1:
        return first
    start = first[:2]
    first += start
    for ring in rings[1:]:
        first += [*ring, *ring[:2], *start]
    return first
