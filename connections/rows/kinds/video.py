"""Marks in the frames of a video: as those of a picture, each in its ``frame`` (:mod:`connections.rows.frames`)."""

from __future__ import annotations

from typing import Any

from connections.rows.kinds.base import Annotation
from connections.rows.kinds.box import Box
from connections.rows.kinds.mask import Mask
from connections.rows.kinds.places import Placed
from connections.rows.kinds.point import Point
from connections.rows.kinds.polygon import Polygon
from connections.rows.kinds.polyline import Polyline


class _InFrame(Placed):
    """Its geometry moves straight and evenly between key frames, as far as it is numbers."""

    unit = "frame"
    media = "video"
    where = "in pixels, by frame"

    def between(self, first: Annotation, second: Annotation, share: float) -> dict[str, Any] | None:
        try:
            found = {key: _blend(first[key], second[key], share) for key in (self.geometry, "polygons") if key in first}
        except (KeyError, TypeError, ValueError):
            return None
        return found or None


def _blend(first: Any, second: Any, share: float) -> Any:
    """Numbers in lists and objects of one form. Raises ``ValueError``, ``KeyError`` or ``TypeError`` for any other."""
    if isinstance(first, dict):
        return {key: _blend(value, second[key], share) for key, value in first.items()}
    if isinstance(first, list):
        return [_blend(*pair, share) for pair in zip(first, second, strict=True)]
    if type(first) not in (int, float) or type(second) not in (int, float):
        raise TypeError("no number")
    return first + (second - first) * share


class VideoBox(_InFrame, Box):
    """A box in a frame."""

    key = "video_box"
    letter = "v"
    title = "Box in a video"
    annotation_kinds = ("VideoBoundingBox",)


class VideoPolygon(_InFrame, Polygon):
    """A polygon in a frame."""

    key = "video_polygon"
    letter = "z"
    title = "Polygon in a video"
    annotation_kinds = ("VideoPolygon",)


class VideoMask(_InFrame, Mask):
    """A mask in a frame."""

    key = "video_mask"
    letter = "w"
    title = "Mask in a video"
    annotation_kinds = ("VideoSegmentationMask",)

    def between(self, first: Annotation, second: Annotation, share: float) -> dict[str, Any] | None:
        """Pixels do not move in a line."""
        return None


class VideoPolyline(_InFrame, Polyline):
    """A polyline in a frame."""

    key = "video_polyline"
    letter = "y"
    title = "Polyline in a video"
    annotation_kinds = ("VideoPolyline",)


class VideoPoint(_InFrame, Point):
    """A point in a frame."""

    key = "video_point"
    letter = "q"
    title = "Point in a video"
    annotation_kinds = ("VideoPoint",)
