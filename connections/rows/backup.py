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
from itertools import chain
from typing import Any, Final

import orjson

from connections.rows.batch import OntologyClass
from connections.rows.body import BACKUP, SEAM
from connections.rows.coco import may_state_ids, stated_id
from connections.rows.frames import answers_of, objects_of
from connections.rows.labels import labels_of

PART: Final = "backup"
KEY: Final = BACKUP
_END: Final = b"}" + SEAM + b"}"


def put_backup(
    document: dict[str, Any],
    number: int,
    class_numbers: Mapping[str, int],
    question_numbers: Mapping[str, int],
    annotation_ids: Sequence[Sequence[int]],
) -> None:
    """Enter what a row carries into a complete row. ``annotation_ids`` are by label those of its objects.

    Raises ``KeyError`` for a class or question without a number.
    """
    labels = labels_of(document)
    found: dict[str, Any] = {"image_id": number}
    classes: set[str] = set()
    questions: set[str] = set()
    for label in labels:
        classes.update([mark["name"] for mark in objects_of(label["annotations"])])
        questions.update([answer["name"] for answer in answers_of(label["annotations"])])
    classes.discard("")
    if classes:
        found["category_ids"] = {name: class_numbers[name] for name in sorted(classes)}
    if questions:
        found["question_ids"] = {name: question_numbers[name] for name in sorted(questions)}
    document[KEY] = found
    numbers = [*chain.from_iterable(annotation_ids)]
    is_range = False
    if numbers and not any(may_state_ids(label["annotations"].get("objects") or ()) for label in labels):
        first, last = numbers[0], numbers[-1]
        is_range = last - first + 1 == len(numbers) and numbers == list(range(first, last + 1))
        if is_range:
            found["annotation_range"] = [first, last]
    for label, ids in zip(labels, annotation_ids, strict=True):
        label.pop(KEY, None)
        if is_range:
            continue
        if list(ids) != [stated_id(mark) for mark in label["annotations"].get("objects") or ()]:
            label[KEY] = {"annotation_ids": list(ids)}


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
