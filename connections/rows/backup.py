"""What a row carries so that an import gives it back as it was: the part ``backup``, under the key ``export_admin``.

Every row has its own ids: ``{"image_id": 391895, "category_ids": {"person": 17}, "question_ids": {"weather": 1}}``, the
numbers that COCO exports print for it and for the classes that it uses. A label has those of its objects, in their
order, ``{"annotation_ids": [7, 8]}``, unless all of them state theirs (:func:`connections.rows.coco.stated_id`). So any
selection of rows, in any order, keeps its ids. The first row of a file has the project's besides,
``"project": {"categories": […], "questions": […]}``: all classes in the order of their numbers, unused ones too, with
what else is known of them; and under ``source_extra`` what the project keeps of files beside rows and classes (the
licenses of COCO, say), where there is any.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import orjson

from connections.rows.batch import OntologyClass
from connections.rows.body import PART_KEYS, SEAM
from connections.rows.frames import answers_of, objects_of
from connections.rows.labels import labels_of

PART: Final = "backup"
KEY: Final = PART_KEYS[PART]
_END: Final = b"}" + SEAM + b"}"


def row_backup(
    document: Mapping[str, Any], number: int, class_numbers: Mapping[str, int], question_numbers: Mapping[str, int]
) -> dict[str, Any]:
    """The value under :data:`KEY` of a complete row. Raises ``KeyError`` for a class or question without a number."""
    classes: set[str] = set()
    questions: set[str] = set()
    for label in labels_of(document):
        annotations = label["annotations"]
        classes.update([mark["name"] for mark in objects_of(annotations)])
        questions.update([answer["name"] for answer in answers_of(annotations)])
    classes.discard("")
    found: dict[str, Any] = {"image_id": number}
    if classes:
        found["category_ids"] = {name: class_numbers[name] for name in sorted(classes)}
    if questions:
        found["question_ids"] = {name: question_numbers[name] for name in sorted(questions)}
    return found


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
