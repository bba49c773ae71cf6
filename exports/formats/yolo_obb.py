"""``yolo_obb``: as ``yolo``, where every line is a box that may be turned: ``class x1 y1 x2 y2 x3 y3 x4 y4``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import chain
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from exports.formats.picture_files import Mark, Picture, PictureFiles
from exports.formats.yolo import YoloFormat, corners, rings_of

# pixels, and a share of a diagonal
_TOLERANCE: Final = 1.0
_RELATIVE_TOLERANCE: Final = 0.01


class YoloObbFormat(YoloFormat):
    """Corners stay as they are, also beyond the picture's edge: cut off, they would be those of no box."""

    key = "yolo_obb"
    title = "YOLO, rotated boxes"
    help = (
        "As YOLO, with the four corners of every box, rotated ones as they are; around other polygons and masks the "
        "smallest rotated box. Without a split for val, val in data.yaml is train, as a comment there says. Other "
        "kinds and answers are left out."
    )
    options = PictureFiles.options
    note_texts = MappingProxyType(
        {
            **PictureFiles.note_texts,
            "boxes_around": "polygons and masks that are no box, of which the smallest box around them is in the file",
            "beyond_edge": "boxes with corners beyond their picture's edge, which stay as they are",
        }
    )

    def line(self, mark: Mark, size: Picture) -> str:
        width, height = size
        ring = self._box_of(mark)
        shares = [value / side for value, side in zip(ring, (width, height) * 4, strict=True)]
        if min(shares) < 0 or max(shares) > 1:
            self.noted["beyond_edge"] += 1
        return f"{self.places[mark['category_id']]}{' %.6f' * 8}\n" % tuple(shares)

    def _box_of(self, mark: Mark) -> list[float]:
        rings: Any = mark["segmentation"]
        if not rings:
            return corners(mark["bbox"])
        rings = rings_of(mark)
        if len(rings) == 1:
            ring: list[float] = rings[0]
            if len(ring) == 10 and ring[:2] == ring[8:]:  # closed
                ring = ring[:8]
            if len(ring) == 8 and _is_rectangle(ring):
                return ring
        self.noted["boxes_around"] += 1
        return smallest_box([*chain.from_iterable(rings)]) if rings else corners(mark["bbox"])


def smallest_box(points: Sequence[float]) -> list[float]:
    """The corners of the smallest rectangle around flat points, in order around it. One of its sides lies along a side
    of the points' convex hull."""
    hull = _hull(points)
    if len(hull) < 2:
        return [*points[:2]] * 4
    sides = np.roll(hull, -1, axis=0) - hull
    along = sides / np.hypot(sides[:, 0], sides[:, 1])[:, None]
    across = np.stack([-along[:, 1], along[:, 0]], axis=1)
    on_along, on_across = along @ hull.T, across @ hull.T
    areas = np.ptp(on_along, axis=1) * np.ptp(on_across, axis=1)
    best = int(areas.argmin())
    near, far = float(on_along[best].min()), float(on_along[best].max())
    low, high = float(on_across[best].min()), float(on_across[best].max())
    found = [along[best] * u + across[best] * v for u, v in ((near, low), (far, low), (far, high), (near, high))]
    return [float(value) for corner in found for value in corner]


def _is_rectangle(ring: Sequence[float]) -> bool:
    """Of four corners in order around it: its diagonals halve each other and are equally long, but for a pixel or a
    hundredth of them."""
    x1, y1, x2, y2, x3, y3, x4, y4 = ring
    one, other = math.hypot(x3 - x1, y3 - y1), math.hypot(x4 - x2, y4 - y2)
    apart = math.hypot(x1 + x3 - x2 - x4, y1 + y3 - y2 - y4) / 2
    return max(abs(one - other), apart) <= max(_TOLERANCE, _RELATIVE_TOLERANCE * max(one, other))


def _hull(points: Sequence[float]) -> NDArray[np.float64]:
    """Corners of the convex hull, in order around it, none on a straight line between two others."""
    ordered = sorted({*zip(points[0::2], points[1::2], strict=True)})
    if len(ordered) == 1:
        return np.array(ordered)
    halves: list[list[tuple[float, float]]] = []
    for way in (ordered, ordered[::-1]):
        half: list[tuple[float, float]] = []
        for x, y in way:
            while len(half) > 1:
                (x1, y1), (x2, y2) = half[-2:]
                if (x2 - x1) * (y - y1) - (y2 - y1) * (x - x1) > 0:
                    break
                half.pop()
            half.append((x, y))
        halves.append(half[:-1])
    return np.array([*halves[0], *halves[1]], np.float64).reshape(-1, 2)
