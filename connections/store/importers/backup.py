"""The part ``backup`` of our own rows, read back (:mod:`connections.rows.backup` says what is in it)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from connections.rows.backup import KEY
from connections.rows.checks import BadMark, shown
from connections.store.import_row import IncomingClass, IncomingLabel
from connections.store.ontology import MAX_NAME

_LISTS: Final = (("categories", False), ("questions", True))
_IDS: Final = (("category_ids", False), ("question_ids", True))
# lists of classes that are remembered
_MAX_KNOWN: Final = 10_000
_Json = dict[str, Any]


def take_image_id(backup: _Json) -> int | None:
    """The row's number. Raises :class:`BadMark`, as the others here do."""
    value = backup.pop("image_id", None)
    return None if value is None else _number(value, "image_id")


class UsedClasses:
    """The classes and questions that rows use. Rows that use the same ones get one and the same list of them."""

    def __init__(self) -> None:
        self._known: dict[tuple[Any, ...], list[IncomingClass]] = {}

    def take(self, backup: _Json) -> list[IncomingClass]:
        """Of one row. Raises :class:`BadMark`."""
        stated = [_object(backup.pop(key, None), key) for key, _ in _IDS]
        names = tuple([(*each, *each.values()) for each in stated])
        try:
            found = self._known.get(names)
        except TypeError:  # a value that is no number
            found = None
        # true and 1.0 are equal to 1, and no numbers of classes
        if found is not None and [type(value) for each in stated for value in each.values()].count(int) == len(found):
            return found
        found = [
            IncomingClass(_name(name, key), _number(value, f"{key}[{shown(name)}]"), is_question=is_question)
            for (key, is_question), each in zip(_IDS, stated, strict=True)
            for name, value in each.items()
        ]
        if len(self._known) < _MAX_KNOWN:
            self._known[names] = found
        return found


def take_all_classes(backup: _Json) -> list[IncomingClass]:
    """The project's classes and questions, of a file's first row."""
    project = _object(backup.pop("project", None), "project")
    return [
        entry
        for key, is_question in _LISTS
        for entry in _classes(project.pop(key, None), f"project.{key}", is_question)
    ]


def spread_annotation_ids(backup: _Json, labels: Sequence[IncomingLabel]) -> None:
    """Ids from the first to the last that the row says, over the objects of its labels; where these are more or fewer,
    the ids are those of other objects."""
    ids = take_annotation_ids(backup, "annotation_range", "")
    if not ids:
        return
    count = sum(len(label.objects) for label in labels)
    if len(ids) != 2 or not ids[0] <= ids[1]:
        raise BadMark(f"{KEY}.annotation_range is {shown(ids)}; expected the first and the last id")
    if ids[1] - ids[0] + 1 == count:
        following = ids[0]
        for label in labels:
            label.annotation_ids = list(range(following, following + len(label.objects)))
            following += len(label.objects)


def take_annotation_ids(backup: _Json, key: str, what: str) -> list[int]:
    """COCO ids of the objects of the label ``what``, in their order."""
    ids = backup.pop(key, None)
    if ids is None:
        return []
    if type(ids) is not list or not all(map(_is_number, ids)):
        raise BadMark(f"{what}{KEY}.{key} is {shown(ids)}; expected a list of whole numbers from 0")
    return ids


def check_all_taken(backup: _Json, what: str = "") -> None:
    """What is left has no meaning here."""
    if backup:
        raise BadMark(f"{what}{KEY} has the unknown key {shown(next(iter(backup)))}")


def take_project_extra(backup: _Json) -> _Json:
    """What the project keeps of files beside rows and classes, of a file's first row. Called before the classes."""
    return _object(_object(backup.get("project"), "project").pop("source_extra", None), "project.source_extra")


def _classes(entries: Any, what: str, is_question: bool) -> Iterator[IncomingClass]:
    if entries is None:
        return
    if type(entries) is not list:
        raise BadMark(f"{KEY}.{what} is not a list")
    for place, value in enumerate(entries):
        here = f"{what}[{place}]"
        entry = _object(value, here)
        above = entry.get("supercategory") or ""
        if type(above) is not str:
            raise BadMark(f"{KEY}.{here}.supercategory is not a text but {shown(above)}")
        yield IncomingClass(
            name=_name(entry.get("name"), f"{here}.name"),
            number=_number(entry.get("id"), f"{here}.id"),
            is_question=is_question,
            supercategory=above,
            extra=_object(entry.get("extra"), f"{here}.extra"),
        )


def _object(value: Any, what: str) -> _Json:
    if value is None:
        return {}
    if type(value) is not dict:
        raise BadMark(f"{KEY}.{what} is not an object")
    return value


def _name(value: Any, what: str) -> str:
    if type(value) is not str or not 0 < len(value) <= MAX_NAME:
        raise BadMark(f"{KEY}.{what} is {shown(value)}; a class has a name of 1 to {MAX_NAME} characters")
    return value


def _number(value: Any, what: str) -> int:
    if not _is_number(value):
        raise BadMark(f"{KEY}.{what} is {shown(value)}; expected a whole number from 0")
    number: int = value
    return number


def _is_number(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2**63
