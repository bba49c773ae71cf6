"""Polylines: ``"line": [{"x", "y"}, …]``."""

from __future__ import annotations

from typing import Any, ClassVar

import orjson

from connections.rows.checks import points
from connections.rows.kinds.base import Annotation, Kind, Outline
from connections.rows.shapes import bounds, flat
from connections.rows.svg import Drawn, corners, far, path


class Polyline(Kind):
    """It has no area: neither COCO nor a mask can hold it."""

    key = "polyline"
    letter = "l"
    title = "Polyline"
    annotation_kinds = ("ImagePolyline",)
    geometry = "line"
    is_numbers = True
    layer: ClassVar[int | None] = 3

    def outline(self, annotation: Annotation) -> Outline:
        line = flat(annotation["line"])
        return self, orjson.dumps(bounds([line]))[1:-1].decode("ascii"), orjson.dumps(line).decode("ascii"), None

    def tidy(self, annotation: dict[str, Any], media: dict[str, Any]) -> None:
        annotation["line"] = points(annotation.get("line"), "a polyline", 2)

    def draw(self, annotation: Annotation) -> Drawn:
        line = corners(annotation["line"])
        return Drawn(path(line), len(line), far(line))
