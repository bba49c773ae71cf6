"""What a row carries so that an import gives it back as it was: the part ``backup``, under the key ``export_admin``.

Every row has its own ids: ``{"image_id": 391895, "category_ids": {"person": 17}, "question_ids": {"weather": 1}}``, the
numbers that COCO exports print for it and for the classes that it uses. Objects that state no id of their own
(:func:`connections.rows.coco.stated_id`) have theirs there too: the row says the first and the last,
``"annotation_range": [7, 9]``, where each object has the id behind that of the one before, else a label lists them,
``{"annotation_ids": [7, 12]}``. So any selection of rows, in any order, keeps its ids. The first row of a file has the
project's besides, ``"project": {"categories": […], "questions": […]}``: all classes in the order of their numbers,
unused ones too, with what else is known of them; and under ``source_extra`` what the project keeps of files beside rows
and classes (the licenses of COCO, say), where there is any.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import orjson

from connections.rows.batch import OntologyClass
from connections.rows.body import BACKUP, SEAM
from connections.rows.coco import may_state_ids, stated_id
from connections.rows.counts import Counts
from connections.rows.labels import labels_of

PART: Final = "backup"
KEY: Final = BACKUP
_END: Final = b"}" + SEAM + b"}"


def used_ids(
    classes: Iterable[str],
    questions: Iterable[str],
    class_numbers: Mapping[str, int],
    question_numbers: Mapping[str, int],
) -> bytes:
    """The numbers of the classes and questions that a row uses, as :func:`backup_of` takes them.

    Raises ``KeyError`` for one without a number.
    """
    text = b""
    if classes:
        text += b',"category_ids":' + orjson.dumps({name: class_numbers[name] for name in sorted(classes)})
    if questions:
        text += b',"question_ids":' + orjson.dumps({name: question_numbers[name] for name in sorted(questions)})
    return text


def backup_of(
    labels: Sequence[dict[str, Any]],
    number: int,
    used: bytes,
    annotation_ids: Sequence[Sequence[int]],
    *,
    are_stated: bool,
    are_as_stated: bool = False,
) -> bytes:
    """The part of a row with these ``labels``, as JSON text; what a label carries is entered into it.

    ``used`` are its :func:`used_ids`, ``annotation_ids`` by label those of its objects. ``are_stated``: does any object
    state one itself? ``are_as_stated``: every object is known to state the one that it has.
    """
    if are_as_stated:
        return b'{"image_id":%d%b}' % (number, used)
    if not are_stated and (span := _span(annotation_ids)):
        for label in labels:
            label.pop(KEY, None)
        return b'{"image_id":%d%b,"annotation_range":[%d,%d]}' % (number, used, *span)
    for label, ids in zip(labels, annotation_ids, strict=True):
        label.pop(KEY, None)
        if list(ids) != [stated_id(mark) for mark in label["annotations"].get("objects") or ()]:
            label[KEY] = {"annotation_ids": list(ids)}
    return b'{"image_id":%d%b}' % (number, used)


def render_backup(
    document: Mapping[str, Any],
    number: int,
    counts: Counts,
    class_numbers: Mapping[str, int],
    question_numbers: Mapping[str, int],
    annotation_ids: Sequence[Sequence[int]],
) -> bytes:
    """:func:`backup_of` a complete row of which no more is known."""
    labels = labels_of(document)
    used = used_ids(counts.classes, counts.questions, class_numbers, question_numbers)
    are_stated = any(may_state_ids(label["annotations"].get("objects") or ()) for label in labels)
    return backup_of(labels, number, used, annotation_ids, are_stated=are_stated)


def _span(annotation_ids: Sequence[Sequence[int]]) -> tuple[int, int] | None:
    """The first and the last id, where each is the one behind that of the object before."""
    first = following = None
    for ids in annotation_ids:
        if not ids:
            continue
        if first is None:
            first = following = ids[0]
        # a block that is counted on, or a list that is the same
        if ids[0] != following or not (type(ids) is range or ids == list(range(ids[0], ids[0] + len(ids)))):
            return None
        following = ids[0] + len(ids)
    return None if first is None or following is None else (first, following - 1)


def project_backup(ontology: Iterable[OntologyClass], extra: Mapping[str, Any]) -> dict[str, Any]:
    """The value under ``project`` of a file's first row."""
    found: dict[str, Any] = {"categories": [], "questions": []}
    for one in ontology:
        entry: dict[str, Any] = {"id": one.number, "name": one.name}
        if one.supercategory:
            entry["supercategory"] = one.supercategory
        if one.extra:
            entry["extra"] = one.extra
        found["questions" if one.is_question else "categories"].append(entry)
    if extra:
        found["source_extra"] = extra
    return found


def with_project(bodies: Sequence[bytes], project: Mapping[str, Any]) -> Sequence[bytes]:
    """Marked bodies of the first rows of a file, the first of them with the project's backup."""
    first, *others = bodies
    text = orjson.dumps(project)
    if first.endswith(_END):
        return [first[: -len(_END)] + b',"project":' + text + _END, *others]
    return [first[:-1] + b'%b,"%b":{"project":%b%b' % (SEAM, KEY.encode(), text, _END), *others]


def without_project(line: bytes) -> bytes:
    """A printed row as it is where it is not the first of a file."""
    row = orjson.loads(line)
    backup = row.get(KEY)
    if type(backup) is not dict or backup.pop("project", None) is None:
        return line
    if not backup:
        del row[KEY]
    return orjson.dumps(row)
