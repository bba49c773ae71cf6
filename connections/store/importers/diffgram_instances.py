"""Instances of Diffgram's export file as annotations of ours.

Boxes, polygons, points and lines are read; pixels are Diffgram's own, origin top left. What has no kind of ours, or
does not say what its type has to, is carried: its ``annotation_kind`` is ``Diffgram:<type>``, and what it says stands
under ``source_extra.diffgram``. Attributes are answers: of a ``global`` instance about the whole row, else about the
object. A ``tag`` is an answer to the question *tag*: the label that the whole file has. What these two and relations
say besides is carried, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from connections.rows.checks import BadMark, shown
from connections.rows.diffgram import FIRST_FRAME, GLOBAL, OWN_KIND, SOURCE
from connections.rows.kinds import (
    BOX,
    KINDS,
    OTHER,
    POINT,
    POLYGON,
    POLYLINE,
    VIDEO_BOX,
    VIDEO_POINT,
    VIDEO_POLYGON,
    VIDEO_POLYLINE,
)
from connections.store.import_row import IncomingLabel
from connections.store.importers.ndjson import check_answer, check_object
from connections.store.notes import CARRIED, NOT_KEPT, UNLABELLED, Notes
from connections.store.notes import OTHER as OTHER_NOTE

TAG, RELATION = "tag", "relation"
_MAX_NAME: Final = 500
_HEAD: Final = frozenset({"id", "type", "attribute_groups", "label_file_id"})
_OF_RELATIONS: Final = frozenset({"id", "type", "label_file_id", "from_instance_id", "to_instance_id"})
_BOUNDS: Final = ("x_min", "y_min", "x_max", "y_max")
_FRAME: Final = ("frame_number", "global_frame_number", "local_sequence_number", "number", "interpolated")
_Json = dict[str, Any]


@dataclass(slots=True)
class Vocabulary:
    """What the numbers of a file mean: ``labels`` by number of their files; ``groups``: kind and name of attributes."""

    labels: Mapping[str, str] = field(default_factory=dict)
    groups: Mapping[str, tuple[str, str]] = field(default_factory=dict)


class Reader:
    """Of one row: ``position`` says where it stands. ``notes`` are the row's. Raises :class:`BadMark`."""

    def __init__(self, vocabulary: Vocabulary, notes: Notes, position: str, media: _Json) -> None:
        self._vocabulary = vocabulary
        self._notes = notes
        self._position = position
        self._media = media
        self.label = IncomingLabel()

    def is_empty(self) -> bool:
        """Has nothing been read?"""
        label = self.label
        return not (label.objects or label.classifications or label.relationships or label.more_annotations)

    def take(self, instances: Any, what: str) -> None:
        """Those of a picture, or of a video as a whole."""
        for number, instance in enumerate(_objects(instances, what), 1):
            where = f"{what} {number}"
            kind = instance.get("type")
            if kind in (GLOBAL, TAG):
                self._take_answers(instance, where)
            elif kind == RELATION:
                self._take_relation(instance)
            else:
                mark = self._mark(instance, where)
                self.label.objects.append(mark)

    def take_sequences(self, sequences: Any) -> None:
        """The tracks of a video: an object a frame, under the clip's own frame, which ``frame_rate`` and
        ``frame_count`` are of. A track is there where it has frames; what lies between them Diffgram did not fill.
        """
        frames: dict[int, _Json] = {}
        keys: dict[str, list[int]] = {}
        tracks: dict[str, list[int]] = {}
        for place, sequence in enumerate(_objects(sequences, "sequence_list"), 1):
            identity = _number(sequence.get("id"), f"sequence {place}: id")
            for number, instance in enumerate(_objects(sequence.get("instance_list"), f"sequence {place}"), 1):
                where = f"sequence {place}, instance {number}"
                frame = _frame(instance, where)
                objects = frames.setdefault(frame, {"objects": {}, "classifications": []})["objects"]
                mark = self._mark(instance, where, is_framed=True)
                named = identity if identity not in objects else f"{identity}-{instance.get('id')}"
                if named in objects:
                    raise BadMark(f"{where}: two of one number in one frame")
                mark["feature_id"] = named
                objects[named] = mark
                tracks.setdefault(named, []).append(frame)
                if not instance.get("interpolated"):
                    keys.setdefault(named, []).append(frame)
        if frames:
            self.label.more_annotations = {
                "frames": {str(frame): frames[frame] for frame in sorted(frames)},
                "segments": {named: _runs(at) for named, at in tracks.items()},
                "key_frame_feature_map": {named: sorted(at) for named, at in keys.items()},
            }

    # --- one instance ------------------------------------------------------------------------------------------------

    def _mark(self, instance: _Json, where: str, *, is_framed: bool = False) -> _Json:
        kind = instance.get("type")
        if not isinstance(kind, str) or not 0 < len(kind) <= 60:
            raise BadMark(f"{where}: type is {shown(kind)}; expected a word such as box")
        name = self._name(instance, where)
        mark: _Json = {"feature_id": _number(instance.get("id"), f"{where}: id"), "name": name, "value": name}
        rest = {key: value for key, value in instance.items() if key not in _HEAD}
        at: _Json = {key: rest.pop(key) for key in _FRAME if key in rest} if is_framed else {}
        if (read := _READ.get(kind)) is not None and (found := read(rest)) is not None:
            geometry, used = found
            rest = {key: value for key, value in rest.items() if key not in used and value is not None}
            mark |= geometry
        else:
            mark["annotation_kind"] = f"{OWN_KIND}{kind}"
            if KINDS.of(mark["annotation_kind"]) is OTHER:
                self._notes.add(
                    CARRIED, f"annotations of type {kind[:40]}, kept as they are", example=f"{self._position}, {where}"
                )
        mark["classifications"] = self._answers(instance.get("attribute_groups"), where)
        try:
            check_object(mark, self._media)
        except BadMark as error:
            raise BadMark(f"{where}: {error}") from None
        if is_framed:
            rest |= {"id": instance["id"]} | _odd(at)
            mark["annotation_kind"] = _FRAMED.get(mark["annotation_kind"], mark["annotation_kind"])
        if rest:
            mark["source_extra"] = {SOURCE: rest}
        if not name:
            self._notes.add(UNLABELLED, "annotations without a class", example=f"{self._position}, {where}")
        return mark

    def _name(self, instance: Mapping[str, Any], where: str) -> str:
        label = instance.get("label_file_id")
        if label is None:
            return ""
        if (name := self._vocabulary.labels.get(str(label))) is not None:
            return name
        text = "annotations of a label that the file does not name, since it was deleted there"
        self._notes.add(OTHER_NOTE, text, example=f"{self._position}, {where}: label {shown(label)}")
        return f"label {label}"[:_MAX_NAME]

    def _take_answers(self, instance: _Json, where: str) -> None:
        kind = instance["type"]
        answers = self._answers(instance.get("attribute_groups"), where)
        kept = _beside(instance, _HEAD)
        if kind == TAG:
            name = self._name(instance, where)
            chosen: _Json = {"name": name, "value": name, "classifications": answers}
            tag = {"feature_id": _number(instance.get("id"), f"{where}: id"), "name": TAG, "value": TAG}
            answers = [tag | {"radio_answer": chosen}]
        elif instance.get("id") is not None:
            kept = {"id": instance["id"], **kept}
        if kept and answers:
            answers = [one | {"source_extra": {SOURCE: kept}} for one in answers]
        elif not answers:
            self._notes.add(
                NOT_KEPT, f"instances of type {kind} without an answer", example=f"{self._position}, {where}"
            )
        self.label.classifications += answers

    def _take_relation(self, instance: _Json) -> None:
        name = self._name(instance, RELATION)
        ends = {"source": str(instance.get("from_instance_id")), "target": str(instance.get("to_instance_id"))}
        relation: _Json = {"name": name or RELATION, "unidirectional_relationship": ends}
        if instance.get("id") is not None:
            relation["feature_id"] = _number(instance["id"], f"{RELATION}: id")
        if kept := _beside(instance, _OF_RELATIONS):
            relation["source_extra"] = {SOURCE: kept}
        self.label.relationships.append(relation)

    # --- attributes --------------------------------------------------------------------------------------------------

    def _answers(self, groups: Any, where: str) -> list[_Json]:
        if groups is None:
            return []
        if not isinstance(groups, dict):
            raise BadMark(f"{where}: attribute_groups is {shown(groups)}; expected an object")
        answers = []
        for number, value in groups.items():
            if value in (None, "", [], {}):
                continue
            kind, name = self._vocabulary.groups.get(number, ("", f"attribute {number}"))
            answer = {"feature_schema_id": number, "name": name, "value": name, **_answer(kind, value)}
            check_answer(answer, f"{where}, attribute {number}")
            answers.append(answer)
        return answers


def _answer(kind: str, value: Any) -> _Json:
    """What was answered. What no kind is named of is read by what it looks like."""
    if isinstance(value, dict):
        if "name" in value:
            return {"radio_answer": _option(value)}
        if chosen := [_option({"id": key, **one}) for key, one in value.items() if _is_selected(one)]:
            return {"checklist_answers": chosen}  # a tree
    elif isinstance(value, list) and all(isinstance(one, dict) and "name" in one for one in value):
        return {"checklist_answers": [_option(one) for one in value]}
    elif isinstance(value, str):
        return {f"{kind}_answer" if kind in ("date", "time") else "text_answer": {"content": value}}
    elif isinstance(value, int | float) and not isinstance(value, bool):
        return {"number_answer": {"content": value}}
    return {"attribute_answer": {"content": value}}


def _option(value: Mapping[str, Any]) -> _Json:
    name = value["name"] if isinstance(value["name"], str) else str(value["name"])
    option: _Json = {"name": name, "value": name, "classifications": []}
    if isinstance(value.get("id"), int | str):
        option["feature_schema_id"] = str(value["id"])
    return option


def _is_selected(one: Any) -> bool:
    return isinstance(one, dict) and bool(one.get("selected")) and "name" in one


# --- shapes ----------------------------------------------------------------------------------------------------------


def _box(rest: Mapping[str, Any]) -> tuple[_Json, Iterable[str]] | None:
    if not all(_is_place(rest.get(side)) for side in _BOUNDS):
        return None
    left, top, right, bottom = (rest[side] for side in _BOUNDS)
    sides = {"top": top, "left": left, "height": bottom - top, "width": right - left}
    return {"annotation_kind": BOX.annotation_kind, "bounding_box": sides}, _BOUNDS


def _corners(rest: Mapping[str, Any], least: int) -> list[_Json] | None:
    points = rest.get("points")
    if not isinstance(points, list) or len(points) < least:
        return None
    if not all(isinstance(one, dict) and _is_place(one.get("x")) and _is_place(one.get("y")) for one in points):
        return None
    return [{"x": one["x"], "y": one["y"]} for one in points]


def _polygon(rest: Mapping[str, Any]) -> tuple[_Json, Iterable[str]] | None:
    if (corners := _corners(rest, 3)) is None:
        return None
    return {"annotation_kind": POLYGON.annotation_kind, "polygon": corners}, ("points", *_BOUNDS)


def _line(rest: Mapping[str, Any]) -> tuple[_Json, Iterable[str]] | None:
    if (corners := _corners(rest, 2)) is None:
        return None
    return {"annotation_kind": POLYLINE.annotation_kind, "line": corners}, ("points", *_BOUNDS)


def _point(rest: Mapping[str, Any]) -> tuple[_Json, Iterable[str]] | None:
    corners = _corners(rest, 1)
    if corners is None or len(corners) != 1:
        return None
    return {"annotation_kind": POINT.annotation_kind, "point": corners[0]}, ("points", *_BOUNDS)


# in a picture → in a frame
_FRAMED: Final = {
    kind.annotation_kind: framed.annotation_kind
    for kind, framed in ((BOX, VIDEO_BOX), (POLYGON, VIDEO_POLYGON), (POLYLINE, VIDEO_POLYLINE), (POINT, VIDEO_POINT))
}
_READ: Final = {"box": _box, "polygon": _polygon, "line": _line, "point": _point}


def _is_place(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _frame(instance: Mapping[str, Any], where: str) -> int:
    """Of the clip: a video may be cut, and into fewer frames a second."""
    frame = instance.get("frame_number")
    if type(frame) is int and 0 <= frame < 2**31:
        return frame + FIRST_FRAME
    raise BadMark(f"{where}: frame_number is {shown(frame)}; expected a number from 0 on")


def _odd(at: Mapping[str, Any]) -> _Json:
    """What does not follow from the frame."""
    local, of_all = at.get("frame_number"), at.get("global_frame_number")
    return {"global_frame_number": of_all} if of_all is not None and local != of_all else {}


def _runs(frames: list[int]) -> list[list[int]]:
    """The first and the last of frames that follow each other."""
    runs: list[list[int]] = []
    for frame in sorted(frames):
        if runs and frame == runs[-1][1] + 1:
            runs[-1][1] = frame
        else:
            runs.append([frame, frame])
    return runs


def _beside(instance: Mapping[str, Any], known: frozenset[str]) -> _Json:
    """What an instance says that has no place."""
    return {key: value for key, value in instance.items() if key not in known and value not in (None, {}, [])}


def _number(value: Any, what: str) -> str:
    if type(value) is int or (isinstance(value, str) and 0 < len(value) <= 100):
        return str(value)
    raise BadMark(f"{what} is {shown(value)}; expected a number")


def _objects(values: Any, what: str) -> list[_Json]:
    if values is None:
        return []
    if not isinstance(values, list) or not all(isinstance(one, dict) for one in values):
        raise BadMark(f"{what} is no list of objects")
    return values
