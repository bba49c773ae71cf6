"""A row's annotations as SVG paths in the picture's own pixels: boxes, polygons, polylines, points and masks.

What is drawn is bounded (:class:`Budget`); what is not drawn is counted. Nothing here trusts its input: rows come from
files and platforms.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from connections.rows.masks import edges

COLOURS: Final = 12
MOST_SHAPES: Final = 2_000
MOST_POINTS: Final = 40_000
MASK_PIECES: Final = 4_000
WIDEST: Final = 100_000
FARTHEST: Final = 10_000_000.0
# drawn in this order, so that what is small lies on top
LAYERS: Final = ("mask", "polygon", "box", "line", "point")


@dataclass(frozen=True, slots=True)
class Shape:
    """``d`` is SVG path data; ``layer`` one of :data:`LAYERS`; ``colour`` counts classes from 0."""

    layer: str
    name: str
    colour: int
    d: str

    @property
    def hue(self) -> int:
        """Which of the :data:`COLOURS`."""
        return self.colour % COLOURS

    @property
    def is_dashed(self) -> bool:
        """Of two classes with one colour, the second is dashed."""
        return self.colour // COLOURS % 2 == 1


@dataclass(slots=True)
class Budget:
    """What all pictures of a page may take together, and the colour of each class."""

    shapes: int = MOST_SHAPES
    points: int = MOST_POINTS
    colours: dict[str, int] = field(default_factory=dict)

    def colour(self, name: str) -> int:
        """The same for a class in every picture."""
        return self.colours.setdefault(name, len(self.colours))

    def takes(self, points: int) -> bool:
        """Is there room for one more shape of so many corners?"""
        if self.shapes < 1 or self.points < points:
            return False
        self.shapes -= 1
        self.points -= points
        return True


@dataclass(slots=True)
class Drawing:
    """``left_out`` counts marks that are not drawn, by why."""

    shapes: list[Shape]
    legend: list[tuple[Shape, int]]
    left_out: Counter[str]
    extent: tuple[float, float]


TOO_MANY, UNKNOWN, BROKEN = "too many to draw here", "of a kind that is not drawn", "whose geometry cannot be read"


def draw(objects: Sequence[object], budget: Budget) -> Drawing:
    """The objects of a row's labels (contracts/labelbox.md §2.2)."""
    shapes: list[Shape] = []
    left_out: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    extent = (0.0, 0.0)
    for mark in objects:
        if not isinstance(mark, Mapping):
            left_out[BROKEN] += 1
            continue
        name = str(mark.get("name") or "(no class)")
        maker = _MAKERS.get(str(mark.get("annotation_kind")))
        if maker is None:
            left_out[UNKNOWN] += 1
            continue
        try:
            layer, d, points, far = maker(mark)
        except (ValueError, TypeError, KeyError, OverflowError):
            left_out[BROKEN] += 1
            continue
        if not budget.takes(points):
            left_out[TOO_MANY] += 1
            continue
        shapes.append(Shape(layer, name, budget.colour(name), d))
        counts[name] += 1
        extent = (max(extent[0], far[0]), max(extent[1], far[1]))
    shapes.sort(key=lambda shape: LAYERS.index(shape.layer))
    first = {shape.name: shape for shape in reversed(shapes)}
    legend = sorted(((first[name], count) for name, count in counts.items()), key=lambda one: one[0].colour)
    return Drawing(shapes, legend, left_out, extent)


# --- one kind each: (layer, path data, corners, farthest x and y); raise for what cannot be read --------------------

_Made = tuple[str, str, int, tuple[float, float]]


def _box(mark: Mapping[str, Any]) -> _Made:
    sides = mark["bounding_box"]
    left, top, width, height = (_finite(sides[key]) for key in ("left", "top", "width", "height"))
    d = f"M{_text(left)} {_text(top)}h{_text(width)}v{_text(height)}h{_text(-width)}z"
    return "box", d, 4, (left + width, top + height)


def _polygon(mark: Mapping[str, Any]) -> _Made:
    rings = [_points(ring) for ring in mark.get("polygons") or [mark["polygon"]]]
    # all one way round: COCO's rule unites rings, and "nonzero" does so for rings of one direction
    turned = [ring if _signed_area(ring) >= 0 else ring[::-1] for ring in rings]
    d = "".join(f"M{'L'.join(f'{_text(x)} {_text(y)}' for x, y in ring)}z" for ring in turned if ring)
    return "polygon", d, sum(map(len, rings)), _far([point for ring in rings for point in ring])


def _line(mark: Mapping[str, Any]) -> _Made:
    points = _points(mark["line"])
    return "line", f"M{'L'.join(f'{_text(x)} {_text(y)}' for x, y in points)}", len(points), _far(points)


def _point(mark: Mapping[str, Any]) -> _Made:
    ((x, y),) = _points([mark["point"]])
    return "point", f"M{_text(x)} {_text(y)}h0", 1, (x, y)


def _mask(mark: Mapping[str, Any]) -> _Made:
    height, width = (int(side) for side in mark["mask"]["size"])
    if not (0 < height <= WIDEST and 0 < width <= WIDEST):
        raise ValueError("a mask of no size that can be drawn")
    runs = edges(mark["mask"]["counts"], height, width)
    step = 1
    while (rectangles := _rectangles(runs, height, width, step)) is None:
        step *= 2
    d = "".join(f"M{x} {top}h{across}v{bottom - top}h-{across}z" for x, top, across, bottom in rectangles)
    return "mask", d, 2 * len(rectangles), (float(width), float(height))


def _rectangles(runs: Any, height: int, width: int, step: int) -> list[tuple[int, int, int, int]] | None:
    """``(left, top, width, bottom)`` of a mask's runs; ``None`` where there are more than :data:`MASK_PIECES`.

    With a ``step`` only every so many columns are looked at, and drawn as wide as that.
    """
    begins, ends = runs[0::2], runs[1::2]
    columns = np.arange(0, width, step, dtype=np.int64)
    first = np.searchsorted(ends, columns * height, side="right")
    last = np.searchsorted(begins, (columns + 1) * height, side="left")
    found: list[tuple[int, int, int, int]] = []
    before: dict[tuple[int, int], int] = {}
    for x, i, j in zip(columns.tolist(), first.tolist(), last.tolist(), strict=True):
        low = x * height
        across = min(step, width - x)
        here: dict[tuple[int, int], int] = {}
        for begin, end in zip(begins[i:j].tolist(), ends[i:j].tolist(), strict=True):
            top, bottom = max(begin - low, 0), min(end - low, height)
            if top >= bottom:
                continue
            place = before.get((top, bottom))
            if place is None:
                place = len(found)
                found.append((x, top, across, bottom))
            else:  # the column before had the same: one wider rectangle
                left, _, wide, _ = found[place]
                found[place] = (left, top, wide + across, bottom)
            here[top, bottom] = place
        if len(found) > MASK_PIECES and step < width:
            return None
        before = here
    return found


_MAKERS = {
    "ImageBoundingBox": _box,
    "ImagePolygon": _polygon,
    "ImagePolyline": _line,
    "ImagePoint": _point,
    "ImageSegmentationMask": _mask,
}


def _points(ring: Any) -> list[tuple[float, float]]:
    points = [(_finite(point["x"]), _finite(point["y"])) for point in ring]
    if not points:
        raise ValueError("no corners")
    return points


def _finite(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError("not a coordinate")
    if abs(value) > FARTHEST:
        raise ValueError("too far out to draw")
    return float(value)


def _text(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if value else "0"


def _signed_area(ring: list[tuple[float, float]]) -> float:
    return sum(x * after_y - after_x * y for (x, y), (after_x, after_y) in _sides(ring))


def _sides(ring: list[tuple[float, float]]) -> Iterator[tuple[tuple[float, float], tuple[float, float]]]:
    yield from zip(ring, [*ring[1:], ring[0]], strict=True)


def _far(points: list[tuple[float, float]]) -> tuple[float, float]:
    return max(x for x, _ in points), max(y for _, y in points)
