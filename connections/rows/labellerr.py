"""What a row of ``labellerr_json`` carries beside Labellerr's own keys, so that an import gives it back as it was.

Labellerr's shape has no place for most of a row: its keys, people, times, several labels, the numbers of classes. They
stand under ``file_metadata.additional_metadata``, which is a user's own there: ``{"export_admin": {…}}`` is the row as
our json has it, but for what its annotations say under ``latest_answer``, which is taken from there. Both lists are in
one order: by label its objects, those of frames too, then its answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from connections.rows.body import BACKUP
from connections.rows.frames import answers_of, objects_of
from connections.rows.kinds import KINDS
from connections.rows.kinds.base import NAME_KEYS
from connections.rows.labels import labels_of
from exportadmin.lib.ids import derived_id

KEY: Final = BACKUP
# of an object or an answer what an entry of ``latest_answer`` has
_ELSEWHERE: Final = frozenset({"feature_id", "name", "classifications"})
_BESIDE: Final = NAME_KEYS - _ELSEWHERE
_LISTS: Final = (("objects", "class"), ("classifications", "question"))
_Json = dict[str, Any]


class Carrier:
    """For the rows of one project."""

    def __init__(self, project_id: str) -> None:
        self._project_id = project_id
        self._schema_ids: dict[tuple[str, str], str] = {}

    def carried(self, document: _Json) -> _Json:
        """What to carry of a complete row. Takes its annotations out of it."""
        for label in labels_of(document):
            annotations = label["annotations"]
            for key, sort in _LISTS:
                annotations[key] = [self._rest(mark, sort) for mark in annotations.get(key) or ()]
        return document

    def _rest(self, mark: Mapping[str, Any], sort: str) -> _Json:
        """Of one annotation what its entry does not say, and nothing that follows from it."""
        rest = {key: mark[key] for key in _BESIDE if key in mark}
        name = mark["name"]
        if rest.get("value") == name:
            del rest["value"]
        kind = rest.get("annotation_kind")
        if kind is not None and kind in KINDS.of_mark(mark).annotation_kinds[:1]:
            del rest["annotation_kind"]
        schema_id = self._schema_ids.get((sort, name))
        if schema_id is None:
            schema_id = self._schema_ids[sort, name] = derived_id(self._project_id, sort, name)
        if rest.get("feature_schema_id") == schema_id:
            del rest["feature_schema_id"]
        return rest


def restored(value: Mapping[str, Any]) -> _Json | None:
    """The row that an object of the file carries; ``None`` where it carries none, or one that does not go with its
    answers."""
    document, answers = carried_by(value), value.get("latest_answer")
    if document is None or not isinstance(answers, list):
        return None
    try:
        labels = labels_of(document)
        counts = [(len(objects_of(label["annotations"])), len(answers_of(label["annotations"]))) for label in labels]
        if sum(map(sum, counts)) != len(answers):
            return None
        marks = [_mark(entry) for entry in answers]
        place = 0
        for label, (objects, replies) in zip(labels, counts, strict=True):
            for (key, _), count in zip(_LISTS, (objects, replies), strict=True):
                own = label["annotations"][key]
                # what is said of frames stands in the label itself
                nothing: _Json = {"classifications": []} if key == "objects" else {}
                label["annotations"][key] = [
                    {**nothing, **mark, **rest} for mark, rest in zip(marks[place : place + len(own)], own, strict=True)
                ]
                place += count
    except (KeyError, TypeError, ValueError, AttributeError, IndexError):
        return None
    return document


def carried_by(value: Any) -> _Json | None:
    """What an object of the file carries of ours, as it stands there."""
    metadata = value.get("file_metadata") if isinstance(value, dict) else None
    more = metadata.get("additional_metadata") if isinstance(metadata, dict) else None
    document = more.get(KEY) if isinstance(more, dict) else None
    if not isinstance(document, dict) or not isinstance(document.get("data_row"), dict):
        return None
    return document


def _mark(entry: Mapping[str, Any]) -> _Json:
    name = entry["question_name"]
    (said,) = entry["answer"]
    mark: _Json = {"feature_id": entry["answer_id"], "name": name, "value": name}
    if kinds := KINDS[entry["question_type"]].annotation_kinds:
        mark["annotation_kind"] = kinds[0]
    mark |= said
    return mark
