"""A row's annotations as SVG paths in the picture's own pixels, each as its kind draws it.

What is drawn is bounded (:class:`Budget`); what is not drawn is counted. Nothing here trusts its input: rows come from
files and platforms.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from connections.rows.kinds import KINDS
from connections.rows.kinds.base import Kind

COLOURS: Final = 12
MOST_SHAPES: Final = 2_000
MOST_POINTS: Final = 40_000
MOST_SECONDS: Final = 3.0


@dataclass(frozen=True, slots=True)
class Shape:
    """``kind`` is that of the annotation, ``d`` SVG path data; ``colour`` counts classes from 0."""

    kind: Kind
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
    until: float = field(default_factory=lambda: time.monotonic() + MOST_SECONDS)

    def colour(self, name: str) -> int:
        """The same for a class in every picture."""
        return self.colours.setdefault(name, len(self.colours))

    @property
    def is_spent(self) -> bool:
        """Asked before a shape is worked out, which may cost more than drawing it."""
        return self.shapes < 1 or self.points < 1 or time.monotonic() > self.until

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
    """The objects of a row's labels."""
    shapes: list[Shape] = []
    left_out: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    extent = (0.0, 0.0)
    for mark in objects:
        if not isinstance(mark, Mapping):
            left_out[BROKEN] += 1
            continue
        name = str(mark.get("name") or "(no class)")
        kind = KINDS.of(str(mark.get("annotation_kind")))
        if kind.layer is None:
            left_out[UNKNOWN] += 1
            continue
        if budget.is_spent:
            left_out[TOO_MANY] += 1
            continue
        try:
            d, points, far = kind.draw(mark)
        except (ValueError, TypeError, KeyError, OverflowError):
            left_out[BROKEN] += 1
            continue
        if not budget.takes(points):
            left_out[TOO_MANY] += 1
            continue
        shapes.append(Shape(kind, name, budget.colour(name), d))
        counts[name] += 1
        extent = (max(extent[0], far[0]), max(extent[1], far[1]))
    # in the order of their layers, so that what is small lies on top
    shapes.sort(key=lambda shape: shape.kind.layer or 0)
    first = {shape.name: shape for shape in reversed(shapes)}
    legend = sorted(((first[name], count) for name, count in counts.items()), key=lambda one: one[0].colour)
    return Drawing(shapes, legend, left_out, extent)
