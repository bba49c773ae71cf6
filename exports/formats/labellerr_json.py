"""``labellerr_json``: an array with an object a file, as Labellerr's own json exports are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

import orjson

from connections.rows.backup import PART, project_backup
from connections.rows.batch import RowBatch
from connections.rows.counts import BESIDE
from connections.rows.file_names import file_name_of
from connections.rows.frames import answers_of, objects_of
from connections.rows.kinds import CLASSIFICATION, KINDS
from connections.rows.kinds.base import NAME_KEYS
from connections.rows.labellerr import KEY, Carrier
from connections.rows.labels import labels_of
from exports.formats.base import Format, FormatContext, Told
from exports.formats.labellerr_rows import PARTS_READ, created_ms, question_id, read_rows, status_of


class LabellerrJsonFormat(Format):
    """``file_id, file_name, file_metadata, created_at, file_status, remarks, activities, latest_answer``.

    What ``latest_answer`` holds Labellerr does not document. Here it is a list with an entry an annotation:
    ``question_type`` (our kind), ``question_name`` (its class), ``question_id``, ``answer_id``, and in ``answer`` its
    geometry or what was answered, under the keys that our json has. What else a row holds, its keys, people, times and
    numbers, stands under ``file_metadata.additional_metadata.export_admin``, where the part ``backup`` was asked for:
    our importer reads it back (:mod:`connections.rows.labellerr`). Embeddings are in neither.
    """

    key = "labellerr_json"
    title = "JSON as Labellerr writes it"
    as_of = "Labellerr"
    help = "One array with an object a file, for scripts made for Labellerr's exports. New work: JSON."
    extension = "json"
    media_type = "application/json"
    cannot_hold = frozenset(BESIDE)

    def __init__(self, context: FormatContext) -> None:
        super().__init__(context)
        self._lead = b"\n"
        self._ids = {(one.is_question, one.name): question_id(context.project_id, one) for one in context.ontology}
        self._last: list[list[dict[str, Any]]] = []
        self._parts = context.parts & PARTS_READ
        self._carrier, self._project = None, None
        if PART in context.parts:
            self._parts = context.parts - {"embeddings"}
            self._carrier = Carrier(context.project_id)
            self._project = project_backup(context.ontology, context.project_extra)

    def header(self) -> Iterable[bytes]:
        return (b"[",)

    def rows(self, batch: RowBatch) -> Iterable[bytes]:
        self._last = []
        lines: list[bytes] = []
        for place, document in read_rows(batch, self._parts):
            answers = [*self._answers(document)]
            self._last.append(answers)
            lines.append(orjson.dumps(self._file(batch, place, document, answers)))
        yield self._lead + b",\n".join(lines)
        self._lead = b",\n"

    def read_back(self, index: int) -> Counter[Told]:
        return Counter((one["question_type"], one["question_name"]) for one in self._last[index])

    def footer(self) -> Iterable[bytes]:
        return (b"\n]\n",)

    def _file(
        self, batch: RowBatch, place: int, document: dict[str, Any], answers: list[dict[str, Any]]
    ) -> dict[str, Any]:
        media = document["media_attributes"]
        name, created = file_name_of(document, batch.numbers[place])[0], created_ms(document)
        return {
            "file_id": document["data_row"]["id"],
            "file_name": name,
            "file_metadata": {
                "image_width": media.get("width"),
                "image_height": media.get("height"),
                "file_size": None,
                "file_format": PurePosixPath(name).suffix.removeprefix(".") or None,
                "additional_metadata": self._carried(document),
            },
            "created_at": created,
            "file_status": status_of(batch, place, self.context.parts),
            "remarks": "",
            "activities": [],
            "latest_answer": answers,
        }

    def _carried(self, document: dict[str, Any]) -> dict[str, Any] | None:
        """Nothing is read from the document afterwards."""
        if self._carrier is None:
            return None
        carried = self._carrier.carried(document)
        if self._project is not None:
            carried.setdefault(KEY, {})["project"], self._project = self._project, None
        return {KEY: carried}

    def _answers(self, document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        for label in labels_of(document):
            annotations = label["annotations"]
            for mark in objects_of(annotations):
                yield self._answer(mark, KINDS.of_mark(mark).key, is_question=False)
            for answer in answers_of(annotations):
                yield self._answer(answer, CLASSIFICATION.key, is_question=True)

    def _answer(self, mark: Mapping[str, Any], kind: str, *, is_question: bool) -> dict[str, Any]:
        found = {key: value for key, value in mark.items() if key not in NAME_KEYS}
        return {
            "question_type": kind,
            "question_name": mark["name"],
            "question_id": self._ids.get((is_question, mark["name"])),
            "answer_id": mark["feature_id"],
            "answer": [found | ({"classifications": mark["classifications"]} if mark.get("classifications") else {})],
        }
