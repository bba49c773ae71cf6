"""Shapes that only Diffgram has: what its instance says stands under ``source_extra.diffgram``, as it says it.

What its numbers are measured from Diffgram does not document for all of them (an ellipse's ``width``, say), so nothing
is worked out of them, painted or drawn.
"""

from __future__ import annotations

import orjson

from connections.rows.kinds.base import Annotation, Kind, Outline
from connections.rows.kinds.places import place_of


class _OfDiffgram(Kind):
    geometry = "source_extra"
    media = ""
    where = "as Diffgram has it"

    def outline(self, annotation: Annotation) -> Outline:
        extra = annotation.get(self.geometry)
        kept = extra.get("diffgram") if type(extra) is dict else None
        return self, ",,,", orjson.dumps({**place_of(annotation), **(kept or {})}).decode("utf-8"), None


class Ellipse(_OfDiffgram):
    """``center_x``, ``center_y``, ``width``, ``height``, ``angle`` in radians."""

    key = "ellipse"
    letter = "ε"
    title = "Ellipse"
    annotation_kinds = ("Diffgram:ellipse",)


class Cuboid(_OfDiffgram):
    """``front_face`` and ``rear_face``, by their corners."""

    key = "cuboid"
    letter = "κ"
    title = "Cuboid"
    annotation_kinds = ("Diffgram:cuboid",)


class Curve(_OfDiffgram):
    """From ``p1`` to ``p2``, with the control point ``cp``."""

    key = "curve"
    letter = "γ"
    title = "Curve"
    annotation_kinds = ("Diffgram:curve",)


class Keypoints(_OfDiffgram):
    """``nodes`` by name, and the ``edges`` between them."""

    key = "keypoints"
    letter = "π"
    title = "Key points"
    annotation_kinds = ("Diffgram:keypoints",)
