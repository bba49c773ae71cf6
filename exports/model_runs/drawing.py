"""A row's labels and predictions over the size of its picture, told apart by stroke and word, not by colour alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from connections.rows.kinds import BOX, MASK, POLYGON
from connections.rows.kinds.base import Kind
from exports.model_runs.comparison import ComparedRow
from exports.model_runs.matching import Thing

MATCHED, MISSED, EXTRA, CROWD = "matched", "missed", "extra", "crowd"
MOST_SHAPES: Final = 200
MOST_POINTS: Final = 20_000


@dataclass(frozen=True, slots=True)
class Mark:
    """``d`` is SVG path data. ``word`` stands beside what did not meet, at ``x`` and ``y``, or ends there."""

    verdict: str
    is_prediction: bool
    is_mask: bool
    title: str
    word: str
    d: str
    x: float
    y: float
    ends: bool

    @property
    def what(self) -> str:
        """``label`` or ``prediction``."""
        return "prediction" if self.is_prediction else "label"


@dataclass(frozen=True, slots=True)
class Picture:
    """``left_out`` shapes are not drawn. ``text_size`` is that of words, in pixels of the picture."""

    row: ComparedRow
    width: float
    height: float
    marks: list[Mark]
    left_out: int

    @property
    def text_size(self) -> int:
        """Large enough to be read where the picture is shown small."""
        return max(6, round(max(self.width, self.height) / 28))


def draw(row: ComparedRow) -> Picture:
    """What met nothing first, so that it is drawn whatever has to stay out; it then lies on top."""
    marks: list[Mark] = []
    left_out, points, far = 0, MOST_POINTS, [1.0, 1.0]
    height, width = row.size or (0, 0)
    things = sorted(_things(row), key=lambda one: one[0] in (MATCHED, CROWD))
    for verdict, is_prediction, name, thing in things:
        try:
            d, corners, extent = _path(thing)
        except (ValueError, TypeError, KeyError, OverflowError):
            left_out += 1
            continue
        if len(marks) >= MOST_SHAPES or corners > points:
            left_out += 1
            continue
        points -= corners
        far = [max(far[0], extent[0]), max(far[1], extent[1])]
        what = f"{name} {thing.score:.2f}" if is_prediction else name
        word = f"{verdict}: {what}" if verdict in (MISSED, EXTRA) else ""
        title = f"{'prediction' if is_prediction else 'label'} {what}, {verdict}"
        ends = thing.box[0] > (width or extent[0]) * 0.6  # there is more room on its left
        x = thing.box[0] + (thing.box[2] if ends else 0)
        is_mask = isinstance(thing.outline, Mapping)
        marks.append(Mark(verdict, is_prediction, is_mask, title, word, d, x, thing.box[1], ends))
    return Picture(row, width or far[0], height or far[1], marks[::-1], left_out)


def _things(row: ComparedRow) -> Iterator[tuple[str, bool, str, Thing]]:
    for one in row.classes:
        missed = set(one.matches.missed)
        for place, label in enumerate(one.labels):
            yield CROWD if label.is_crowd else MISSED if place in missed else MATCHED, False, one.name, label
        for prediction, label_place in zip(one.predictions, one.matches.label_of, strict=True):
            yield EXTRA if label_place is None else MATCHED, True, one.name, prediction


def _path(thing: Thing) -> tuple[str, int, tuple[float, float]]:
    outline = thing.outline
    kind: Kind
    mark: dict[str, Any]
    if isinstance(outline, Mapping) and isinstance(outline["counts"], str):
        kind, mark = MASK, {"mask": outline}
    elif outline and isinstance(outline, list):
        rings = [[{"x": x, "y": y} for x, y in zip(ring[0::2], ring[1::2], strict=True)] for ring in outline]
        kind, mark = POLYGON, {"polygon": rings[0], "polygons": rings}
    else:
        sides = dict(zip(("left", "top", "width", "height"), thing.box, strict=True))
        kind, mark = BOX, {"bounding_box": sides}
    drawn = kind.draw(mark)
    return drawn.d, drawn.corners, drawn.extent
