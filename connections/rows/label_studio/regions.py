"""A label's annotations as Label Studio's results: regions in percent, answers, relations.

An object or answer that came from Label Studio keeps under ``source_extra["label_studio"]`` what our shape has no place
for. All else is worked out here by one rule, which the importer (:func:`keep_what_differs`) asks as well: it keeps of
each result whatever this rule would write otherwise, so that what came in goes out equal.

Keys that are kept and are none of Label Studio's own: ``labels`` (all classes of a region that has several),
``label_results`` (other results that gave it classes), ``rotation`` and ``closed`` (of a box that became a polygon, of
an open polygon), ``text`` (of an answer with several texts), ``rle`` (a brush's stream in base 64), ``absent`` (keys
that the rule writes and the result does not have; those of its value as ``value.KEY``). A label keeps ``result_order``
(the places of its results, in the order in which the rule writes them) and ``result`` (all of them, where the rule
cannot give them back).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from connections.rows.frames import elsewhere
from connections.rows.kinds import BOX, CLASSIFICATION, KINDS, MASK, POINT, POLYGON, POLYLINE, TEXT_ENTITY
from connections.rows.label_studio import brush
from connections.rows.label_studio.percents import percent
from connections.rows.label_studio.places import (
    ANSWER_BELOW,
    REGION_ANSWER,
    RELATIONSHIP,
    LeftOut,
    NoRegionError,
    NoSizeError,
    Picture,
)
from connections.rows.label_studio.tracks import tracks_of

_Json = dict[str, Any]
KEY: Final = "label_studio"
ABSENT, ORDER, RESULT = "absent", "result_order", "result"
OURS: Final = frozenset({"labels", "label_results", "rotation", "closed", "text", brush.KEY, ABSENT})
_SPAN: Final = TEXT_ENTITY.annotation_kind
CARRIED_AS: Final = "LabelStudio:"
# keys of a value that say where something lies in a picture, a film, a sound or a text, and what goes with them
_IN_PICTURES: Final = frozenset(
    {
        "x",
        "y",
        "width",
        "height",
        "rotation",
        "radiusX",
        "radiusY",
        "points",
        "closed",
        "vertices",
        "rle",
        "imageDataURL",
    }
)
_IN_TIME_OR_TEXT: Final = frozenset({"sequence", "ranges", "start", "end", "startOffset", "endOffset", "globalOffsets"})
LIES: Final = _IN_PICTURES | _IN_TIME_OR_TEXT
PLACE_KEYS: Final = LIES | {"format", "framesCount", "duration", "channel", "instant"}
# type of a result → the key of its value under which the answer stands
ANSWERS: Final = {
    "choices": "choices",
    "textarea": "text",
    "rating": "rating",
    "number": "number",
    "datetime": "datetime",
    "taxonomy": "taxonomy",
    "pairwise": "selected",
    "ranker": "ranker",
}
_NOTHING: Final[Mapping[str, Any]] = {}


class Places(list[int]):
    """The places of results among those of an annotation that was cut up by pictures, under :data:`ORDER` while a task
    is read. (A file's own list under that key is none.)"""


def kept_of(mark: Mapping[str, Any]) -> Mapping[str, Any]:
    """What Label Studio said of a row, label, object or answer beyond our shape."""
    source = mark.get("source_extra")
    kept = source.get(KEY) if type(source) is dict else None
    return kept if type(kept) is dict else _NOTHING


# --- the results of a label ------------------------------------------------------------------------------------------


def results_of(
    label: Mapping[str, Any],
    picture: Picture,
    *,
    left_out: LeftOut | None = None,
    to_name: str = "image",
    media: Mapping[str, Any] = _NOTHING,
) -> list[_Json]:
    """All results of a row's label, in Label Studio's order where it is known. ``picture``: the size of the row's;
    ``to_name``: what its answers are about, where Label Studio said nothing; ``media``: the row's media attributes.

    What has no place there is entered into ``left_out``; without a list :class:`NoRegionError` is raised. Raises
    :class:`NoSizeError`.
    """
    kept = kept_of(label)
    stored = kept.get(RESULT)
    results = (
        stored
        if type(stored) is list and {dict}.issuperset(map(type, stored))
        else written_results(label["annotations"], picture, left_out, to_name=to_name)
    )
    if frames := label["annotations"].get("frames"):
        results += tracks_of(frames, picture, media, [] if left_out is None else left_out)
    if left_out is not None:
        objects, answers = elsewhere(label["annotations"])
        left_out += [(KINDS.of_mark(mark).key, mark["name"]) for mark in objects]
        left_out += [(CLASSIFICATION.key, answer["name"]) for answer in answers]
    order = kept.get(ORDER)
    if type(order) is list and len(order) == len(results):
        results = [result for _, result in sorted(zip(order, results, strict=True), key=_place)]
    return results


def _place(numbered: tuple[int, _Json]) -> int:
    return numbered[0]


def written_results(
    annotations: Mapping[str, Any],
    picture: Picture,
    left_out: LeftOut | None = None,
    marks: list[Any] | None = None,
    to_name: str = "image",
) -> list[_Json]:
    """As the rule writes them: answers about the row, each object with what is said of it, relations.

    ``marks``: gets of each result what it was made of.
    """
    results: list[_Json] = []
    made_of: list[Any] = [] if marks is None else marks
    add, note = results.append, made_of.append
    # ids of what Label Studio did not name itself: there an id is one thing
    ids: set[str] = set()
    for answer, kept in _whole_answers(annotations.get("classifications") or ()):
        try:
            result = answer_result(answer, kept, to_name=to_name)
        except NoRegionError:
            if left_out is None:
                raise
            left_out.append((CLASSIFICATION.key, answer["name"]))
            continue
        if not kept:
            result["id"] = _once(result["id"], ids)
        if left_out is not None:
            left_out += _below(answer)
        add(result)
        note(answer)
    names: list[str] = []
    for mark in annotations.get("objects") or ():
        if "is_further_label" in mark:
            names.append(mark["name"])
            continue
        kept = kept_of(mark)
        try:
            region = region_of(mark, kept, picture, names)
        except NoRegionError:
            if left_out is None:
                raise
            key = KINDS.of_mark(mark).key
            left_out += [(key, name) for name in (mark["name"], *names)]
            names = []
            continue
        names = []
        if not kept:
            region["id"] = _once(region["id"], ids)
        add(region)
        note(mark)
        if "label_results" in kept:
            for said in kept["label_results"]:
                add(_with_place(said, region))
                note(said)
        for answer, its in _whole_answers(mark["classifications"]) if mark["classifications"] else ():
            try:
                add(answer_result(answer, its, region))
            except NoRegionError:
                if left_out is None:
                    raise
                left_out.append((REGION_ANSWER, answer["name"]))
                continue
            if left_out is not None:
                left_out += _below(answer)
            note(answer)
    for relation in annotations.get("relationships") or ():
        try:
            add(relation_result(relation))
        except NoRegionError:
            if left_out is None:
                raise
            left_out.append((RELATIONSHIP, relation.get("name") or ""))
            continue
        note(relation)
    return results


def _whole_answers(answers: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Each answer with what is kept of it; of one with several texts the first stands for all."""
    several = 0
    for answer in answers:
        if several:
            several -= 1
            continue
        kept = kept_of(answer)
        if type(kept.get("text")) is list:
            several = max(0, len(kept["text"]) - 1)
        yield answer, kept


def _once(identity: str, ids: set[str]) -> str:
    found, number = identity, 2
    while found in ids:
        found = f"{identity}-{number}"
        number += 1
    ids.add(found)
    return found


def _below(answer: Mapping[str, Any]) -> LeftOut:
    """Answers below what was chosen."""
    chosen = [answer["radio_answer"]] if answer.get("radio_answer") else answer.get("checklist_answers") or ()
    return [
        (ANSWER_BELOW, below["name"]) for option in chosen for below in option.get("classifications") or () if option
    ]


# --- regions ---------------------------------------------------------------------------------------------------------


def region_of(mark: Mapping[str, Any], kept: Mapping[str, Any], picture: Picture, further: Sequence[str] = ()) -> _Json:
    """The region of an object. ``further``: the names of its further classes, where Label Studio said none.

    Raises :class:`NoRegionError`, :class:`NoSizeError`.
    """
    shape = _SHAPES.get(mark["annotation_kind"])
    if shape is None and mark["annotation_kind"] == _SPAN:
        return _span(mark, further)
    if shape is None:
        if not mark["annotation_kind"].startswith(CARRIED_AS):
            raise NoRegionError(f"an annotation of kind {mark['annotation_kind']!r}")
        return {key: value for key, value in kept.items() if key not in OURS}
    if picture is None:
        if "original_width" not in kept or "original_height" not in kept:
            raise NoSizeError("percent of a picture whose size is not known")
        picture = kept["original_width"], kept["original_height"]
    name, labels = mark["name"], kept.get("labels")
    if labels is None:
        labels = [name, *further] if name else list(further)
    base, value = shape(mark, kept, *picture)
    kind = base
    if labels:
        kind = f"{base}labels"
        value[kind] = labels
    region = {
        "original_width": picture[0],
        "original_height": picture[1],
        "image_rotation": 0,
        "value": value,
        "id": mark.get("feature_id", ""),
        "from_name": base,
        "to_name": "image",
        "type": kind,
        "origin": "manual",
    }
    return _as_it_was(region, kept) if kept else region


def _as_it_was(region: _Json, kept: Mapping[str, Any]) -> _Json:
    """What the rule writes, with what Label Studio said otherwise."""
    value = region["value"]
    if len(kept) == 2 and "from_name" in kept and "to_name" in kept:  # nearly always
        region["from_name"], region["to_name"] = kept["from_name"], kept["to_name"]
        return region
    for key, said in kept.items():
        if key == "value":
            if type(said) is dict and type(value) is dict:
                value.update(said)
            else:
                region["value"] = said
        elif key not in OURS:
            region[key] = said
    for key in kept.get(ABSENT, ()):
        of, _, name = key.partition(".")
        if name:
            value.pop(name, None)
        else:
            region.pop(of, None)
    return region


def _span(mark: Mapping[str, Any], further: Sequence[str]) -> _Json:
    """Of a text; its end is the last character here, and behind it there."""
    location = mark.get("location")
    place = location if type(location) is dict else _NOTHING
    start, end = place.get("start"), place.get("end")
    if type(start) is not int or type(end) is not int:
        raise NoRegionError("a span of text that does not say its first and last character")
    value: _Json = {"start": start, "end": end + 1}
    if type(place.get("token")) is str:
        value["text"] = place["token"]
    if labels := [name for name in (mark["name"], *further) if name]:
        value["labels"] = labels
    return {
        "value": value,
        "id": mark.get("feature_id", ""),
        "from_name": "label",
        "to_name": "text",
        "type": "labels",
        "origin": "manual",
    }


def _box(mark: Mapping[str, Any], kept: Mapping[str, Any], width: int, height: int) -> tuple[str, _Json]:
    sides = mark["bounding_box"]
    return "rectangle", {
        "x": percent(sides["left"], width),
        "y": percent(sides["top"], height),
        "width": percent(sides["width"], width),
        "height": percent(sides["height"], height),
        "rotation": 0,
    }


def _polygon(mark: Mapping[str, Any], kept: Mapping[str, Any], width: int, height: int) -> tuple[str, _Json]:
    corners = mark["polygon"]
    if "rotation" in kept and len(corners) == 4:
        return "rectangle", _turned(corners, kept["rotation"], width, height)
    if len(mark.get("polygons") or ()) > 1:
        raise NoRegionError("a polygon of several rings")
    return "polygon", {"points": _points(corners, width, height), "closed": True}


def _turned(corners: Sequence[Mapping[str, float]], rotation: float, width: int, height: int) -> _Json:
    """A box that was turned about its first corner."""
    first, second, _, last = corners
    along = math.hypot(second["x"] - first["x"], second["y"] - first["y"])
    down = math.hypot(last["x"] - first["x"], last["y"] - first["y"])
    return {
        "x": percent(first["x"], width),
        "y": percent(first["y"], height),
        "width": percent(along, width),
        "height": percent(down, height),
        "rotation": rotation,
    }


def _line(mark: Mapping[str, Any], kept: Mapping[str, Any], width: int, height: int) -> tuple[str, _Json]:
    return "polygon", {"points": _points(mark["line"], width, height), "closed": False}


def _points(corners: Sequence[Mapping[str, float]], width: int, height: int) -> list[list[float]]:
    return [[percent(corner["x"], width), percent(corner["y"], height)] for corner in corners]


def _point(mark: Mapping[str, Any], kept: Mapping[str, Any], width: int, height: int) -> tuple[str, _Json]:
    point = mark["point"]
    # how large it is drawn, in percent of the picture's width; theirs where nobody says
    return "keypoint", {"x": percent(point["x"], width), "y": percent(point["y"], height), "width": 0.5}


def _mask(mark: Mapping[str, Any], kept: Mapping[str, Any], width: int, height: int) -> tuple[str, _Json]:
    return "brush", {"format": "rle", "rle": brush.stream_of(mark["mask"], kept)}


# annotation_kind → (type without "labels", value without classes)
_Shape = Callable[[Mapping[str, Any], Mapping[str, Any], int, int], tuple[str, _Json]]
_SHAPES: Final[dict[str, _Shape]] = {
    BOX.annotation_kind: _box,
    POLYGON.annotation_kind: _polygon,
    POLYLINE.annotation_kind: _line,
    POINT.annotation_kind: _point,
    MASK.annotation_kind: _mask,
}


def _with_place(said: Mapping[str, Any], region: _Json) -> _Json:
    """A further result about a region, of which is kept what the region does not say itself."""
    value = said.get("value")
    whole = {**{key: region[key] for key in region if key != "value"}, **said}
    if type(value) is dict:
        whole["value"] = {**_place_of(region), **value}
    return whole


def _place_of(region: _Json) -> _Json:
    value = region.get("value")
    return {key: each for key, each in value.items() if key in PLACE_KEYS} if type(value) is dict else {}


# --- answers and relations -------------------------------------------------------------------------------------------


def answer_result(
    answer: Mapping[str, Any], kept: Mapping[str, Any], region: _Json | None = None, *, to_name: str = "image"
) -> _Json:
    """The result of an answer; about a ``region``: with its id and place, as Label Studio writes it."""
    kind, value = _answered(answer, kept)
    result: _Json = {
        "value": value,
        "id": answer.get("feature_id", ""),
        "from_name": answer["name"],
        "to_name": to_name,
        "type": kind,
        "origin": "manual",
    }
    if region is not None:
        result["value"] = {**_place_of(region), **value}
        result["to_name"] = region.get("to_name")
        result["id"] = region.get("id", "")
        for key in ("original_width", "original_height", "image_rotation"):
            if key in region:
                result[key] = region[key]
    return _as_it_was(result, kept) if kept else result


def _answered(answer: Mapping[str, Any], kept: Mapping[str, Any]) -> tuple[str, _Json]:
    if "radio_answer" in answer:
        chosen = answer["radio_answer"]
        return "choices", {"choices": [chosen["name"]] if chosen else []}
    if "checklist_answers" in answer:
        return "choices", {"choices": [each["name"] for each in answer["checklist_answers"] or ()]}
    if "text_answer" in answer:
        texts = kept.get("text")
        return "textarea", {"text": texts if type(texts) is list else [(answer["text_answer"] or {}).get("content")]}
    for key, said in answer.items():
        kind = key.removesuffix("_answer")
        if kind != key and type(said) is dict and "content" in said:
            return kind, {ANSWERS.get(kind, kind): said["content"]}
    raise NoRegionError(f"an answer to {answer['name']!r} that is neither chosen nor a text nor a value")


def relation_result(relation: Mapping[str, Any]) -> _Json:
    """Label Studio's own, else one from the first to the second."""
    kept = kept_of(relation)
    if kept:
        return dict(kept)
    for kind, direction in (("bidirectional", "bi"), ("unidirectional", "right")):
        ends = relation.get(f"{kind}_relationship")
        if type(ends) is dict:
            return {
                "from_id": ends.get("source"),
                "to_id": ends.get("target"),
                "type": "relation",
                "direction": direction,
                "labels": [relation["name"]] if relation.get("name") not in (None, "relation") else [],
            }
    raise NoRegionError("a relationship that does not say from what to what")


# --- what the rule cannot know ---------------------------------------------------------------------------------------


def keep_what_differs(kept: _Json, written: Mapping[str, Any], result: Mapping[str, Any]) -> None:
    """Enter into ``kept`` what the rule writes of a result otherwise than it is."""
    absent = [key for key in written if key not in result]
    for key, said in result.items():
        if key != "value" and (key not in written or written[key] != said):
            kept[key] = said
    value, own = result.get("value"), written.get("value")
    if type(value) is dict and type(own) is dict:
        absent += [f"value.{key}" for key in own if key not in value]
        differing = {key: said for key, said in value.items() if key not in own or own[key] != said}
        if differing:
            kept["value"] = differing
    elif value != own:
        kept["value"] = value
    if absent:
        kept[ABSENT] = absent
