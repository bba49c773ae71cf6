"""Marks in the frames of a video: as those of a picture, each in its ``frame`` (:mod:`connections.rows.frames`)."""

from __future__ import annotations

from connections.rows.kinds.box import Box
from connections.rows.kinds.mask import Mask
from connections.rows.kinds.places import Placed
from connections.rows.kinds.point import Point
from connections.rows.kinds.polygon import Polygon
from connections.rows.kinds.polyline import Polyline


class _InFrame(Placed):
    unit = "frame"
    media = "video"
    where = "in pixels, by frame"


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
