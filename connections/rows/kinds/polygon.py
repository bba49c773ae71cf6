"""Polygons: ``"polygon": [{"x", "y"}, …]``; with several rings ``"polygons"`` holds all of them.

A ring may repeat its first point at the end, as Labelbox and some COCO files have it; it stays as it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import orjson

from connections.rows.checks import BadMark, points
from connections.rows.kinds.base import Annotation, Kind, Outline, area_slack
from connections.rows.shapes import any_overlap, bounds, polygon_rings, ring_area, rough_ring_area
from connections.rows.svg import Drawn, corners, far, path, signed_area


class Polygon(Kind):
    """Its rings are pieces of one thing, never holes, as in COCO.

    Its area is the shoelace area of its ring, of several rings their sum, less what overlaps (measured by COCO's own
    rule).
    """

    key = "polygon"
    letter = "p"
    title = "Polygon"
    annotation_kinds = ("ImagePolygon",)
    geometry = "polygon"
    is_numbers = True
    in_coco = True
    is_painted = True
    layer: ClassVar[int | None] = 1

    def outline(self, annotation: Annotation) -> Outline:
        rings = polygon_rings(annotation)
        return self, orjson.dumps(bounds(rings))[1:-1].decode("ascii"), orjson.dumps(rings).decode("ascii"), rings

    def tidy(self, annotation: dict[str, Any], media: dict[str, Any]) -> None:
        rings = annotation.get("polygons")
        if rings is None:
            annotation["polygon"] = points(annotation.get("polygon"), "a polygon", 3)
            return
        if type(rings) is not list or not rings:
            raise BadMark("polygons is not a list of rings")
        rings = [points(ring, "a polygon", 3) for ring in rings]
        if annotation.get("polygon") is not None and points(annotation["polygon"], "a polygon", 3) != rings[0]:
            raise BadMark("polygon is not the first ring of polygons: correct it in both, or leave polygon out")
        annotation["polygon"] = rings[0]
        if len(rings) > 1:
            annotation["polygons"] = rings
        else:
            del annotation["polygons"]

    def segmentation(self, annotation: Annotation, geometry: str) -> str:
        return geometry

    def area(self, shape: Any) -> float:
        area = sum([ring_area(ring) for ring in shape])
        if len(shape) == 1 or not any_overlap(shape):
            return area
        from connections.rows.painting import painted_area

        return area - painted_area(shape)[1]

    def fits_area(self, stated: Any, shape: Any, around: Sequence[float]) -> bool:
        """As of any kind; of a ring that crosses itself, where the shoelace takes one part from the other, also what
        is painted."""
        if type(stated) not in (int, float):
            return False
        slack = area_slack(around)
        if abs(stated - (rough_ring_area(shape[0]) if len(shape) == 1 else self.area(shape))) <= slack:
            return True
        from connections.rows.painting import painted_area

        return bool(abs(stated - painted_area(shape)[0]) <= slack)

    def paint(self, canvas: Any, annotation: Annotation, value: int) -> None:
        from connections.rows.painting import paint_polygon

        paint_polygon(canvas, polygon_rings(annotation), value)

    def draw(self, annotation: Annotation) -> Drawn:
        rings = [corners(ring) for ring in annotation.get("polygons") or [annotation["polygon"]]]
        # all one way round: COCO's rule unites rings, and "nonzero" does so for rings of one direction
        turned = [ring if signed_area(ring) >= 0 else ring[::-1] for ring in rings]
        d = "".join(f"{path(ring)}z" for ring in turned)
        return Drawn(d, sum(map(len, rings)), far([point for ring in rings for point in ring]))
