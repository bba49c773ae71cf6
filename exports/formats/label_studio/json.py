"""``label_studio_json``: an array of tasks, as Label Studio's own JSON export has them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson

from exports.formats.base import FormatContext
from exports.formats.label_studio.tasks import SERIALIZATION, TaskFormat


class LabelStudioJsonFormat(TaskFormat):
    """``[``, a task a line, ``]``: keys in Label Studio's order, numbers as they came."""

    key = "label_studio_json"
    title = "JSON as Label Studio writes it"
    help = (
        "One array with an object a task, to be imported there again or read by its SDK. What came from Label Studio "
        "goes out as it came in, with the keys that its own export has besides. It differs in this: no blanks between "
        "tokens, a task a line; rows of other sources get numbers for ids, and controls that are called by their kind."
    )
    extension = "json"
    media_type = "application/json"
    options = SERIALIZATION

    def __init__(self, context: FormatContext) -> None:
        super().__init__(context)
        self._lead = b"\n"

    def header(self) -> Iterable[bytes]:
        return (b"[",)

    def write(self, tasks: list[dict[str, Any]]) -> Iterable[bytes]:
        if tasks:
            yield self._lead + b",\n".join(map(orjson.dumps, tasks))
            self._lead = b",\n"

    def footer(self) -> Iterable[bytes]:
        yield from super().footer()
        yield b"\n]\n"
