"""``ndjson``: one row a line (JSON Lines), readable from any line on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from connections.rows.batch import BODY, SEVERAL, RowBatch
from exports.formats.base import Format, FormatContext, Told
from exports.formats.complete_rows import CompleteRows


class NdjsonFormat(Format):
    """``row\\nrow\\n``: UTF-8, every line one JSON value and a line feed, no raw line feed inside a row."""

    key = "ndjson"
    title = "NDJSON"
    help = "One complete row a line. For streams, big data tools and reading from the middle."
    extension = "ndjson"
    media_type = "application/x-ndjson"
    columns = frozenset({BODY, SEVERAL})
    is_line_based = True
    holds_runs = True

    def __init__(self, context: FormatContext) -> None:
        super().__init__(context)
        self._rows = CompleteRows(context, context.parts)

    def rows(self, batch: RowBatch) -> Iterable[bytes]:
        yield self._rows.join(batch, b"\n")
        yield b"\n"

    def read_back(self, index: int) -> Counter[Told]:
        return self._rows.read_back(index)
