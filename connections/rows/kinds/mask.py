"""Masks: ``"mask": {"size": [height, width], "counts": "<COCO compressed RLE>"}``, as large as the picture.

Platforms hand out the addresses of pictures instead. Such a mask is kept as it is, as one of the kind
:data:`ADDRESS`, until something gives it its pixels (:mod:`connections.rows.composite_masks`).

:mod:`connections.rows.masks` is loaded when it is used: an export prints stored fragments and does without numpy and
its quarter of a second.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Final

import orjson

from connections.rows.checks import BadMark, size
from connections.rows.kinds.base import Annotation, Kind, Outline
from connections.rows.kinds.mask_address import MaskAddress
from connections.rows.svg import Drawn

ADDRESS: Final = MaskAddress()


def has_pixels(annotation: Annotation) -> bool:
    """Does a mask's annotation say its pixels, rather than only where a picture of them is?"""
    mask = annotation.get("mask")
    return type(mask) is dict and "counts" in mask


def is_address(annotation: Annotation) -> bool:
    """Does it say where a picture of its pixels is?"""
    places = (annotation.get("mask"), annotation.get("composite_mask"))
    return any(type(place) is dict and type(place.get("url")) is str for place in places)


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
    layer: ClassVar[int | None] = 0

    def of_mark(self, annotation: Annotation) -> Kind:
        return ADDRESS if not has_pixels(annotation) and is_address(annotation) else self

    def outline(self, annotation: Annotation) -> Outline:
        if not has_pixels(annotation) and is_address(annotation):
            return ADDRESS.outline(annotation)
        from connections.rows.masks import area_and_box

        mask = annotation["mask"]
        pixels, around = area_and_box(mask)
        return self, orjson.dumps(around)[1:-1].decode("ascii"), mask["counts"], pixels

    def tidy(self, annotation: dict[str, Any], media: dict[str, Any]) -> None:
        from connections.rows.masks import tidy_mask

        rle = annotation.get("mask")
        if type(rle) is not dict or "counts" not in rle:
            if not is_address(annotation):
                raise BadMark("a mask without its pixels (mask.size and mask.counts) and without their address (url)")
            return
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
