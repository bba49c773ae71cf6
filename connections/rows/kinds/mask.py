"""Masks: ``"mask": {"size": [height, width], "counts": "<COCO compressed RLE>"}``, as large as the picture.

:mod:`connections.rows.masks` is loaded when it is used: an export prints stored fragments and does without numpy and
its quarter of a second.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from connections.rows.checks import BadMark, size
from connections.rows.kinds.base import Annotation, Kind, Outline
from connections.rows.svg import Drawn


class Mask(Kind):
    """Its area is its pixels."""

    key = "mask"
    letter = "m"
    title = "Mask"
    annotation_kinds = ("ImageSegmentationMask",)
    geometry = "mask"
    in_coco = True
    coco_form = "runs"
    is_painted = True
    layer = 0

    def outline(self, annotation: Annotation) -> Outline:
        from connections.rows.masks import area_and_box

        mask = annotation["mask"]
        pixels, around = area_and_box(mask)
        return self, orjson.dumps(around)[1:-1].decode("ascii"), mask["counts"], pixels

    def tidy(self, annotation: dict[str, Any], media: dict[str, Any]) -> None:
        from connections.rows.masks import tidy_mask

        rle = annotation.get("mask")
        if type(rle) is not dict or "counts" not in rle:
            raise BadMark(
                "a mask without its pixels (mask.size and mask.counts); the address of a picture is not enough"
            )
        sides = rle.get("size")
        if "height" not in media and "width" not in media and type(sides) is list and len(sides) == 2:
            media["height"], media["width"] = size(sides[0], "mask's height"), size(sides[1], "mask's width")
        annotation["mask"] = tidy_mask(rle, media.get("height"), media.get("width"))

    def segmentation(self, annotation: Annotation, geometry: str) -> str:
        mask = annotation["mask"]
        return orjson.dumps({"size": mask["size"], "counts": mask["counts"]}).decode()

    def area(self, shape: Any) -> float:
        pixels: int = shape
        return pixels

    def fits_area(self, stated: Any, shape: Any, around: Sequence[float]) -> bool:
        """Its pixels can be counted, so only their number does."""
        return type(stated) in (int, float) and bool(stated == shape)

    def paint(self, canvas: Any, annotation: Annotation, value: int) -> None:
        from connections.rows.painting import paint_mask

        paint_mask(canvas, annotation["mask"], value)

    def draw(self, annotation: Annotation) -> Drawn:
        from connections.rows.masks import rectangles

        height, width = (int(side) for side in annotation["mask"]["size"])
        pieces = rectangles(annotation["mask"]["counts"], height, width)
        d = "".join(f"M{x} {top}h{across}v{bottom - top}h-{across}z" for x, top, across, bottom in pieces)
        return Drawn(d, 2 * len(pieces), (float(width), float(height)))
