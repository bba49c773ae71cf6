"""``label_studio_json``: an array of tasks, as Label Studio's own JSON export has them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from connections.rows.backup import PART, project_backup
from connections.rows.batch import RowBatch
from connections.rows.body import BACKUP, BodyPrinter
from connections.rows.label_studio.tasks import Written
from exports.formats.base import FormatContext
from exports.formats.label_studio.tasks import ALL, ANNOTATIONS, SERIALIZATION, TaskFormat


class LabelStudioJsonFormat(TaskFormat):
    """``[``, a task a line, ``]``: keys in Label Studio's order, numbers as they came."""

    key = "label_studio_json"
    title = "JSON as Label Studio writes it"
    as_of = "Label Studio"
    help = (
        "One array with an object a task, to be imported there again or read by its SDK. What came from Label Studio "
        "goes out as it came in, with the keys that its own export has besides. It differs in this: no blanks between "
        "tokens, a task a line; rows of other sources get numbers for ids, controls called by their kind, and, with "
        "the part backup, the row as our JSON has it under meta, by which our own import gives it back as it was."
    )
    extension = "json"
    media_type = "application/json"
    options = SERIALIZATION
    importer = "label_studio_json"
    has_md5 = True

    @classmethod
    def left_out(cls, options: Mapping[str, str]) -> Mapping[str, str]:
        chosen = options.get(ANNOTATIONS.name, ALL)
        return {} if chosen == ALL else {ANNOTATIONS.name: chosen}

    def __init__(self, context: FormatContext) -> None:
        super().__init__(context)
        self._lead = b"\n"
        self._rows, self._project = None, None
        if PART in context.parts:
            self._rows = BodyPrinter(context.parts - {"embeddings"}, context.project_name)
            self._project = project_backup(context.ontology, context.project_extra)

    def complete(self, written: Written, batch: RowBatch, index: int) -> None:
        if self._rows is None or written.is_of_label_studio:
            return
        row = orjson.loads(self._rows.join([batch.bodies[index]], (), b""))
        if self._project is not None:
            row.setdefault(BACKUP, {})["project"], self._project = self._project, None
        written.task["meta"] = {BACKUP: row}

    def header(self) -> Iterable[bytes]:
        return (b"[",)

    def rows(self, batch: RowBatch) -> Iterable[bytes]:
        stored = batch.label_studio_tasks
        if not stored or not all(stored):
            yield from super().rows(batch)
            return
        yield from self._still_open()
        self._last = stored
        yield self._lead + b",\n".join(stored)
        self._lead = b",\n"

    def write(self, tasks: list[dict[str, Any]]) -> Iterable[bytes]:
        if tasks:
            yield self._lead + b",\n".join(map(orjson.dumps, tasks))
            self._lead = b",\n"

    def footer(self) -> Iterable[bytes]:
        yield from super().footer()
        yield b"\n]\n"
