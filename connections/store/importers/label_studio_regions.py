"""Label Studio's regions as annotation objects, answers and relationships.

Places are percent of the picture there, pixels here; a box turned about its top left corner becomes a polygon. Regions
that we have no word for (ellipses, spans of text or sound, tracks, taxonomies, ratings) are carried whole as
``annotation_kind`` ``"LabelStudio:<type>"``. Functions raise :class:`BadMark`; ``KeyError`` for a missing key.
"""

from __future__ import annotations

import math
from itertools import chain
from typing import Any, Final

from connections.rows.checks import MAX_COORDINATE, BadMark, number, numbers, size
from connections.rows.kinds import BOX, MASK, POINT, POLYGON
from connections.rows.kinds.base import Kind
from connections.store.importers.brush import brush_mask

_NUMBERS: Final = frozenset({int, float})
_REGION_KEYS: Final = frozenset(
    {"id", "type", "from_name", "to_name", "origin", "original_width", "original_height", "image_rotation", "value"}
)

_Json = dict[str, Any]


def _kept(region: _Json, value: _Json, known: frozenset[str]) -> _Json:
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


def _name(region: _Json, value: _Json, kind: str, kept: _Json) -> str:
    """The class: the first of the region's labels; without one, the control's name."""
    labels = value.get(kind)
    if labels and type(labels) is list and {str}.issuperset(map(type, labels)):
        if len(labels) > 1:
            kept[kind] = labels
        if labels[0]:
            name: str = labels[0]
            return name
    elif labels:
        raise BadMark(f"{kind} is not a list of texts")
    name = region.get("from_name") or kind
    if type(name) is not str:
        raise BadMark("from_name is not a text")
    return name


def _picture(region: _Json) -> tuple[int, int]:
    width, height = region.get("original_width"), region.get("original_height")
    if type(width) is int and type(height) is int and 0 < width <= MAX_COORDINATE and 0 < height <= MAX_COORDINATE:
        return width, height
    if width is None or height is None:
        raise BadMark("percent without original_width and original_height cannot be turned into pixels")
    return size(width, "original_width") or 0, size(height, "original_height") or 0


# --- regions with a shape --------------------------------------------------------------------------------------------

_BOX_KEYS: Final = frozenset({"x", "y", "width", "height", "rotation", "rectanglelabels"})
_POLYGON_KEYS: Final = frozenset({"points", "closed", "polygonlabels"})
_POINT_KEYS: Final = frozenset({"x", "y", "keypointlabels"})
_BRUSH_KEYS: Final = frozenset({"format", "rle", "brushlabels"})


def _mark(region: _Json, value: _Json, type_: str, known: frozenset[str], kind: Kind, shape: Any) -> _Json:
    """The object of a region of Label Studio's ``type_`` whose value has the ``known`` keys."""
    kept = _kept(region, value, known)
    name = _name(region, value, type_, kept)
    identity = region.get("id")
    if type(identity) is str and identity:
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


def _rectangle(region: _Json, value: _Json, kind: str) -> _Json:
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
        return _mark(region, value, kind, _BOX_KEYS, BOX, place)
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
    mark = _mark(region, value, kind, _BOX_KEYS, POLYGON, corners)
    mark["source_extra"]["label_studio"]["rotation"] = rotation
    return mark


def _polygon(region: _Json, value: _Json, kind: str) -> _Json:
    width, height = _picture(region)
    points = value["points"]
    try:
        numbers(list(chain.from_iterable(points)), "a polygon")
        polygon = [{"x": x * width / 100.0, "y": y * height / 100.0} for x, y in points]
    except (TypeError, ValueError) as error:
        raise error if isinstance(error, BadMark) else BadMark("points is not a list of [x, y]") from None
    if len(polygon) < 3:
        raise BadMark(f"a polygon has {len(polygon)} points; at least 3 make one")
    mark = _mark(region, value, kind, _POLYGON_KEYS, POLYGON, polygon)
    if value.get("closed") is False:
        mark["source_extra"]["label_studio"]["closed"] = False
    return mark


def _point(region: _Json, value: _Json, kind: str) -> _Json:
    width, height = _picture(region)
    x, y = numbers([value["x"], value["y"]], "the point")
    point = {"x": x * width / 100.0, "y": y * height / 100.0}
    return _mark(region, value, kind, _POINT_KEYS, POINT, point)


def _brush(region: _Json, value: _Json, kind: str) -> _Json:
    width, height = _picture(region)
    mask = brush_mask(value["rle"], height, width)
    return _mark(region, value, kind, _BRUSH_KEYS, MASK, mask)


SHAPES: Final = {
    "rectanglelabels": _rectangle,
    "rectangle": _rectangle,
    "polygonlabels": _polygon,
    "polygon": _polygon,
    "keypointlabels": _point,
    "keypoint": _point,
    "brushlabels": _brush,
    "brush": _brush,
}


def carried(region: _Json) -> _Json:
    """A region of a kind that we have no word for: whole."""
    kind = region.get("type")
    if type(kind) is not str or not kind:
        raise BadMark("has no type")
    value = region.get("value")
    labels = (value.get(kind) or value.get("labels")) if type(value) is dict else None
    name = labels[0] if labels and type(labels) is list else None
    if type(name) is not str or not name:
        name = region.get("from_name")
    if type(name) is not str or not name:
        name = kind
    mark: _Json = {
        "name": name,
        "value": name,
        "annotation_kind": f"LabelStudio:{kind}",
        "classifications": [],
        "source_extra": {"label_studio": region},
    }
    if type(region.get("id")) is str and region["id"]:
        mark = {"feature_id": region["id"], **mark}
    return mark


def name_by_labels(objects: list[_Json], labels_apart: list[_Json]) -> None:
    """``<Labels>`` beside ``<Rectangle>``: two regions with one id, the shape and its class. Without a shape (a span of
    text or sound) the region is carried."""
    by_id = {mark["feature_id"]: mark for mark in objects if "feature_id" in mark}
    for region in labels_apart:
        mark = by_id.get(region.get("id"))
        value = region.get("value")
        labels = value.get("labels") if type(value) is dict else None
        if mark is None or not labels or type(labels) is not list or type(labels[0]) is not str:
            objects.append(carried(region))
            continue
        mark["name"] = mark["value"] = labels[0]
        mark["source_extra"]["label_studio"]["labels"] = {"from_name": region.get("from_name"), "labels": labels}


# --- answers and relations -------------------------------------------------------------------------------------------

_ANSWER_KEYS: Final = frozenset({"choices", "text", "x", "y", "width", "height", "rotation", "points", "closed"})


def answer_of(region: _Json, kind: str) -> _Json:
    value = region.get("value")
    if type(value) is not dict:
        raise BadMark("has no value")
    name = region.get("from_name")
    if type(name) is not str or not name:
        raise BadMark("an answer has no from_name, which is its question")
    answer: _Json = {"name": name, "value": name}
    identity = region.get("id")
    if type(identity) is str and identity:
        answer = {"feature_id": identity, **answer}
    if kind == "choices":
        choices = value["choices"]
        if type(choices) is not list or not {str}.issuperset(map(type, choices)):
            raise BadMark("choices is not a list of texts")
        if len(choices) == 1:
            answer["radio_answer"] = {"name": choices[0], "value": choices[0], "classifications": []}
        else:
            answer["checklist_answers"] = [{"name": each, "value": each, "classifications": []} for each in choices]
    else:
        text = value["text"]
        texts = text if type(text) is list else [text]
        if not {str}.issuperset(map(type, texts)):
            raise BadMark("text is neither a text nor a list of texts")
        answer["text_answer"] = {"content": "\n".join(texts)}
    kept = _kept(region, value, _ANSWER_KEYS)
    del kept["from_name"]  # the question's name
    if kind == "textarea" and type(value["text"]) is list and len(value["text"]) != 1:
        kept["text"] = value["text"]
    answer["source_extra"] = {"label_studio": kept}
    return answer


def put_into_regions(objects: list[_Json], answers: list[_Json]) -> list[_Json]:
    """An answer with the id of a region belongs to that region (``perRegion``); the others are returned."""
    by_id = {mark["feature_id"]: mark for mark in objects if "feature_id" in mark}
    of_the_label = []
    for answer in answers:
        mark = by_id.get(answer.get("feature_id"))
        if mark is None:
            of_the_label.append(answer)
        else:
            mark["classifications"].append(answer)
    return of_the_label


def relation_of(region: _Json) -> _Json:
    source, target = region.get("from_id"), region.get("to_id")
    if type(source) is not str or type(target) is not str:
        raise BadMark("a relation does not say from which region to which")
    if region.get("direction") == "left":
        source, target = target, source
    labels = region.get("labels")
    name = labels[0] if labels and type(labels) is list and type(labels[0]) is str else "relation"
    kind = "bidirectional" if region.get("direction") == "bi" else "unidirectional"
    return {
        "name": name,
        "value": name,
        "annotation_kind": f"{kind.capitalize()}Relationship",
        "classifications": [],
        f"{kind}_relationship": {"source": source, "target": target},
        "source_extra": {"label_studio": region},
    }
