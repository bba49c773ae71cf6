"""Files of Label Studio read and written again without a database: importer, row, format."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from connections.rows.batch import PARTS, OntologyClass, RowBatch
from connections.rows.body import render_body
from connections.rows.counts import count_annotations
from connections.rows.labels import label_flags, labels_of
from connections.store.import_row import IncomingRow
from connections.store.importers import IMPORTERS
from connections.store.ontology import OntologyBook
from connections.store.row_document import complete_document
from exports.formats import FORMATS
from exports.formats.base import Format, FormatContext
from exports.run.cross_check import CrossCheck

MADE_MS = 1_700_000_000_000


class Book:
    """The numbers of classes and questions, as the store gives them."""

    def __init__(self) -> None:
        self.class_numbers: dict[str, int] = {}
        self.question_numbers: dict[str, int] = {}
        self.schema_ids: dict[tuple[bool, str], str] = {}

    def class_number(self, name: str) -> int:
        return self.class_numbers.setdefault(name, len(self.class_numbers) + 1)

    def question_number(self, name: str) -> int:
        return self.question_numbers.setdefault(name, len(self.question_numbers) + 1)

    def schema_id(self, name: str, *, is_question: bool) -> str:
        return self.schema_ids.setdefault((is_question, name), f"{'q' if is_question else 'c'}-{name}")

    def ontology(self) -> list[OntologyClass]:
        classes = [OntologyClass(number, name) for name, number in self.class_numbers.items()]
        return classes + [OntologyClass(number, name, True) for name, number in self.question_numbers.items()]


def rows_of(tasks: list[Any], folder: Path) -> list[IncomingRow]:
    """The importer's rows of a file with these tasks, none of which may be refused."""
    path = folder / "tasks.json"
    path.write_text(json.dumps(tasks), encoding="utf-8")
    importer = IMPORTERS["label_studio_json"](path, default_status=None, project_key="p")
    rows = list(importer.rows())
    assert not importer.refused, importer.refused[0].reason
    return rows


def batch_of(rows: list[IncomingRow]) -> tuple[RowBatch, list[OntologyClass]]:
    """As the store would hand them out."""
    book = Book()
    documents: list[dict[str, Any]] = []
    for place, row in enumerate(rows, 1):
        document, _ = complete_document(
            row,
            row.row_id or f"row{place}",
            "project1",
            cast(OntologyBook, book),
            created_ms=MADE_MS,
            updated_ms=MADE_MS,
            activity_ms=MADE_MS,
            now_ms=MADE_MS,
            old_label_times=[],
        )
        documents.append(document)
    counts = [count_annotations(one, book.class_numbers, book.question_numbers) for one in documents]
    blank = [""] * len(rows)
    return RowBatch(
        row_ids=[one["data_row"]["id"] for one in documents],
        global_keys=[row.key for row in rows],
        statuses=[row.status for row in rows],
        label_times=blank,
        annotation_counts=[one.total for one in counts],
        class_counts=[one.text for one in counts],
        numbers=[row.number or 1_000 + place for place, row in enumerate(rows)],
        bodies=[render_body(one)[0] for one in documents],
        label_flags=[label_flags(labels_of(one)) for one in documents],
    ), book.ontology()


def written(rows: list[IncomingRow], folder: Path, key: str, options: Mapping[str, str] | None = None) -> bytes:
    """The file of a format, of which no row may be refused; each row is read back and compared with its counts."""
    return _run(rows, folder, key, options)[0]


def noted(rows: list[IncomingRow], folder: Path, key: str, options: Mapping[str, str] | None = None) -> dict[str, int]:
    """What such a file notes."""
    return _run(rows, folder, key, options)[1].notes()


def _run(rows: list[IncomingRow], folder: Path, key: str, options: Mapping[str, str] | None) -> tuple[bytes, Format]:
    batch, ontology = batch_of(rows)
    scratch = folder / "scratch"
    scratch.mkdir(exist_ok=True)
    writer = FORMATS[key](FormatContext("project1", "Name", ontology, frozenset(PARTS), scratch, {**(options or {})}))
    pieces = [*writer.header()]
    check = CrossCheck(writer, ontology)
    for place in range(len(batch)):
        one = batch.take([place])
        pieces += writer.rows(one)
        assert not (refused := writer.take_refused()), refused[0].reason
        check.look_at(one)
    pieces += writer.footer()
    assert list(scratch.iterdir()) == []
    return b"".join(pieces), writer


def differences(first: Any, second: Any, path: str = "") -> Iterator[str]:
    """Where ``second`` does not have what ``first`` has, or has more inside of a result or of data."""
    if isinstance(first, dict) and isinstance(second, dict):
        for key, said in first.items():
            if key not in second:
                yield f"{path}.{key} is missing"
            else:
                yield from differences(said, second[key], f"{path}.{key}")
        if ".result" in path or ".data" in path:
            yield from (f"{path}.{key} is new" for key in second if key not in first)
    elif isinstance(first, list) and isinstance(second, list):
        if len(first) != len(second):
            yield f"{path}: {len(first)} entries, {len(second)}"
        for place, (one, other) in enumerate(zip(first, second, strict=False)):
            yield from differences(one, other, f"{path}[{place}]")
    elif first != second or (type(first) is not type(second) and not {type(first), type(second)} <= {int, float}):
        yield f"{path}: {first!r}, {second!r}"
