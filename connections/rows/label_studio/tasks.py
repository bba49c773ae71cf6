"""A row as a task of Label Studio, with the keys and the order of its own JSON export.

What a row that came from Label Studio keeps of its task stands as it was; keys that an export of Label Studio has
besides are added, with what is known. Rows of other sources get all of them.

A task with several pictures is a row a picture here (:mod:`connections.store.importers.label_studio_pages`);
:class:`Tasks` puts those that come one behind another together again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Final

import orjson

from connections.rows.label_studio.places import LeftOut, Picture
from connections.rows.label_studio.regions import KEY, ORDER, results_of
from connections.rows.labels import ground_truths, is_skipped, kept_of, labels_of
from connections.rows.media import is_address

_Json = dict[str, Any]

# of a row that is one of several pictures: {"name", "place": "2 of 3", "list": ["pages"]}
PICTURE: Final = "picture"
_USUAL, _GROUND_TRUTH, _SKIPPED = "usual", "ground_truth", "skipped"
SORTS: Final = (_USUAL, _GROUND_TRUTH, _SKIPPED)
ONLY_ID: Final = "only_id"
FULL: Final = "full"
AS_KEPT: Final = "as_kept"
_NOTHING: Final[Mapping[str, Any]] = {}
_PLACE: Final = re.compile(r"(\d{1,6}) of (\d{1,6})", re.ASCII)
_MOST_PICTURES: Final = 100_000
_NUMBERS: Final = frozenset({int, float})
# of a task, between key frames
MOST_FRAMES: Final = 100_000
_ID_BYTES: Final = 6  # below 2^53: a whole number in every JSON reader
# the parts of a row that a task is made of
PARTS_READ: Final = frozenset({"data_row_details", "label_details", "performance_details"})
_TASK: Final[_Json] = {
    "id": None,
    "annotations": [],
    "drafts": [],
    "predictions": [],
    "data": {},
    "meta": {},
    "created_at": None,
    "updated_at": None,
    "allow_skip": True,
    "inner_id": None,
    "total_annotations": 0,
    "cancelled_annotations": 0,
    "total_predictions": 0,
    "comment_count": 0,
    "unresolved_comment_count": 0,
    "last_comment_updated_at": None,
    "project": None,
    "updated_by": None,
    "comment_authors": [],
}
_ANNOTATION: Final[_Json] = {
    "id": None,
    "completed_by": None,
    "result": [],
    "was_cancelled": False,
    "ground_truth": False,
    "created_at": None,
    "updated_at": None,
    "draft_created_at": None,
    "lead_time": None,
    "prediction": {},
    "result_count": 0,
    "unique_id": None,
    "import_id": None,
    "last_action": None,
    "bulk_created": False,
    "task": None,
    "project": None,
    "updated_by": None,
    "parent_prediction": None,
    "parent_annotation": None,
    "last_created_by": None,
}


class TooManyFramesError(ValueError):
    """Tracks of a task have more than :data:`MOST_FRAMES` frames between and behind their key frames."""


@dataclass(frozen=True, slots=True)
class Serialization:
    """What of a task is written, and how: Label Studio's serialization options and annotation filter.

    ``sorts``: annotations of these of :data:`SORTS` stay, by their union; empty: all. ``completed_by`` is
    :data:`AS_KEPT`, :data:`ONLY_ID` or :data:`FULL`, ``drafts`` and ``predictions`` one of the latter two.
    """

    sorts: frozenset[str] = frozenset()
    completed_by: str = AS_KEPT
    drafts: str = FULL
    predictions: str = FULL
    history: bool = True
    interpolate: bool = False

    @property
    def takes_stored(self) -> bool:
        """Is a :func:`stored_task` what it asks for?"""
        return not self.sorts and self.completed_by != FULL and not self.interpolate


@dataclass(slots=True)
class Written:
    """The task of one row; ``is_of_label_studio``: the row was one before; ``media``: its media attributes.

    ``left_out``: what has no place in Label Studio's shape; ``filtered``: labels that the annotation filter left
    out; ``frames``: how many stand between key frames; ``without_id``: annotators of whom no number is known,
    where only that was to be written."""

    task: _Json
    is_of_label_studio: bool
    media: Mapping[str, Any]
    left_out: LeftOut = field(default_factory=list)
    filtered: list[Mapping[str, Any]] = field(default_factory=list)
    frames: int = 0
    without_id: int = 0


def size_of(document: Mapping[str, Any]) -> Picture:
    """``(width, height)`` of a row's picture, where both are known."""
    media = document["media_attributes"]
    width, height = media.get("width"), media.get("height")
    return (width, height) if width and height else None


def kept_task(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a row keeps of the task that it was; empty where it was none."""
    return kept_of(KEY, document)


def is_one_of_several(task: Mapping[str, Any]) -> bool:
    """Is it a task's row of one of its pictures? (A task may have a key of that name of its own.)"""
    picture = task.get(PICTURE)
    if type(picture) is not dict or type(picture.get("place")) is not str:
        return False
    place = _PLACE.fullmatch(picture["place"])
    path = picture.get("list", [])
    return (
        place is not None
        and 1 <= int(place[1]) <= int(place[2]) <= _MOST_PICTURES
        and type(path) is list
        and {str}.issuperset(map(type, path))
    )


def written_task(
    document: Mapping[str, Any], number: int, how: Serialization, known: Sequence[list[_Json]] = ()
) -> Written:
    """The task of a complete row with that ``number``; ``known``: what its labels' results are, if that is known.

    Raises :class:`TooManyFramesError`.
    """
    kept = kept_task(document)
    task = {**_TASK, **kept}
    if "id" not in kept:
        task["id"] = number
    details = document["data_row"].get("details") or _NOTHING
    for key in ("created_at", "updated_at"):
        if key not in kept:
            task[key] = moment_text(details.get(key))
    if "inner_id" not in kept:
        task["inner_id"] = number
    to_name = "image"
    is_task = type(kept.get("data")) is dict
    if not is_task:
        to_name = media_key(document)
        task["data"] = data_of(document, to_name)
    written = Written(task, is_task, document["media_attributes"])
    labels = labels_of(document)
    picture = size_of(document)
    true = ground_truths(labels)
    task["annotations"] = annotations = []
    for place, label in enumerate(labels):
        if how.sorts and how.sorts.isdisjoint(_sorts_of(label, is_true=place in true)):
            written.filtered.append(label)
            continue
        results = (
            known[place]
            if known
            else results_of(label, picture, left_out=written.left_out, to_name=to_name, media=written.media)
        )
        annotations.append(_annotation(label, results, how, written, is_true=place in true))
    skipped = sum(map(is_skipped, labels))
    if "total_annotations" not in kept:
        task["total_annotations"] = len(labels) - skipped
    if "cancelled_annotations" not in kept:
        task["cancelled_annotations"] = skipped
    if "total_predictions" not in kept:
        task["total_predictions"] = len(task["predictions"]) if type(task["predictions"]) is list else 0
    if how.drafts == ONLY_ID:
        task["drafts"] = _ids(task["drafts"])
    if how.predictions == ONLY_ID:
        task["predictions"] = _ids(task["predictions"])
    return written


_AS_IT_IS: Final = Serialization()


def stored_task(document: Mapping[str, Any], number: int, known: Sequence[list[_Json]]) -> str:
    """The JSON text of the task of a row that was one before, with these ``known`` results of its labels; empty where
    it is another by what :attr:`Serialization.takes_stored` lets be asked, or where it is one with other rows."""
    task = written_task(document, number, _AS_IT_IS, known).task
    if is_one_of_several(task) or any(task[key] != _ids(task[key]) for key in ("drafts", "predictions")):
        return ""
    if any(type(one["completed_by"]) is dict or "history" in one for one in task["annotations"]):
        return ""
    return orjson.dumps(task).decode()


def read_stored(text: bytes) -> Written:
    """Back from :func:`stored_task`."""
    return Written(orjson.loads(text), True, _NOTHING)


def _sorts_of(label: Mapping[str, Any], *, is_true: bool) -> frozenset[str]:
    skipped = is_skipped(label)
    found = ({_SKIPPED} if skipped else set()) | ({_GROUND_TRUTH} if is_true else set())
    return frozenset(found or {_USUAL})


def _ids(values: Any) -> Any:
    if type(values) is not list:
        return values
    return [value.get("id") if type(value) is dict else value for value in values]


def _annotation(
    label: Mapping[str, Any], results: list[_Json], how: Serialization, written: Written, *, is_true: bool
) -> _Json:
    kept = kept_of(KEY, label)
    annotation = {**_ANNOTATION, **kept}
    annotation.pop(ORDER, None)
    if how.interpolate:
        results, written.frames = interpolated(results, written.frames)
    annotation["result"] = results
    if is_one_of_several(written.task) and type(kept.get(ORDER)) is list:  # until its parts are together again
        annotation[ORDER] = sorted(kept[ORDER])
    tells = "performance_details" in label  # else nobody asked for what it says
    if "was_cancelled" not in kept:
        annotation["was_cancelled"] = is_skipped(label) if tells else None
    if "ground_truth" not in kept:
        annotation["ground_truth"] = is_true if tells else None
    details = label.get("label_details") or _NOTHING
    if "created_at" not in kept:
        annotation["created_at"] = moment_text(details.get("created_at"))
    if "updated_at" not in kept:
        annotation["updated_at"] = moment_text(details.get("updated_at"))
    if "id" not in kept:
        annotation["id"] = number_of(label["id"])
    if "completed_by" not in kept:
        annotation["completed_by"] = _person(details.get("created_by"))
    if "lead_time" not in kept:
        annotation["lead_time"] = (label.get("performance_details") or _NOTHING).get("seconds_to_create")
    if "result_count" not in kept:
        annotation["result_count"] = None if is_one_of_several(written.task) else len(results)
    if "task" not in kept:
        annotation["task"] = written.task["id"]
    if details.get("reviews") and "reviews" not in kept:
        annotation["reviews"] = details["reviews"]
    if how.completed_by != AS_KEPT:
        person = _person_as(annotation["completed_by"], how.completed_by)
        written.without_id += person is None and bool(annotation["completed_by"])
        annotation["completed_by"] = person
    if not how.history:
        annotation.pop("history", None)
    return annotation


_UTC: Final = "+00:00"


def moment_text(text: str | None) -> str | None:
    """A time of ours in the form of theirs: ``2026-11-22T01:26:16.628000Z``."""
    return f"{text.removesuffix(_UTC)}000Z" if text and text.endswith(_UTC) and len(text) == 29 else text


def number_of(label_id: str) -> int:
    """A whole number for a label's id, the same wherever it is written: its own where it is one, else one made of it
    (48 bits)."""
    if label_id.isdecimal() and label_id.isascii() and len(label_id) < 16 and (label_id[0] != "0" or label_id == "0"):
        return int(label_id)
    return int.from_bytes(blake2b(label_id.encode(), digest_size=_ID_BYTES).digest(), "big")


def _person(created_by: str | None) -> Any:
    if not created_by:
        return None
    if created_by.isdecimal() and created_by.isascii() and len(created_by) < 16:
        return int(created_by)
    return {"email": created_by, "first_name": "", "last_name": ""}


def _person_as(person: Any, form: str) -> Any:
    if form == ONLY_ID:
        return person.get("id") if type(person) is dict else person
    if person is None or type(person) is dict:
        return person
    return {"id": person, "email": "", "first_name": "", "last_name": ""}


# --- rows of other sources -------------------------------------------------------------------------------------------

# beginning of a mime type → the key of data
_DATA_KEYS: Final = {"image": "image", "video": "video", "audio": "audio", "text": "text", "html": "text"}


def media_key(document: Mapping[str, Any]) -> str:
    """Under which key of ``data`` a row of another source has what is annotated; its control is called so, too."""
    media = document["media_attributes"]
    sort = media.get("asset_type") or (media.get("mime_type") or "").partition("/")[0]
    if sort in _DATA_KEYS:
        return _DATA_KEYS[sort]
    return "image" if is_address(document["data_row"].get("row_data") or "") else "text"


def data_of(document: Mapping[str, Any], key: str) -> _Json:
    """``data`` of a row that was no task, whose media stand under ``key``."""
    row = document["data_row"]
    data: _Json = {key: row.get("row_data")}
    if row.get("external_id"):
        data["external_id"] = row["external_id"]
    return data


# --- tracks ----------------------------------------------------------------------------------------------------------


def interpolated(results: Sequence[_Json], frames: int = 0) -> tuple[list[_Json], int]:
    """Results with an entry for each frame between the key frames of a track, and how many frames the task has now that
    had ``frames`` before. Raises :class:`TooManyFramesError`."""
    found: list[_Json] = []
    for result in results:
        value = result.get("value")
        if type(value) is dict and type(value.get("sequence")) is list:
            sequence = _every_frame(value, MOST_FRAMES - frames)
            frames += len(sequence) - len(_key_frames(value))
            result = {**result, "value": {**value, "sequence": sequence}}
        found.append(result)
    return found, frames


_MOVING: Final = ("x", "y", "width", "height", "rotation", "time")


def _key_frames(value: Mapping[str, Any]) -> list[_Json]:
    found = [key for key in value["sequence"] if type(key) is dict and type(key.get("frame")) is int]
    return sorted(found, key=lambda key: key["frame"])


def _every_frame(value: Mapping[str, Any], room: int) -> list[_Json]:
    """As Label Studio's own: between two key frames a straight line, behind the last one it stays to the film's end."""
    keys = _key_frames(value)
    found: list[_Json] = []
    last: Any = value.get("framesCount")
    duration: Any = value.get("duration")
    for place, key in enumerate(keys):
        found.append(key)
        if not key.get("enabled", True):
            continue
        following: _Json = keys[place + 1] if place + 1 < len(keys) else {}
        begin: int = key["frame"]
        if following:
            end = following["frame"]
            steps = end - begin
        else:
            end = last + 1 if type(last) is int else begin
            steps = end - begin - 1
        room -= max(0, end - begin - 1)
        if room < 0:
            raise TooManyFramesError(f"tracks of its task have more than {MOST_FRAMES:,} frames between key frames")
        for frame in range(begin + 1, end):
            share = (frame - begin) / max(1, steps)
            between: dict[str, Any] = {**key, "frame": frame, "auto": True}
            for name in _MOVING:
                one: Any = key.get(name)
                other: Any = following.get(name)
                if type(one) in _NUMBERS and type(other) in _NUMBERS:
                    between[name] = one + (other - one) * share
            if type(key.get("time")) in _NUMBERS:
                if between["time"] == key["time"] and type(duration) in _NUMBERS and duration > 0:
                    between["time"] = key["time"] + share * (duration - key["time"])
                between["time"] = round(between["time"], 2)
            found.append(between)
    return found


# --- several pictures ------------------------------------------------------------------------------------------------


class Tasks:
    """Rows in, tasks out: those of the pictures of one task, which come one behind another, as one.

    ``incomplete``: of each task of which not all pictures came ``(its id, how many came, how many did not)``; whoever
    reads it empties it.
    """

    def __init__(self) -> None:
        self._pages: list[Written] = []
        self.incomplete: list[tuple[Any, int, int]] = []

    def add(self, written: Written) -> Iterator[_Json]:
        """The tasks that are complete now."""
        if not is_one_of_several(written.task):
            yield from self.close()
            yield written.task
            return
        if self._pages and self._pages[0].task["id"] != written.task["id"]:
            yield from self.close()
        self._pages.append(written)

    def close(self) -> Iterator[_Json]:
        """What is still open."""
        if self._pages:
            pages, self._pages = [page.task for page in self._pages], []
            came = len({page[PICTURE]["place"].partition(" ")[0] for page in pages})
            missing = int(pages[0][PICTURE]["place"].rpartition(" ")[2]) - came
            if missing > 0:
                self.incomplete.append((pages[0]["id"], came, missing))
            yield _together(pages)


def _together(pages: list[_Json]) -> _Json:
    task = {**pages[0]}
    for page in pages[1:]:
        task["data"] = {**page["data"], **task["data"]}
    _restore_list(task, pages)
    for kind in ("annotations", "predictions", "drafts"):
        task[kind] = _merged([page[kind] for page in pages])
    for annotation in task["annotations"]:
        if annotation["result_count"] is None:
            annotation["result_count"] = len(annotation["result"])
    del task[PICTURE]
    return task


def _restore_list(task: _Json, pages: list[_Json]) -> None:
    """The list of pictures in ``data``, of which each row keeps its own; ``null`` for one that did not leave."""
    path = task[PICTURE].get("list")
    if not path:
        return
    entries: list[Any] = [None] * int(task[PICTURE]["place"].rpartition(" ")[2])
    for page in pages:
        place = int(page[PICTURE]["place"].partition(" ")[0])
        if place <= len(entries):
            entries[place - 1] = _at(page["data"], path)
    task["data"] = _with(task["data"], path, entries)


def _at(data: Any, path: Sequence[str]) -> Any:
    for key in path:
        data = data.get(key) if type(data) is dict else None
    return data


def _with(data: _Json, path: Sequence[str], value: Any) -> _Json:
    first, *rest = path
    inner = data.get(first)
    return {**data, first: _with(inner if type(inner) is dict else {}, rest, value) if rest else value}


def _merged(parts: list[Any]) -> list[Any]:
    """Annotations, each in as many parts as there are pages that it says something of."""
    found: dict[Any, Any] = {}
    for part in parts:
        for place, each in enumerate(part if type(part) is list else ()):
            if type(each) is not dict:
                found["", place] = each
                continue
            key = ("id", str(each["id"])) if each.get("id") is not None else ("", place)
            found.setdefault(key, []).append(each)
    return [_one(each) if type(each) is list else each for each in found.values()]


def _one(parts: list[_Json]) -> _Json:
    whole = {**parts[0]}
    numbered: list[tuple[int, Any]] = []
    for part in parts:
        results = part.get("result")
        if type(results) is not list:
            continue
        order = part.get(ORDER)
        if type(order) is not list or len(order) != len(results) or not {int}.issuperset(map(type, order)):
            order = [len(numbered)] * len(results)
        numbered += zip(order, results, strict=True)
    whole.pop(ORDER, None)
    if type(whole.get("result")) is list:
        numbered.sort(key=lambda pair: pair[0])
        whole["result"] = [result for _, result in numbered]
    return whole
