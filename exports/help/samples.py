"""Two small rows as each format's writer writes them: what the help shows cannot go stale."""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from connections.rows.batch import OntologyClass, RowBatch
from connections.rows.body import render_body, render_labels
from connections.rows.counts import count_annotations
from connections.rows.experiments import Run, RunOfRow
from connections.rows.kinds import BOX
from connections.sinks.base import DeliveredFile
from exports.check_values import CheckValueCounter, LabelCounts
from exports.formats import FORMATS
from exports.formats.base import Format, FormatContext
from exports.formats.row_columns import RowColumns

PROJECT_NAME: Final = "Harbour"
ONTOLOGY: Final = (
    OntologyClass(number=1, name="boat"),
    OntologyClass(number=2, name="buoy"),
    OntologyClass(number=1, name="remark", is_question=True),
)
_MOMENT: Final = "2026-09-01T08:00:00.000+00:00"
_DETAILS: Final = {"dataset_name": "North quay"}


@dataclass(frozen=True, slots=True)
class Sample:
    """A whole file as text (of a zip: its entries). ``options`` are those that it was made with."""

    options: str
    text: str
    bytes: int


@cache
def samples(key: str) -> tuple[Sample, ...]:
    """A sample of a format, and one for each further value of an option. Raises ``KeyError`` for an unknown format."""
    writer = FORMATS[key]
    choices: list[dict[str, str]] = [{option.name: value} for option in writer.options for value in option.values[1:]]
    return tuple(_sample(writer, options) for options in [{}, *choices])


@cache
def check_values() -> dict[str, Any]:
    """The check values of the two rows as ``coco_json``, which leaves the answer out."""
    writer = FORMATS["coco_json"]
    counter = CheckValueCounter.of(writer, ONTOLOGY)
    counter.add(_batch())
    body = _written(writer, {})
    file = DeliveredFile(name="harbour.json", media_type=writer.media_type, bytes=len(body), sha256="")
    return counter.result({"statuses": 1}, [file], labels=LabelCounts(computed=Counter()))


def _sample(writer: type[Format], options: dict[str, str]) -> Sample:
    body = _written(writer, options)
    chosen = ", ".join(f"{name}: {value}" for name, value in options.items())
    text = _unzipped(body) if writer.is_archive else body.decode("utf-8-sig")
    return Sample(options=chosen, text=text, bytes=len(body))


def _written(writer: type[Format], options: dict[str, str]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        context = FormatContext(
            project_id="harbour",
            project_name=PROJECT_NAME,
            ontology=ONTOLOGY,
            parts=frozenset({"project_details", *RowColumns(options).parts}),
            scratch=Path(folder),
            options=options,
        )
        return b"".join(_chunks(writer(context)))


def _chunks(writer: Format) -> Iterator[bytes]:
    yield from writer.header()
    yield from writer.rows(_of_run(_batch()) if writer.needs_run else _batch())
    yield from writer.footer()


def _of_run(batch: RowBatch) -> RowBatch:
    """The same rows in a run of a model, which found the boat again."""
    (box,) = _marks()["objects"]
    found = {**box, "confidence": 0.92}
    label = {"label_kind": "Default", "version": "1.0.0", "id": "prediction-1", "annotations": {"objects": [found]}}
    run = Run("model-1", "Harbour boats", "run-1", "v1")
    batch.experiments = [
        [RunOfRow(run, f"in-run-{n}", predictions=text)] for n, text in enumerate((render_labels([label]), b"[]"), 1)
    ]
    batch.coco_images = [b'{"id":%d,"width":64,"height":48}' % number for number in batch.numbers]
    return batch


def _unzipped(body: bytes) -> str:
    """Texts as they are, pictures as their size."""
    lines: list[str] = []
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        for entry in archive.infolist():
            lines.append(f"── {entry.filename} ({entry.file_size} bytes)")
            if not entry.filename.endswith(".png"):
                lines.append(archive.read(entry).decode())
    return "\n".join(lines)


def _batch() -> RowBatch:
    """Row 1: a box and an answer, accepted. Row 2: not labelled yet."""
    numbers = {one.name: one.number for one in ONTOLOGY if not one.is_question}
    questions = {one.name: one.number for one in ONTOLOGY if one.is_question}
    documents = [_document(1, "quay.jpg", "accepted", _marks()), _document(2, "pier.jpg", "to_label", None)]
    bodies = [render_body(document) for document in documents]
    counted = [count_annotations(document, numbers, questions) for document in documents]
    return RowBatch(
        row_ids=[document["data_row"]["id"] for document in documents],
        global_keys=[document["data_row"]["global_key"] for document in documents],
        statuses=["accepted", "to_label"],
        batch_ids=["", ""],
        dataset_ids=["", ""],
        dataset_names=["", ""],
        updated_ms=[0, 0],
        activity_ms=[0, 0],
        label_times=["0", ""],
        annotation_counts=[each.total for each in counted],
        class_counts=[each.text for each in counted],
        numbers=[1, 2],
        bodies=[body for body, _ in bodies],
        embeddings=[embeddings for _, embeddings in bodies],
    )


def _marks() -> dict[str, Any]:
    box = {
        "feature_id": "a1",
        "feature_schema_id": "s1",
        "name": "boat",
        "value": "boat",
        "annotation_kind": BOX.annotation_kind,
        "classifications": [],
        "bounding_box": {"top": 20.0, "left": 8.0, "height": 15.0, "width": 30.0},
    }
    answer = {
        "feature_id": "a2",
        "feature_schema_id": "s2",
        "name": "remark",
        "value": "remark",
        "text_answer": {"content": "=2 people on deck"},
    }
    return {"objects": [box], "classifications": [answer], "relationships": []}


def _document(number: int, key: str, status: str, marks: dict[str, Any] | None) -> dict[str, Any]:
    label = {
        "label_kind": "Default",
        "version": "1.0.0",
        "id": f"label-{number}",
        "label_details": {"created_at": _MOMENT, "updated_at": _MOMENT, "created_by": "lena", "reviews": []},
        "performance_details": {"skipped": False},
        "annotations": marks,
    }
    project = {
        "name": "",
        "labels": [label] if marks else [],
        "project_tags": [],
        "project_details": {"workflow_status": status},
    }
    return {
        "data_row": {
            "id": f"row-{number}",
            "global_key": key,
            "row_data": f"/media/harbour/{key}",
            "details": _DETAILS,
        },
        "media_attributes": {"width": 64, "height": 48},
        "attachments": [],
        "metadata_fields": [{"schema_name": "weather", "value": "fog"}] if marks else [],
        "embeddings": [],
        "projects": {"harbour": project},
    }
