"""Entries as ndjson or CSV, a line at a time."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Any

from django.db.models import QuerySet

from exportadmin.audit import chain
from exportadmin.audit.canonical import canonical
from exportadmin.audit.models import AuditEntry
from exportadmin.audit.sentences import sentence
from exportadmin.lib import times

# what a spreadsheet takes for a formula, or skips before looking for one
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
COLUMNS: tuple[str, ...] = ("sequence", "at", "sentence", *chain.HASHED[2:], "hash")


def as_document(entry: AuditEntry) -> dict[str, Any]:
    """What was hashed, and the hash: an outsider takes ``hash`` out and hashes the rest's canonical JSON again."""
    return {**chain.document({name: getattr(entry, name) for name in chain.HASHED}), "hash": entry.hash}


def ndjson(entries: Iterable[AuditEntry]) -> Iterator[bytes]:
    """One :func:`as_document` a line, in canonical JSON."""
    for entry in _streamed(entries):
        yield canonical(as_document(entry)) + b"\n"


def csv_lines(entries: Iterable[AuditEntry]) -> Iterator[bytes]:
    """A header and one line an entry, UTF-8, spreadsheet-safe: what would be a formula gets a ``'`` in front."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")

    def taken() -> bytes:
        line = buffer.getvalue().encode("utf-8")
        buffer.seek(0)
        buffer.truncate()
        return line

    writer.writerow([chain.JSON_FIELDS.get(name, name) for name in COLUMNS])
    yield taken()
    for entry in _streamed(entries):
        writer.writerow([_cell(entry, name) for name in COLUMNS])
        yield taken()


def _streamed(entries: Iterable[AuditEntry]) -> Iterable[AuditEntry]:
    return entries.iterator(chunk_size=500) if isinstance(entries, QuerySet) else entries


def _cell(entry: AuditEntry, column: str) -> str | int:
    if column == "at":
        return times.iso_utc(entry.at_ms)
    value = sentence(entry) if column == "sentence" else getattr(entry, column)
    if value is None:
        return ""
    if isinstance(value, int):
        return value
    text = str(value)
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text
