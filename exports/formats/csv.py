"""``csv``: one line an annotation (RFC 4180), in one of two profiles that the file's user chooses."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from connections.rows.batch import BODY, CSV, CSV_SAFE, RowBatch
from connections.rows.counts import BESIDE, REGION_ANSWERS
from connections.rows.csv import COLUMNS, HEADER, with_columns, without_parts
from connections.rows.kinds.base import Kind
from exportadmin.lib.csv_cells import BYTE_ORDER_MARK, exact_cell, safe_cell
from exports.formats.base import Format, FormatContext, Told
from exports.formats.fragments import REFUSALS, Fragments
from exports.formats.row_columns import EXACT, OPTIONS, PROFILE, SAFE, RowColumns

_KIND, _CLASS = COLUMNS.index("kind"), COLUMNS.index("class")
# what the spreadsheet-safe profile puts into names
_APOSTROPHE: Final = "'"


class CsvFormat(Format):
    """Header line, then the rows' lines; UTF-8, with a byte order mark in the spreadsheet-safe profile only.

    Columns: :mod:`connections.rows.csv`, then those of :mod:`exports.formats.row_columns` that were asked for.
    """

    key = "csv"
    title = "CSV"
    help = (
        "One line an annotation, every kind, with the address and the file name of its picture; a row without "
        "annotations has one line too. Relationships are left out."
    )
    extension = "csv"
    media_type = "text/csv; charset=utf-8; header=present"
    columns = frozenset({CSV})
    cannot_hold = frozenset(BESIDE) - {REGION_ANSWERS}
    refusals = REFUSALS
    options = (PROFILE, *OPTIONS)

    def __init__(self, context: FormatContext) -> None:
        super().__init__(context)
        self._fragments = Fragments(self)
        self._last: Sequence[bytes] = ()
        self._safe = context.options.get("profile", EXACT) == SAFE
        self._more = RowColumns(context.options)

    @classmethod
    def reads(cls, options: Mapping[str, str]) -> frozenset[str]:
        """Rows, too, where a column is asked for that is not in the lines which a source keeps."""
        safe = {CSV_SAFE} if options.get("profile", EXACT) == SAFE else set()
        return cls.columns | safe | ({BODY} if RowColumns(options).names else set())

    def header(self) -> Iterable[bytes]:
        if self._safe:
            yield BYTE_ORDER_MARK.encode()
        yield with_columns(HEADER, self._more.names)

    def rows(self, batch: RowBatch) -> Iterable[bytes]:
        lines = self._fragments.csv(batch, safe=self._safe)
        if self._more.names:
            cell = safe_cell if self._safe else exact_cell
            refused = {row.index for row in self._refused}
            documents = (one for index, one in enumerate(self.documents(batch)) if index not in refused)
            lines = [
                with_columns(some, [cell(text) for text in self._more.texts(document)])
                for some, document in zip(lines, documents, strict=True)
            ]
        self._last = lines
        yield without_parts(b"".join(lines), self.context.parts, more=len(self._more.names))

    @classmethod
    def told(cls, kind: Kind, name: str) -> Told:
        return kind.key, name.replace(_APOSTROPHE, "")

    def read_back(self, index: int) -> Counter[Told]:
        lines = csv.reader(io.StringIO(self._last[index].decode("utf-8"), newline=""), strict=True)
        cells = ((line[_KIND], line[_CLASS].replace(_APOSTROPHE, "")) for line in lines)
        return Counter((kind, name) for kind, name in cells if kind)
