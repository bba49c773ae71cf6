"""``json``: one array of rows in one file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from connections.rows.batch import BODY, SEVERAL, RowBatch
from exports.formats.base import Format, FormatContext, Told
from exports.formats.complete_rows import CompleteRows


class JsonFormat(Format):
    """``[row,\\nrow]`` and a final newline; the rows are byte for byte those of :class:`NdjsonFormat`."""

    key = "json"
    title = "JSON"
    help = "One array with complete rows: every annotation kind, every part. For programs that read a whole file."
    extension = "json"
    media_type = "application/json"
    columns = frozenset({BODY, SEVERAL})
    is_line_based = True
    holds_runs = True

    def __init__(self, context: FormatContext) -> None:
        super().__init__(context)
        self._rows = CompleteRows(context, context.parts)
        self._lead = b"\n"

    def header(self) -> Iterable[bytes]:
        return (b"[",)

    def separator_size(self) -> int:
        return len(self._lead)

    def rows(self, batch: RowBatch) -> Iterable[bytes]:
        yield self._lead
        yield self._rows.join(batch, b",\n")
        self._lead = b",\n"

    def read_back(self, index: int) -> Counter[Told]:
        return self._rows.read_back(index)

    def footer(self) -> Iterable[bytes]:
        return (b"\n]\n",)
