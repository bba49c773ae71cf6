"""Label Studio's regions as annotation objects.

Places are percent of the picture there, pixels here; a box turned about its top left corner becomes a polygon, an open
polygon a line. Regions that we have no word for (ellipses, spans of text or sound, tracks) are carried whole as
``annotation_kind`` ``"LabelStudio:<type>"``. Functions raise :class:`BadMark`; ``KeyError`` for a missing key.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any, Final

from connections.rows.checks import MAX_COORDINATE, BadMark, number, numbers, size
from connections.rows.kinds import BOX, MASK, POINT, POLYGON, POLYLINE
from connections.rows.kinds.base import Kind
from connections.rows.label_studio.brush import KEY as RLE
from connections.rows.label_studio.brush import kept_stream
from connections.rows.label_studio.regions import CARRIED_AS, LIES, PLACE_KEYS
from connections.store.importers.brush import brush_mask

_NUMBERS: Final = frozenset({int, float})
_REGION_KEYS: Final = frozenset(
    {"id", "type", "from_name", "to_name", "origin", "original_width", "original_height", "image_rotation", "value"}
)

_Json = dict[str, Any]


class NoSizeError(BadMark):
    """A region that says percent, and not of what."""


def identity_of(region: _Json) -> str:
    """What its other results and its relations name it by; empty where it has none."""
    identity = region.get("id")
    if type(identity) is int:
        return str(identity)
    return identity if type(identity) is str else ""


def labels_of(value: _Json, kind: str) -> list[str]:
    """The classes that a region of this type says, each once; they stand under its type, else under the type's form
    with "labels" (``polygonlabels`` of a ``polygon``), or plainly under ``labels``."""
    labels = value.get(kind)
    if not labels:
        kind, labels = _labels_elsewhere(value, kind)
        if not labels:
            return []
    if type(labels) is str:
        return [labels]
    if type(labels) is not list or not {str}.issuperset(map(type, labels)):
        raise BadMark(f"{kind} is not a list of texts")
    if len(labels) == 1 and labels[0]:
        return labels
    return [label for label in dict.fromkeys(labels) if label]


def _labels_elsewhere(value: _Json, kind: str) -> tuple[str, Any]:
    for key in (f"{kind}labels", "labels", *value):
        if value.get(key) and key.endswith("labels"):
            return key, value[key]
    return kind, None


def said_size(region: Any) -> tuple[int, int] | None:
    """``(width, height)`` of the picture that a region lies on, where it says it."""
    if type(region) is not dict:
        return None
    width, height = region.get("original_width"), region.get("original_height")
    try:
        sides = size(width, "original_width"), size(height, "original_height")
    except BadMark:
        return None
    return (sides[0], sides[1]) if sides[0] and sides[1] else None


def size_beside(region: _Json, results: Iterable[Any]) -> tuple[int, int] | None:
    """The size that another result on the same picture says."""
    for other in results:
        found = said_size(other)
        if found and all(other.get(key) == region.get(key) for key in ("to_name", "item_index")):
            return found
    return None


def kept_of(region: _Json, value: _Json, known: frozenset[str]) -> _Json:
    """What Label Studio says of a region beside its place and class."""
    kept: _Json = {"from_name": region.get("from_name"), "to_name": region.get("to_name")}
    if region.get("origin", "manual") != "manual":
        kept["origin"] = region["origin"]
    if region.get("image_rotation"):
        kept["image_rotation"] = region["image_rotation"]
    if not region.keys() <= _REGION_KEYS:
        kept.update({key: each for key, each in region.items() if key not in _REGION_KEYS})
    if not value.keys() <= known:
        kept["value"] = {key: each for key, each in value.items() if key not in known}
    return kept


def _picture(region: _Json) -> tuple[int, int]:
    width, height = region.get("original_width"), region.get("original_height")
    if type(width) is int and type(height) is int and 0 < width <= MAX_COORDINATE and 0 < height <= MAX_COORDINATE:
        return width, height
    if width is None or height is None:
        raise NoSizeError("percent without original_width and original_height cannot be turned into pixels")
    return size(width, "original_width") or 0, size(height, "original_height") or 0


# --- regions with a shape --------------------------------------------------------------------------------------------

_BOX_KEYS: Final = frozenset({"x", "y", "width", "height", "rotation", "rectanglelabels"})
_POLYGON_KEYS: Final = frozenset({"points", "closed", "polygonlabels"})
_POINT_KEYS: Final = frozenset({"x", "y", "keypointlabels"})
_BRUSH_KEYS: Final = frozenset({"format", "rle", "brushlabels"})


def _mark(region: _Json, value: _Json, labels: list[str], known: frozenset[str], kind: Kind, shape: Any) -> _Json:
    """The object of a region whose value has the ``known`` keys. Its class is the first label."""
    kept = kept_of(region, value, known)
    name = labels[0] if labels else ""
    identity = region.get("id")
    if type(identity) is not str:
        identity = identity_of(region)
    if identity:
        return {
            "feature_id": identity,
            "name": name,
            "value": name,
            "annotation_kind": kind.annotation_kind,
            "classifications": [],
            kind.geometry: shape,
            "source_extra": {"label_studio": kept},
        }
    return {
        "name": name,
        "value": name,
        "annotation_kind": kind.annotation_kind,
        "classifications": [],
        kind.geometry: shape,
        "source_extra": {"label_studio": kept},
    }


def _rectangle(region: _Json, value: _Json, labels: list[str]) -> _Json:
    width, height = _picture(region)
    x, y, w, h = value["x"], value["y"], value["width"], value["height"]
    if not ({type(x), type(y), type(w), type(h)} <= _NUMBERS and x * x + y * y + w * w + h * h < MAX_COORDINATE):
        numbers([x, y, w, h], "the box")
    if w < 0 or h < 0:
        raise BadMark(f"the box has the negative size {w} x {h}")
    left, top, w, h = x * width / 100.0, y * height / 100.0, w * width / 100.0, h * height / 100.0
    rotation = value.get("rotation")
    if not rotation:
        place = {"top": top, "left": left, "height": h, "width": w}
        return _mark(region, value, labels, _BOX_KEYS, BOX, place)
    angle = math.radians(number(rotation, "rotation"))
    # clockwise on the screen, where y goes down: along the top side, and down the left one
    along_x, along_y = w * math.cos(angle), w * math.sin(angle)
    down_x, down_y = -h * math.sin(angle), h * math.cos(angle)
    corners = [
        {"x": left, "y": top},
        {"x": left + along_x, "y": top + along_y},
        {"x": left + along_x + down_x, "y": top + along_y + down_y},
        {"x": left + down_x, "y": top + down_y},
    ]
    mark = _mark(region, value, labels, _BOX_KEYS, POLYGON, corners)
    mark["source_extra"]["label_studio"]["rotation"] = rotation
    return mark


def _polygon(region: _Json, value: _Json, labels: list[str]) -> _Json:
    width, height = _picture(region)
    points = value["points"]
    is_open = value.get("closed") is False
    try:
        numbers(list(chain.from_iterable(points)), "a polygon")
        polygon = [{"x": x * width / 100.0, "y": y * height / 100.0} for x, y in points]
    except (TypeError, ValueError) as error:
        raise error if isinstance(error, BadMark) else BadMark("points is not a list of [x, y]") from None
    if is_open:  # it has no inside
        if len(polygon) < 2:
            raise BadMark(f"an open polygon has {len(polygon)} points; at least 2 make a line")
        mark = _mark(region, value, labels, _POLYGON_KEYS, POLYLINE, polygon)
        mark["source_extra"]["label_studio"]["closed"] = False
        return mark
    if len(polygon) < 3:
        raise BadMark(f"a polygon has {len(polygon)} points; at least 3 make one")
    return _mark(region, value, labels, _POLYGON_KEYS, POLYGON, polygon)


def _point(region: _Json, value: _Json, labels: list[str]) -> _Json:
    width, height = _picture(region)
    x, y = numbers([value["x"], value["y"]], "the point")
    point = {"x": x * width / 100.0, "y": y * height / 100.0}
    return _mark(region, value, labels, _POINT_KEYS, POINT, point)


def _brush(region: _Json, value: _Json, labels: list[str]) -> _Json:
    width, height = _picture(region)
    mask = brush_mask(value["rle"], height, width)
    mark = _mark(region, value, labels, _BRUSH_KEYS, MASK, mask)
    mark["source_extra"]["label_studio"][RLE] = kept_stream(value["rle"])
    return mark


# (region, its value, its classes) → its object
Shape = Callable[[_Json, _Json, list[str]], _Json]
SHAPES: Final[dict[str, Shape]] = {
    "rectanglelabels": _rectangle,
    "rectangle": _rectangle,
    "polygonlabels": _polygon,
    "polygon": _polygon,
    "keypointlabels": _point,
    "keypoint": _point,
    "brushlabels": _brush,
    "brush": _brush,
}


def shape_by_place(value: Any) -> str | None:
    """The type in :data:`SHAPES` of a value that lies in a picture, where its result does not say one."""
    if type(value) is dict:
        for kind, keys in _BY_PLACE.items():
            if keys <= value.keys():
                return kind
    return None


_BY_PLACE: Final = {"brush": {"rle"}, "polygon": {"points"}, "rectangle": {"x", "y", "width", "height"}}

# --- regions that we have no word for --------------------------------------------------------------------------------

CARRIED: Final = frozenset({"ellipse", "bitmask", "vector", "videorectangle", "videovector", "timeseries"})


def is_carried(kind: str) -> bool:
    """Is this type of Label Studio's a region that we have no word for?"""
    return kind in CARRIED or kind.endswith("labels")


def has_place(value: Any) -> bool:
    """Does a result's value say where it lies?"""
    return type(value) is dict and not LIES.isdisjoint(value)


def carried(region: _Json, kind: str, labels: list[str]) -> _Json:
    """Its object: the region stays whole beside it."""
    name = labels[0] if labels else ""
    mark: _Json = {
        "name": name,
        "value": name,
        "annotation_kind": f"{CARRIED_AS}{kind}",
        "classifications": [],
        "source_extra": {"label_studio": dict(region)},
    }
    identity = identity_of(region)
    return {"feature_id": identity, **mark} if identity else mark


def is_carried_object(mark: _Json) -> bool:
    """Is it an object of :func:`carried`?"""
    kind: str = mark["annotation_kind"]
    return kind.startswith(CARRIED_AS)


def same_place(region: _Json, other: _Json) -> bool:
    """Do two results lie at the same place?"""
    return _place(region.get("value")) == _place(other.get("value"))


def without_place(region: _Json, shape: _Json) -> _Json:
    """A result without what its shape says too: where both lie, on what."""
    value = region.get("value")
    said = {key: each for key, each in region.items() if key == "type" or shape.get(key) != each}
    if type(value) is dict:
        known = shape.get("value")
        known = known if type(known) is dict else {}
        said["value"] = {key: each for key, each in value.items() if key not in known or known[key] != each}
    return said


def _place(value: Any) -> _Json:
    return {key: each for key, each in value.items() if each and key in PLACE_KEYS} if type(value) is dict else {}
