"""Boxes: ``"bounding_box": {"top", "left", "height", "width"}``."""

from __future__ import annotations

from collections.abc import Sequence
from math import nan
from typing import Any, ClassVar

import orjson

from connections.rows.checks import MAX_COORDINATE, BadMark, box, number
from connections.rows.kinds.base import Annotation, Kind, Outline
from connections.rows.svg import Drawn, finite, text

_FLOATS = frozenset({float})
_SIDES = ("left", "top", "width", "height")
# what is lost where a product is written with some digits less
_DIGITS = 1.000001


class Box(Kind):
    """Its sides are level and upright. Its area is width times height."""

    key = "box"
    letter = "b"
    title = "Box"
    annotation_kinds = ("ImageBoundingBox",)
    geometry = "bounding_box"
    in_coco = True
    coco_form = "box"
    is_painted = True
    layer: ClassVar[int | None] = 2
    # the box is the geometry: only digits may be lost
    box_slack = 0.005

    def outline(self, annotation: Annotation) -> Outline:
        sides = annotation["bounding_box"]
        around = orjson.dumps((sides["left"], sides["top"], sides["width"], sides["height"]))
        return self, around[1:-1].decode("ascii"), "", sides

    def tidy(self, annotation: dict[str, Any], media: dict[str, Any]) -> None:
        sides = annotation.get("bounding_box")
        if sides is None:
            sides = {}
        if type(sides) is not dict:
            raise BadMark("bounding_box is not an object")
        if len(sides) == 4 and _FLOATS.issuperset(map(type, sides.values())):  # as nearly always
            left, top, width, height = (sides.get(side, nan) for side in _SIDES)
            if (
                abs(left) <= MAX_COORDINATE
                and abs(top) <= MAX_COORDINATE
                and 0 <= width <= MAX_COORDINATE
                and 0 <= height <= MAX_COORDINATE
            ):
                annotation["bounding_box"] = {"top": top, "left": left, "height": height, "width": width}
                return
        left, top, width, height = (number(sides.pop(side, None), f"bounding_box.{side}") for side in _SIDES)
        annotation["bounding_box"] = {**box(left, top, width, height), **sides}

    def segmentation(self, annotation: Annotation, geometry: str) -> str:
        return "[]"

    def area(self, shape: Any) -> float:
        area: float = shape["width"] * shape["height"]
        return area

    def fits_area(self, stated: Any, shape: Any, around: Sequence[float]) -> bool:
        """Whatever has a place in the box: the area of what it was drawn around."""
        area = self.area(shape)
        return type(stated) in (int, float) and (0 < stated <= area * _DIGITS or stated == area)

    def paint(self, canvas: Any, annotation: Annotation, value: int) -> None:
        from connections.rows.painting import paint_box

        paint_box(canvas, annotation["bounding_box"], value)

    def draw(self, annotation: Annotation) -> Drawn:
        sides = annotation["bounding_box"]
        left, top, width, height = (finite(sides[key]) for key in ("left", "top", "width", "height"))
        d = f"M{text(left)} {text(top)}h{text(width)}v{text(height)}h{text(-width)}z"
        return Drawn(d, 4, (left + width, top + height))
