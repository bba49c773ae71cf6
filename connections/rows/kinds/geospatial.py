"""Shapes on the earth: ``"geojson": {"type", "coordinates"}``, in degrees, longitude first. None lies in a picture."""

from __future__ import annotations

from typing import Any, ClassVar

from connections.rows.checks import BadMark, shown
from connections.rows.kinds.places import AsItIs


class _OnEarth(AsItIs):
    geometry = "geojson"
    media = "geospatial"
    where = "GeoJSON, as it is"
    geojson_type: ClassVar[str]

    def tidy(self, annotation: dict[str, Any], media: dict[str, Any]) -> None:
        shape = annotation.get("geojson")
        if type(shape) is not dict:
            raise BadMark("geojson is not an object")
        if shape.get("type") != self.geojson_type:
            raise BadMark(f"geojson.type is {shown(shape.get('type'))}; expected {self.geojson_type!r}")
        if type(shape.get("coordinates")) is not list:
            raise BadMark("geojson.coordinates is not a list")


class GeoBox(_OnEarth):
    """Five corners, the last of which is the first."""

    key = "geo_box"
    letter = "h"
    title = "Box on a map"
    annotation_kinds = ("GeoBoundingBox",)
    geojson_type = "Polygon"


class GeoPolygon(_OnEarth):
    """A polygon, holes included."""

    key = "geo_polygon"
    letter = "u"
    title = "Polygon on a map"
    annotation_kinds = ("GeoPolygon",)
    geojson_type = "Polygon"


class GeoPolyline(_OnEarth):
    """A line."""

    key = "geo_polyline"
    letter = "j"
    title = "Polyline on a map"
    annotation_kinds = ("GeoPolyline",)
    geojson_type = "LineString"


class GeoPoint(_OnEarth):
    """A point."""

    key = "geo_point"
    letter = "i"
    title = "Point on a map"
    annotation_kinds = ("GeoPoint",)
    geojson_type = "Point"
