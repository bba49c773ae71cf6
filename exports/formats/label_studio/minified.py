"""``label_studio_json_min``: an array with an object an annotation, as Label Studio's JSON_MIN has them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson

from exports.formats.base import FormatContext
from exports.formats.label_studio.items import COVERED, Item, ItemFormat, items_of


class LabelStudioMinifiedFormat(ItemFormat):
    """The keys of the task's data, then ``id``, what each control gave, ``annotator``, ``annotation_id``,
    ``created_at``, ``updated_at``, ``lead_time``."""

    key = "label_studio_json_min"
    title = "JSON_MIN as Label Studio writes it"
    as_of = "Label Studio"
    help = (
        "One array with an object an annotation: the task's data, and what each control gave. It has neither ids of "
        "regions nor relations, and cannot be imported again. It differs from Label Studio's in this: an item a line, "
        "no blanks between tokens; null, not the text None, for an annotator that nobody knows."
    )
    extension = "json"
    media_type = "application/json"

    def __init__(self, context: FormatContext) -> None:
        super().__init__(context)
        self._lead = b"\n"

    def header(self) -> Iterable[bytes]:
        return (b"[",)

    def write(self, tasks: list[dict[str, Any]]) -> Iterable[bytes]:
        lines = [orjson.dumps(self._record(item)) for task in tasks for item in items_of(task)]
        if lines:
            yield self._lead + b",\n".join(lines)
            self._lead = b",\n"

    def footer(self) -> Iterable[bytes]:
        yield from super().footer()
        yield b"\n]\n"

    def _record(self, item: Item) -> dict[str, Any]:
        task, annotation = item.task, item.annotation
        own = {
            "annotator": item.annotator,
            "annotation_id": annotation.get("id"),
            "created_at": annotation.get("created_at"),
            "updated_at": annotation.get("updated_at"),
            "lead_time": annotation.get("lead_time"),
        }
        if "agreement" in task:
            own["agreement"] = task["agreement"]
        parts = (task["data"], {"id": task["id"]}, item.outputs, own)
        record: dict[str, Any] = {}
        for part in parts:
            if covered := record.keys() & part.keys():
                self._notes[COVERED] += sum(record[name] is not None for name in covered)
            record |= part
        return record
