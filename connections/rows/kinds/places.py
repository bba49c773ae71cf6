"""What an annotation says of where it stands beyond its geometry: a frame, a page, a message, a moment."""

from __future__ import annotations

from typing import Any, ClassVar, Final

import orjson

from connections.rows.kinds.base import Annotation, Kind, Outline

# in the order in which they are told
PLACE_KEYS: Final = (
    "group",
    "frame",
    "timestamp",
    "segments",
    "message_id",
    "page_number",
    "page_dimensions",
)


def place_of(annotation: Annotation) -> dict[str, Any]:
    """Nothing, for an annotation of a picture."""
    return {key: annotation[key] for key in PLACE_KEYS if key in annotation}


class Placed(Kind):
    """A kind of pictures somewhere else: no format takes it for one in a picture. To be named before that kind.

    Its geometry in CSV is an object: where it stands, and under :attr:`geometry` what the picture's kind has there.
    """

    is_numbers = False
    in_coco = False
    is_painted = False
    layer: ClassVar[int | None] = None

    def outline(self, annotation: Annotation) -> Outline:
        kind, box, geometry, _ = super().outline(annotation)
        if kind is not self:  # a mask without its pixels
            return kind, box, geometry, None
        found = place_of(annotation)
        if geometry:
            found[self.geometry] = orjson.loads(geometry) if geometry[0] == "[" else geometry
        return self, box, orjson.dumps(found).decode("utf-8"), None


class AsItIs(Kind):
    """What it is about stands under the key :attr:`geometry`, of which nothing is worked out."""

    def outline(self, annotation: Annotation) -> Outline:
        found = {**place_of(annotation), self.geometry: annotation[self.geometry]}
        return self, ",,,", orjson.dumps(found).decode("utf-8"), None
