"""``csv``: one line an annotation (RFC 4180), in one of two profiles that the file's user chooses."""

from __future__ import annotations

from collections.abc import Iterable

from connections.rows.batch import CSV, RowBatch
from connections.rows.counts import BESIDE, REGION_ANSWERS
from connections.rows.csv import HEADER, without_parts
from exports.formats.base import Format, FormatContext, Option
from exports.formats.fragments import REFUSALS, Fragments

EXACT, SAFE = "exact", "spreadsheet-safe"


class CsvFormat(Format):
    """Header line, then the rows' lines; UTF-8 without byte order mark. Columns: :mod:`connections.rows.csv`."""

    key = "csv"
    title = "CSV"
    help = "One line an annotation, every kind; a row without annotations has one line too. Relationships are left out."
    extension = "csv"
    media_type = "text/csv; charset=utf-8; header=present"
    columns = frozenset({CSV})
    cannot_hold = frozenset(BESIDE) - {REGION_ANSWERS}
    refusals = REFUSALS
    options = (
        Option(
            "profile",
            (EXACT, SAFE),
            "exact: cells as stored, for programs. spreadsheet-safe: text that a spreadsheet would run as a formula "
            "gets a leading apostrophe, for people.",
        ),
    )

    def __init__(self, context: FormatContext) -> None:
        super().__init__(context)
        self._fragments = Fragments(self)
        self._safe = context.options.get("profile", EXACT) == SAFE

    def header(self) -> Iterable[bytes]:
        yield HEADER

    def rows(self, batch: RowBatch) -> Iterable[bytes]:
        yield without_parts(b"".join(self._fragments.csv(batch, safe=self._safe)), self.context.parts)
