"""``labellerr_json``: Labellerr's own json export, an array with an object a file.

``file_id`` is the row's key and id, ``file_status`` its review status. What ``latest_answer`` holds Labellerr does not
document: an entry is read where it can only mean one thing (a class under ``question_name``, and in ``answer`` one of
our geometries, an answer, or the corners of a polygon as ``{"x", "y"}``), and otherwise kept as it is and counted.
Everything that is not read is kept under ``source_extra.labellerr``.

A file of our own ``labellerr_json`` carries the whole row beside it (:mod:`connections.rows.labellerr`), and is read as
that row; its status is what ``file_status`` says.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from connections.rows.checks import BadMark, moment, shown, size
from connections.rows.kinds import CLASSIFICATION, KINDS, POLYGON
from connections.rows.kinds.base import Kind
from connections.rows.labellerr import carried_by, restored
from connections.rows.review_statuses import known_status
from connections.store.import_row import IncomingLabel, IncomingRow
from connections.store.importers.forms import CARRIED, READ, REFUSED, Form
from connections.store.importers.ndjson import NdjsonImporter, check_answer, check_object
from connections.store.models import MAX_ROW_ID
from connections.store.notes import CARRIED as CARRIED_NOTE
from connections.store.notes import OTHER
from exportadmin.lib.errors import UserError

# theirs → ours, where they differ: nobody works on the file
_STATUSES: Final = {"None": "to_label"}
_ANSWERS: Final = ("radio_answer", "checklist_answers", "text_answer", "number_answer")
_MAX_NAME: Final = 500
_DOES_NOT_FIT: Final = "rows that carry one of ours which does not go with their answers, read as Labellerr's"
_Json = dict[str, Any]


class LabellerrJsonImporter(NdjsonImporter):
    """See the module. ``default_status`` replaces what the files say."""

    key = "labellerr_json"
    title = "Labellerr JSON"

    @classmethod
    def forms(cls) -> Iterable[Form]:
        return _FORMS

    @classmethod
    def keys_of(cls, value: Any) -> frozenset[str]:
        identity = value.get("file_id") if isinstance(value, dict) else None
        found = frozenset({identity} if isinstance(identity, str) else ())
        if (document := carried_by(value)) is not None:
            carried = super().keys_of(document)
            return carried | found if carried else carried
        return found

    @classmethod
    def our_status(cls, text: str) -> str:
        return _STATUSES.get(text, text)

    def convert(self, value: _Json, position: str) -> IncomingRow:
        if (document := restored(value)) is not None:
            if self.default_status is None and value.get("file_status") is not None:
                (project,) = document["projects"].values()
                details = project.get("project_details")
                project["project_details"] = (details if isinstance(details, dict) else {}) | {
                    "workflow_status": self._word(value["file_status"])
                }
            row = super().convert(document, position)
            row.is_carried = True
            return row
        carried_key = None
        if (document := carried_by(value)) is not None:
            carried_key = document["data_row"].get("global_key")
            self.row_notes.add(OTHER, _DOES_NOT_FIT, example=position)
        rest = dict(value)
        row_id = rest.pop("file_id", None)
        if not isinstance(row_id, str) or not 0 < len(row_id) <= MAX_ROW_ID:
            raise BadMark(f"file_id {shown(row_id)} is no id: a text of 1 to {MAX_ROW_ID} characters is expected")
        name = rest.pop("file_name", None)
        if not isinstance(name, str):
            raise BadMark(f"file_name {shown(name)} is no text")
        metadata = rest.pop("file_metadata", None) or {}
        if not isinstance(metadata, dict):
            raise BadMark(f"file_metadata {shown(metadata)} is no object")
        media = {side: size(metadata.pop(f"image_{side}", None), f"image_{side}") for side in ("width", "height")}
        answers = rest.pop("latest_answer", None) or []
        if not isinstance(answers, list):
            raise BadMark(f"latest_answer {shown(answers)} is no list")
        media = {side: pixels for side, pixels in media.items() if pixels is not None}
        label, carried = self._label(answers, media, position)
        if told := {key: kept for key, kept in metadata.items() if kept is not None}:
            rest["file_metadata"] = told
        if carried:
            rest["latest_answer"] = carried
        extra = {key: kept for key, kept in rest.items() if kept not in (None, "", []) and key not in _READ}
        return IncomingRow(
            position=position,
            # that of the row before its answers changed, by which the project knows it
            key=carried_key if isinstance(carried_key, str) and 0 < len(carried_key) <= _MAX_NAME else row_id,
            row_id=row_id,
            row_data=name,
            external_id=name[:_MAX_NAME],
            status=self.default_status or self._word(rest.get("file_status")),
            media_attributes=media,
            labels=[label] if label else [],
            created_ms=moment(rest.get("created_at"), "created_at"),
            # the name is the file's own: COCO has it as it is, instead of one that is made of an address
            source_extra={"coco": {"file_name": name}} | ({"labellerr": extra} if extra else {}),
        )

    @staticmethod
    def _word(text: Any) -> str:
        try:
            return known_status(
                LabellerrJsonImporter.our_status(text) if isinstance(text, str) else text, field="file_status"
            )
        except UserError as error:
            raise BadMark(f"file_status: {error.message}") from None

    def _label(self, answers: list[Any], media: _Json, position: str) -> tuple[IncomingLabel | None, list[Any]]:
        """What was understood, and what was not."""
        label, carried = IncomingLabel(), []
        for index, entry in enumerate(answers, 1):
            found = _read(entry)
            if found is None:
                carried.append(entry)
                what = str(entry.get("question_type"))[:40] if isinstance(entry, dict) else "no object"
                text = f"answers of type {what}, kept as they are"
                self.row_notes.add(CARRIED_NOTE, text, example=f"{position}, answer {index}")
            else:
                _take(label, *found, media, f"answer {index}")
        return (label if label.objects or label.classifications else None), carried


def _take(label: IncomingLabel, kind: Kind, mark: _Json, media: _Json, what: str) -> None:
    """Raises :class:`BadMark` for a geometry or an answer that is not as its kind has it."""
    if kind is CLASSIFICATION:
        check_answer(mark, what)
        label.classifications.append(mark)
        return
    try:
        check_object(mark, media)
    except BadMark as error:
        raise BadMark(f"{what}: {error}") from None
    label.objects.append(mark)


def _read(entry: Any) -> tuple[Kind, _Json] | None:
    """The kind and the annotation of an entry that can only mean one thing."""
    if not isinstance(entry, dict) or not isinstance(entry.get("answer"), list):
        return None
    name, key, answer = entry.get("question_name"), entry.get("question_type"), entry["answer"]
    if not isinstance(name, str) or not 0 < len(name) <= _MAX_NAME or not isinstance(key, str) or not answer:
        return None
    mark: _Json = {"name": name, "value": name}
    if isinstance(answer_id := entry.get("answer_id"), str) and answer_id:
        mark["feature_id"] = answer_id
    if key == POLYGON.key and len(answer) > 2 and False not in [_is_corner(corner) for corner in answer]:
        return POLYGON, mark | {"annotation_kind": POLYGON.annotation_kind, "polygon": answer}
    if len(answer) != 1 or not isinstance(answer[0], dict):
        return None
    if key == CLASSIFICATION.key and any(one in answer[0] for one in _ANSWERS):
        return CLASSIFICATION, mark | answer[0]
    kind = KINDS.get(key)
    if kind is None or not _is_read(kind) or kind is CLASSIFICATION or kind.geometry not in answer[0]:
        return None
    return kind, {"annotation_kind": kind.annotation_kind} | mark | answer[0]


def _is_corner(corner: Any) -> bool:
    return type(corner) is dict and len(corner) == 2 and "x" in corner and "y" in corner


def _is_read(kind: Kind) -> bool:
    """Marks of frames and segments stand elsewhere in a label, where no entry says."""
    return bool(kind.annotation_kinds) and kind.unit not in ("frame", "segment")


_READ: Final = frozenset({"file_status", "created_at"})
_FORMS: Final = (
    *(Form(kind, READ, (kind.key,), "as our own labellerr_json has it") for kind in KINDS.values() if _is_read(kind)),
    Form(POLYGON, READ, ('"answer": [{"x", "y"}, …]',), "in pixels"),
    Form("Annotations", CARRIED, ("any other entry of latest_answer",), "under source_extra.labellerr, and counted"),
    Form("Rows", READ, ("file_status",), "Labellerr's fifteen, None among them"),
    Form("Rows", REFUSED, ("file_status",), "that nobody knows"),
    Form("Rows", READ, ("file_metadata.additional_metadata.export_admin",), "the row as our own labellerr_json has it"),
    Form("Rows", CARRIED, ("remarks", "activities", "file_metadata"), "under source_extra.labellerr"),
)
