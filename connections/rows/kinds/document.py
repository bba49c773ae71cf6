"""Boxes on the pages of a document: ``"page_number"``, ``"bounding_box"`` and, where it is said,
``"page_dimensions": {"height", "width"}``, in whose units the box is."""

from __future__ import annotations

from typing import Any

from connections.rows.checks import BadMark, shown
from connections.rows.kinds.box import Box
from connections.rows.kinds.places import Placed


class DocumentBox(Placed, Box):
    """It is on a page, not in a picture."""

    key = "document_box"
    letter = "k"
    title = "Box on a page"
    annotation_kinds = ("DocumentBoundingBox",)
    unit = "page"
    media = "document"
    where = "in the units of its page"

    def tidy(self, annotation: dict[str, Any], media: dict[str, Any]) -> None:
        page = annotation.get("page_number")
        if type(page) is not int:
            raise BadMark(f"page_number is {shown(page)}; expected a whole number")
        super().tidy(annotation, media)
