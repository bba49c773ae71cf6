"""Entries as ndjson or CSV, a line at a time."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from django.db.models import QuerySet

from exportadmin.audit import chain
from exportadmin.audit.canonical import canonical
from exportadmin.audit.models import AuditEntry
from exportadmin.audit.sentences import sentence
from exportadmin.lib import times
from exportadmin.lib.csv_cells import BYTE_ORDER_MARK, defused

COLUMNS: tuple[str, ...] = ("sequence", "at", "sentence", *chain.HASHED[2:], "hash")


CHUNK = 500


@dataclass(frozen=True, slots=True)
class Extra:
    """Columns that a question adds: their names, and what stands in them for some entries, in the entries' order."""

    columns: Sequence[str]
    cells: Callable[[Sequence[AuditEntry]], Sequence[Sequence[str]]]


def as_document(entry: AuditEntry) -> dict[str, Any]:
    """What was hashed, and the hash: an outsider takes ``hash`` out and hashes the rest's canonical JSON again."""
    return {**chain.document({name: getattr(entry, name) for name in chain.HASHED}), "hash": entry.hash}


def ndjson(entries: Iterable[AuditEntry]) -> Iterator[bytes]:
    """One :func:`as_document` a line, in canonical JSON."""
    for entry in _streamed(entries):
        yield canonical(as_document(entry)) + b"\n"


def csv_lines(entries: Iterable[AuditEntry], extra: Extra | None = None) -> Iterator[bytes]:
    """A header and one line an entry, spreadsheet-safe: UTF-8 with a byte order mark, an apostrophe
    in front of what would be run as a formula."""
    more = extra or Extra((), lambda some: [()] * len(some))
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")

    def taken() -> bytes:
        line = buffer.getvalue().encode("utf-8")
        buffer.seek(0)
        buffer.truncate()
        return line

    buffer.write(BYTE_ORDER_MARK)
    writer.writerow([*(chain.JSON_FIELDS.get(name, name) for name in COLUMNS), *more.columns])
    yield taken()
    for some in _some_at_a_time(_streamed(entries)):
        for entry, cells in zip(some, more.cells(some), strict=True):
            writer.writerow([*(_cell(entry, name) for name in COLUMNS), *map(defused, cells)])
        yield taken()


def _streamed(entries: Iterable[AuditEntry]) -> Iterable[AuditEntry]:
    return entries.iterator(chunk_size=CHUNK) if isinstance(entries, QuerySet) else entries


def _some_at_a_time(entries: Iterable[AuditEntry]) -> Iterator[list[AuditEntry]]:
    rest = iter(entries)
    while some := list(islice(rest, CHUNK)):
        yield some


def _cell(entry: AuditEntry, column: str) -> str | int:
    if column == "at":
        return times.iso_utc(entry.at_ms)
    value = sentence(entry) if column == "sentence" else getattr(entry, column)
    if value is None:
        return ""
    if isinstance(value, int):
        return value
    return defused(str(value))
