"""Points: ``"point": {"x", "y"}``."""

from __future__ import annotations

from typing import Any, ClassVar

import orjson

from connections.rows.checks import points
from connections.rows.kinds.base import Annotation, Kind, Outline
from connections.rows.shapes import bounds, flat
from connections.rows.svg import Drawn, corners, text


class Point(Kind):
    """It has no area: neither COCO nor a mask can hold it."""

    key = "point"
    letter = "o"
    title = "Point"
    annotation_kinds = ("ImagePoint",)
    geometry = "point"
    is_numbers = True
    layer: ClassVar[int | None] = 4

    def outline(self, annotation: Annotation) -> Outline:
        point = flat([annotation["point"]])
        return self, orjson.dumps(bounds([point]))[1:-1].decode("ascii"), orjson.dumps(point).decode("ascii"), None

    def tidy(self, annotation: dict[str, Any], media: dict[str, Any]) -> None:
        annotation["point"] = points([annotation.get("point")], "a point", 1)[0]

    def draw(self, annotation: Annotation) -> Drawn:
        ((x, y),) = corners([annotation["point"]])
        return Drawn(f"M{text(x)} {text(y)}h0", 1, (x, y))
