"""A row as an entry of Diffgram's export file: what its server writes for a file, and what its own re-import takes.

One rule for everybody: the format writes by it, the importer asks it whether what a file carries of ours still goes
with what stands there (:func:`is_still`).

* **Numbers.** A file is the row's number, a label its class's. An instance is its ``feature_id`` where that is a whole
  number (a source's own), a group of attributes and an option its ``feature_schema_id``; else a question about whole
  rows is the question's number, and the others are what :func:`number_of` makes of them, the same in every export.
* **Instances.** Boxes are whole pixels; corners are as they are. Answers about an object are its ``attribute_groups``;
  those of a label are the groups of a ``global`` instance, which has no label file.
* **Videos.** An object of frames is a sequence; Labelbox's frames count from 1, Diffgram's from 0. Where
  ``key_frame_feature_map`` names a track's key frames, its others are ``interpolated``.
* **Of Diffgram's own.** What came from there and has no word of ours (ellipses, cuboids, curves, …) has the
  ``annotation_kind`` ``"Diffgram:<type>"``, and what its instance says beyond id, label file and attributes under
  ``source_extra.diffgram``. Rows keep there what they are besides: ``{"file": {…}, "video": {…}, …}``.

What has no place there is entered into ``left_out`` by kind and class, and travels in :data:`CARRIED` alone: beside
``file``, the whole row as our json has it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from connections.rows.body import BACKUP
from connections.rows.file_names import file_name_of
from connections.rows.frames import answers_of, elsewhere, objects_of
from connections.rows.kinds import CLASSIFICATION, KINDS, TEXT_ENTITY
from connections.rows.kinds.base import Kind
from connections.rows.labels import kept_of, labels_of
from connections.rows.media import is_address
from connections.rows.media_types import IMAGE, TEXT, VIDEO, kinds_in, media_type_of
from exportadmin.lib.errors import UserError
from exportadmin.lib.times import parse_ms, to_datetime

SOURCE: Final = "diffgram"
CARRIED: Final = BACKUP
OWN_KIND: Final = "Diffgram:"
GLOBAL: Final = "global"
# jobs and directories of a project; a million projects stay below 2^53
PLACES: Final = 9_000_000_000
# what of a project an id names (:func:`place_number`)
JOB, DIRECTORY = "job", "directory"
# Diffgram's first frame is 0
FIRST_FRAME: Final = 1
# names in ``left_out`` of what is no annotation
RELATIONSHIP, BELOW = "relationship", "below"
_Json = dict[str, Any]
_Ids = Mapping[str, int]
_Mark = Mapping[str, Any]
_BROKEN = (LookupError, ValueError, TypeError, AttributeError, ArithmeticError)
# our answer → the kind of its attribute group; other kinds stand in its key: ``date_answer`` is of kind ``date``
_GROUP_KINDS: Final = {"radio": "radio", "checklist": "multiple_select", "text": "text", "number": "slider"}
_OF_GROUPS: Final = frozenset({"radio", "select", "multiple_select", "tree", "text", "slider", "date", "time"})
_IN_NO_FRAME: Final = dict.fromkeys(
    ("frame_number", "global_frame_number", "local_sequence_number", "number", "interpolated")
)


class Numbers(NamedTuple):
    """Name → number: of classes, and of questions about whole rows."""

    classes: _Ids
    questions: _Ids


@dataclass(slots=True)
class Group:
    """What is seen of an attribute group: ``options`` number → name; ``labels``: the label files of the objects that
    it is about, empty where it is about whole rows."""

    name: str
    kind: str
    options: dict[int, str] = field(default_factory=dict)
    labels: set[int] = field(default_factory=set)


@dataclass(slots=True)
class Written:
    """``packet``: the entry of the file; ``groups`` by their ids; ``left_out``: what has no place there, by the key of
    its kind (or :data:`RELATIONSHIP`, :data:`BELOW`) and its name."""

    packet: _Json = field(default_factory=dict)
    groups: dict[int, Group] = field(default_factory=dict)
    left_out: list[tuple[str, str]] = field(default_factory=list)


def number_of(*texts: str) -> int:
    """A whole number for what has none there: at least 2^30 and below 2^31, the same for the same texts."""
    digest = blake2b("\0".join(texts).encode("utf-8", "surrogatepass"), digest_size=4).digest()
    return int.from_bytes(digest) & 0x3FFFFFFF | 0x40000000


def place_number(project_number: int, *texts: str) -> int:
    """The id of a job (a batch), or of a directory (a dataset; without texts: all of the project), by which both are
    found again: ``project_number`` times :data:`PLACES`, and some. Two of a project may have one number: whoever looks
    one up by it looks at all."""
    digest = blake2b("\0".join(texts).encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return project_number * PLACES + (int.from_bytes(digest) % (PLACES - 1) + 1 if texts else 0)


def instance_number(*texts: str) -> int:
    """The same for an instance, of which there are many more: below 2^53, so whole in every JSON reader."""
    if len(texts) == 1 and (number := _whole(texts[0])) is not None:
        return number
    digest = blake2b("\0".join(texts).encode("utf-8", "surrogatepass"), digest_size=6).digest()
    return int.from_bytes(digest) | 1 << 52


def medium_of(document: Mapping[str, Any]) -> str:
    """``image``, ``video``, ``text``, …: what Diffgram called it, else what the row has; where nothing says it, an
    image."""
    kept = kept_of(SOURCE, document).get("file")
    if isinstance(kept, dict) and isinstance(kept.get("type"), str):
        return str(kept["type"])
    kinds = [kind for label in labels_of(document) for kind in kinds_in(label["annotations"])]
    return media_type_of(document["media_attributes"], document["data_row"]["row_data"], kinds) or IMAGE


def written_row(document: Mapping[str, Any], number: int, numbers: Numbers, *, is_complete: bool | None) -> Written:
    """The entry of a complete row. Raises ``KeyError``, ``ValueError`` or ``TypeError`` for one that is not as it
    should be. ``is_complete``: ``None`` where nobody asked for it."""
    written = Written()
    medium = medium_of(document)
    address = _address(document)
    name = file_name_of(document, number).text
    kept = kept_of(SOURCE, document)
    packet: _Json = {
        "file": {
            "id": number,
            "original_filename": name,
            "blob_url": address,
            "created_time": _moment(document),
            "ann_is_complete": is_complete,
            "type": medium,
        }
    }
    media = document["media_attributes"]
    writer = _Writer(written, numbers)
    if medium == VIDEO:
        packet["video"] = _video(media, address)
        packet["parent_instance_list"], packet["sequence_list"] = writer.video(labels_of(document))
    else:
        if medium == IMAGE:
            packet["image"] = _image(media, address, name)
        elif medium == TEXT:
            signed = {"original_filename": name, "signed_expiry": None, "signed_url": address}
            packet["text"] = signed | {"tokens": None}
        packet["instance_list"] = writer.instances(labels_of(document))
    for key, value in kept.items():
        if isinstance(value, dict):
            packet[key] = packet.get(key, {}) | value
        elif isinstance(value, list) and key not in packet:
            packet[key] = value
    packet["file"]["id"] = number
    written.packet = packet
    return written


def _image(media: Mapping[str, Any], address: str | None, name: str) -> _Json:
    return {
        "width": media.get("width"),
        "height": media.get("height"),
        "rotation_degrees": 0,
        "image_signed_expiry": None,
        "image_signed_url": address,
        "original_filename": name,
    }


def _video(media: Mapping[str, Any], address: str | None) -> _Json:
    return {
        "width": media.get("width"),
        "height": media.get("height"),
        "frame_rate": media.get("frame_rate"),
        "frame_count": media.get("frame_count"),
        "original_fps": media.get("frame_rate"),
        "fps_conversion_ratio": 1.0,
        "mp4_video_signed_url": address,
        "mp4_video_signed_expiry": None,
        "offset_in_seconds": None,
        "global_frame_start": 0,
    }


def _address(document: Mapping[str, Any]) -> str | None:
    """Where the media are; of text that is the row itself, an address that holds it."""
    row_data: str = document["data_row"]["row_data"]
    if not row_data or is_address(row_data):
        return row_data or None
    return "data:text/plain;charset=utf-8," + quote(row_data, safe="")


def _moment(document: Mapping[str, Any]) -> str | None:
    stated = (document["data_row"].get("details") or {}).get("created_at")
    try:
        return to_datetime(parse_ms(stated)).strftime("%Y-%m-%d %H:%M:%S.%f") if stated else None
    except UserError:
        return None


# --- instances -------------------------------------------------------------------------------------------------------


def shape_of(mark: _Mark) -> _Json | None:
    """``type`` and what an instance of it says beyond id, label file and attributes; ``None``: it has no place."""
    kind: str = mark["annotation_kind"]
    kept = kept_of(SOURCE, mark)
    if kind.startswith(OWN_KIND):
        return {"type": kind.removeprefix(OWN_KIND), **kept}
    shape = _SHAPES.get(kind.removeprefix("Video" if "frame" in mark else "Image"))
    found = shape(mark) if shape else None
    return {**found, **kept} if found else None


def _box(mark: _Mark) -> _Json | None:
    sides = mark["bounding_box"]
    x_min, x_max = _edges(sides["left"], sides["width"])
    y_min, y_max = _edges(sides["top"], sides["height"])
    if not (x_min or x_max or y_min or y_max):  # Diffgram drops all four, and does not take such a box again
        return None
    return {"type": "box", "x_min": x_min, "y_min": y_min, "x_max": x_max, "y_max": y_max}


def _edges(low: float, length: float) -> tuple[int, int]:
    """Whole pixels; what has a length keeps one."""
    first, last = round(low), round(low + length)
    return first, last if last > first or not length else first + 1


def _polygon(mark: _Mark) -> _Json | None:
    if len(mark.get("polygons") or ()) > 1:
        return None
    corners = mark["polygon"]
    across, down = [one["x"] for one in corners], [one["y"] for one in corners]
    bounds = {"x_min": min(across), "y_min": min(down), "x_max": max(across), "y_max": max(down)}
    return {"type": "polygon", **{key: round(value) for key, value in bounds.items()}, "points": _points(corners)}


def _points(corners: Sequence[Mapping[str, float]]) -> list[_Json]:
    return [{"x": _tidy(one["x"]), "y": _tidy(one["y"])} for one in corners]


def _tidy(value: float) -> float:
    """Whole where it is."""
    return int(value) if value == int(value) else value


def _token(mark: _Mark) -> _Json | None:
    location = mark["location"]
    begin, end = location["start"], location["end"]
    if type(begin) is not int or type(end) is not int:
        return None
    return {"type": "text_token", "start_char": begin, "end_char": end}


_ENTITY: Final = TEXT_ENTITY.annotation_kind
_SHAPES: Final[dict[str, Callable[[_Mark], _Json | None]]] = {
    "BoundingBox": _box,
    "Polygon": _polygon,
    "Polyline": lambda mark: {"type": "line", "points": _points(mark["line"])},
    "Point": lambda mark: {"type": "point", "points": _points([mark["point"]])},
    _ENTITY: _token,
}
_TYPES: Final = {"box": "BoundingBox", "polygon": "Polygon", "line": "Polyline", "point": "Point"}


def kind_of(instance_type: str, *, is_framed: bool) -> Kind:
    """The kind of what is written so. ``is_framed``: in a frame of a video."""
    if instance_type == "text_token":
        return TEXT_ENTITY
    named = _TYPES.get(instance_type)
    return KINDS.of(f"{'Video' if is_framed else 'Image'}{named}" if named else OWN_KIND + instance_type)


class _Writer:
    """Of one row."""

    def __init__(self, written: Written, numbers: Numbers) -> None:
        self._written = written
        self._left_out = written.left_out
        self._numbers = numbers

    def instances(self, labels: Sequence[_Mark]) -> list[_Json]:
        found: list[_Json] = []
        for label in labels:
            annotations = label["annotations"]
            for mark in annotations.get("objects") or ():
                if (shape := shape_of(mark)) is not None:
                    found.append(self._instance(mark, instance_number(mark["feature_id"]), shape))
                else:
                    self._leave_out([mark])
            frames = {"frames": annotations.get("frames")}
            self._leave_out(objects_of(frames))
            found += self._globals(label)
            self._beside(annotations)
        return found

    def video(self, labels: Sequence[_Mark]) -> tuple[list[_Json], list[_Json]]:
        """``parent_instance_list`` and ``sequence_list``."""
        parents: list[_Json] = []
        sequences: list[_Json] = []
        for label in labels:
            annotations = label["annotations"]
            self._leave_out(annotations.get("objects") or ())
            parents += [one | _IN_NO_FRAME for one in self._globals(label)]
            sequences += self._sequences(annotations, len(sequences))
            self._beside(annotations)
        return parents, sequences

    def _instance(self, mark: _Mark, identity: int, shape: _Json, at: _Json | None = None) -> _Json:
        label = self._numbers.classes[mark["name"]] if mark["name"] else None
        groups: _Json = {}
        for answer in mark.get("classifications") or ():
            group, value = self._answered(answer, label)
            if group is None or group in groups:
                self._left_out.append((BELOW, answer["name"]))
            else:
                groups[group] = value
        head = {"id": identity, "type": shape["type"], "attribute_groups": groups or None, "label_file_id": label}
        return head | (at or {}) | shape

    def _sequences(self, annotations: _Mark, count: int) -> Iterator[_Json]:
        """One a track, in the order in which they begin."""
        tracks: dict[tuple[str, str], list[tuple[_Mark, _Json]]] = {}
        for mark in objects_of({"frames": annotations.get("frames")}):
            if (shape := shape_of(mark)) is not None:
                tracks.setdefault((mark["feature_id"], mark["name"]), []).append((mark, shape))
            else:
                self._leave_out([mark])
        named: Any = annotations.get("key_frame_feature_map") or {}
        for number, ((identity, name), marks) in enumerate(tracks.items(), count + 1):
            listed = named.get(identity) if isinstance(named, dict) else None
            keys = frozenset(listed) if isinstance(listed, list) else None
            instances = []
            for mark, shape in sorted(marks, key=lambda one: one[0]["frame"]):
                frame = mark["frame"] - FIRST_FRAME
                is_key = keys is None or mark["frame"] in keys
                at = {"frame_number": frame, "global_frame_number": frame, "local_sequence_number": number}
                at |= {"number": number, "interpolated": None if is_key else True}
                instances.append(self._instance(mark, instance_number(identity, name, str(frame)), shape, at))
            yield {
                "id": instance_number(identity),
                "label_file_id": instances[0]["label_file_id"],
                "number": number,
                "keyframe_list": [one["frame_number"] for one in instances if not one["interpolated"]],
                "single_frame": len(instances) == 1,
                "instance_list": instances,
            }

    def _globals(self, label: _Mark) -> Iterator[_Json]:
        """The answers about the whole row; a question that is answered again has another instance."""
        found: list[tuple[_Mark, _Json]] = []
        for answer in label["annotations"].get("classifications") or ():
            group, value = self._answered(answer, None)
            if group is None:
                self._left_out.append((CLASSIFICATION.key, answer["name"]))
                continue
            kept = kept_of(SOURCE, answer)
            free = next((groups for of, groups in found if of == kept and group not in groups), None)
            if free is None:
                found.append((kept, free := {}))
            free[group] = value
        for place, (kept, groups) in enumerate(found):
            identity = instance_number(label["id"], GLOBAL, str(place))
            yield {"id": identity, "type": GLOBAL, "attribute_groups": groups, "label_file_id": None, **kept}

    def _answered(self, answer: _Mark, label: int | None) -> tuple[str | None, Any]:
        """The id of its group, as a key there, and what was answered; ``None``: it has no place."""
        found = next((key for key in answer if key.endswith(("_answer", "_answers"))), "")
        sort, said, name = found.rpartition("_answer")[0], answer.get(found), answer["name"]
        kind = _GROUP_KINDS.get(sort, sort)
        if kind not in _OF_GROUPS or not said:
            return None, None
        identity = _whole(answer.get("feature_schema_id"))
        if identity is None:
            identity = number_of("group", name) if label is not None else self._numbers.questions[name]
        group = self._written.groups.setdefault(identity, Group(name, kind))
        if label is not None:
            group.labels.add(label)
        if sort == "radio":
            return str(identity), self._option(group, said)
        if sort == "checklist":
            return str(identity), [self._option(group, one) for one in said]
        return str(identity), said["content"]

    def _option(self, group: Group, option: _Mark) -> _Json:
        name = option["name"]
        identity = _whole(option.get("feature_schema_id"))
        if identity is None:
            identity = number_of("option", group.name, name)
        group.options[identity] = name
        self._left_out += [(BELOW, one["name"]) for one in option.get("classifications") or ()]
        return {"id": identity, "name": name}

    def _beside(self, annotations: _Mark) -> None:
        """What a label holds besides, and answers of frames, which have no place."""
        self._left_out += [(RELATIONSHIP, one.get("name") or "") for one in annotations.get("relationships") or ()]
        frames = {"frames": annotations.get("frames")}
        objects, answers = elsewhere(annotations)
        self._leave_out(objects)
        self._left_out += [(CLASSIFICATION.key, one["name"]) for one in (*answers_of(frames), *answers)]

    def _leave_out(self, marks: Sequence[_Mark]) -> None:
        for mark in marks:
            self._left_out.append((KINDS.of_mark(mark).key, mark["name"]))
            self._left_out += [(BELOW, one["name"]) for one in mark.get("classifications") or ()]


def _whole(text: Any) -> int | None:
    """The number that an id is, where it is one."""
    if isinstance(text, str) and text.isascii() and text.isdecimal() and len(text) < 16:
        return int(text)
    return None


# --- what an entry carries of ours -----------------------------------------------------------------------------------


def carried_by(packet: Any) -> _Json | None:
    """The row that an entry of the file carries, as it stands there."""
    document = packet.get(CARRIED) if isinstance(packet, dict) else None
    if not isinstance(document, dict) or not isinstance(document.get("data_row"), dict):
        return None
    return document


def is_still(document: _Json, packet: _Mark) -> bool:
    """Is the entry what the row that it carries is written as? Whether its file is complete, addresses and times may
    differ, and the order of its lists."""
    backup = document.get(BACKUP) or {}
    try:
        numbers = Numbers(backup.get("category_ids") or {}, backup.get("question_ids") or {})
        number = packet["file"]["id"]
        written = written_row(document, number, numbers, is_complete=None).packet
        return all(
            _by_id(written.get(key)) == _by_id(packet.get(key))
            for key in ("instance_list", "parent_instance_list", "sequence_list")
        )
    except _BROKEN:
        return False


def _by_id(instances: Any) -> Any:
    if not isinstance(instances, list):
        return instances
    return sorted((_tidied(one) for one in instances), key=lambda one: int(one["id"]))


def _tidied(one: _Json) -> _Json:
    return one | {"instance_list": _by_id(one["instance_list"])} if "instance_list" in one else one
