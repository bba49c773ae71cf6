"""Columns about a row that CSV and the index of the PNG masks have on request, behind their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson

from exports.formats.base import Option

NO, YES = "no", "yes"
OPTIONS: Final = (
    Option("dataset", (NO, YES), "yes: a column with the name of the row's data set."),
    Option("metadata", (NO, YES), "yes: a column with the row's metadata fields, as JSON."),
)
EXACT, SAFE = "exact", "spreadsheet-safe"
PROFILE: Final = Option(
    "profile",
    (EXACT, SAFE),
    "exact: cells as stored, for programs. spreadsheet-safe, for people: text that a spreadsheet would run as a "
    "formula gets an apostrophe, whichever separator it goes by, and the file begins with a byte order mark.",
)


def _dataset(document: Mapping[str, Any]) -> str:
    name: str = (document["data_row"].get("details") or {}).get("dataset_name") or ""
    return name


def _metadata(document: Mapping[str, Any]) -> str:
    fields = document.get("metadata_fields")
    return orjson.dumps(fields).decode() if fields else ""


# column → (part of the row that feeds it, its text)
_COLUMNS: Final[Mapping[str, tuple[str, Callable[[Mapping[str, Any]], str]]]] = {
    "dataset": ("data_row_details", _dataset),
    "metadata": ("metadata_fields", _metadata),
}


class RowColumns:
    """Those that ``options`` ask for: their ``names``, and the ``parts`` of a row that they are read from.

    A column is empty where its part was not asked for.
    """

    def __init__(self, options: Mapping[str, str]) -> None:
        self.names = tuple(name for name in _COLUMNS if options.get(name, NO) == YES)
        self.parts = frozenset(_COLUMNS[name][0] for name in self.names)

    def texts(self, document: Mapping[str, Any]) -> list[str]:
        """A text a column."""
        return [_COLUMNS[name][1](document) for name in self.names]
