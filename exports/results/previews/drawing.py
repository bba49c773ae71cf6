"""A row's annotations as SVG paths in the picture's own pixels, each as its kind draws it.

What is drawn is bounded (:class:`Budget`); what is not drawn is counted. Nothing here trusts its input: rows come from
files and platforms.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain, repeat
from typing import Any, Final

from connections.rows.kinds import KINDS
from connections.rows.kinds.base import Kind
from exports.results.previews.reading import mapping, name_of

COLOURS: Final = 12
MOST_SHAPES: Final = 2_000
MOST_POINTS: Final = 40_000
MOST_SECONDS: Final = 3.0


@dataclass(frozen=True, slots=True)
class Colour:
    """That of a class; ``number`` counts the classes of a page from 0."""

    number: int

    @property
    def hue(self) -> int:
        """Which of the :data:`COLOURS`."""
        return self.number % COLOURS

    @property
    def is_dashed(self) -> bool:
        """Of two classes with one colour, the second is dashed."""
        return self.number // COLOURS % 2 == 1

    @property
    def css(self) -> str:
        """Its CSS classes."""
        return f"rp-hue-{self.hue} rp-dashed" if self.is_dashed else f"rp-hue-{self.hue}"


@dataclass(frozen=True, slots=True)
class Shape:
    """``kind`` is that of the annotation, ``d`` SVG path data."""

    kind: Kind
    name: str
    colour: Colour
    d: str
    is_predicted: bool = False

    @property
    def css(self) -> str:
        """Its CSS classes: what a model predicted is only an outline, of dots."""
        return f"{self.colour.css} rp-predicted" if self.is_predicted else self.colour.css


@dataclass(slots=True)
class Budget:
    """What all pictures of a page may take together, and the colour of each class."""

    shapes: int = MOST_SHAPES
    points: int = MOST_POINTS
    colours: dict[str, int] = field(default_factory=dict)
    until: float = field(default_factory=lambda: time.monotonic() + MOST_SECONDS)

    def colour_of(self, name: str) -> Colour:
        """The same for a class in every picture."""
        return Colour(self.colours.setdefault(name, len(self.colours)))

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
ELSEWHERE: Final = "whose pixels lie at an address, from which nothing is loaded"


def draw(objects: Iterable[object], budget: Budget, predicted: Iterable[object] = ()) -> Drawing:
    """The objects of a row's labels, and those that models predicted."""
    shapes: list[Shape] = []
    left_out: Counter[str] = Counter()
    counts: Counter[tuple[str, bool]] = Counter()
    extent = (0.0, 0.0)
    marks = chain(zip(objects, repeat(False)), zip(predicted, repeat(True)))
    for mark, is_predicted in marks:
        if not isinstance(mark, Mapping):
            left_out[BROKEN] += 1
            continue
        name = name_of(mark)
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
            left_out[ELSEWHERE if _is_elsewhere(mark) else BROKEN] += 1
            continue
        if not budget.takes(points):
            left_out[TOO_MANY] += 1
            continue
        shapes.append(Shape(kind, name, budget.colour_of(name), d, is_predicted))
        counts[name, is_predicted] += 1
        extent = (max(extent[0], far[0]), max(extent[1], far[1]))
    # in the order of their layers, so that what is small lies on top; predictions above what people drew
    shapes.sort(key=lambda shape: (shape.is_predicted, shape.kind.layer or 0))
    first = {(shape.name, shape.is_predicted): shape for shape in reversed(shapes)}
    legend = [(first[key], count) for key, count in counts.items()]
    legend.sort(key=lambda one: (one[0].colour.number, one[0].is_predicted))
    return Drawing(shapes, legend, left_out, extent)


def _is_elsewhere(mark: Mapping[str, Any]) -> bool:
    """Is it a mask of which there is only an address, as Labelbox exports them?"""
    return "composite_mask" in mark or "url" in mapping(mark.get("mask"))
