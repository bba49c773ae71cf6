"""``brush_to_coco``: Label Studio's ``result_coco.json``, an annotation a region."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import md5
from types import MappingProxyType
from typing import Any

from connections.rows.batch import OntologyClass
from exports.formats.label_studio_coco import LabelStudioCocoFormat, address_of


class BrushToCocoFormat(LabelStudioCocoFormat):
    """Categories count from 1 in the order of the project's classes; a class has always the same colour."""

    key = "brush_to_coco"
    title = "Brush to COCO as Label Studio writes it"
    help = (
        "A zip with images/ and result_coco.json, categories from 1 with a colour, for scripts made for Label Studio's "
        "exports. Unlike theirs: a brushed mask is one annotation, as runs that give its very pixels, not a polygon a "
        "piece; holes and thin lines are kept; colours are those of the class's name; pictures that are called alike "
        "have different names; rows without annotations have an image too; there is no annotator and no date."
    )
    entry_name = "result_coco.json"
    info = MappingProxyType({"year": None, "version": "1.0", "description": "", "contributor": "Export Admin"})
    more_of_annotations = b""

    @staticmethod
    def in_order(classes: Sequence[OntologyClass]) -> list[OntologyClass]:
        return list(classes)

    @staticmethod
    def category(place: int, one: OntologyClass) -> dict[str, Any]:
        colour = md5(one.name.encode(), usedforsecurity=False).hexdigest()[:6]
        return {"id": place + 1, "name": one.name, "supercategory": "", "color": f"#{colour}", "metadata": {}}

    @staticmethod
    def image(place: int, image: Mapping[str, Any], name: str) -> dict[str, Any]:
        made = {"id": place, "file_name": name, "path": address_of(image)}
        return made | {key: image[key] for key in ("width", "height") if key in image}
