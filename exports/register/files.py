"""The register as CSV and as JSON: times UTC, numbers as they are."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

from django.db.models import QuerySet

from exportadmin.audit.models import AuditEntry
from exportadmin.audit.scope import Scope
from exportadmin.lib.csv_cells import BYTE_ORDER_MARK, safe_cell
from exportadmin.lib.times import iso_utc
from exports.register.lines import ALL_OF_IT, Line, lines

AT_ONCE: Final = 500
COLUMNS: Final = (
    "at", "ended_at", "who", "kind", "export", "report_id", "project", "project_id", "file", "rows", "bytes", "channel",
    "address", "for_whom", "filter", "complete", "is_whole", "entry",
)  # fmt: skip


def as_json(line: Line) -> dict[str, Any]:
    """One line as REST prints it."""
    values = dataclasses.asdict(line)
    ended = values.pop("ended_ms")
    values |= {
        "at": iso_utc(values.pop("at_ms")),
        "ended_at": None if ended is None else iso_utc(ended),
        "entry": values.pop("sequence"),
    }
    return {name: values[name] for name in COLUMNS}


def as_csv(entries: QuerySet[AuditEntry], scope: Scope = ALL_OF_IT) -> Iterator[str]:
    """A header, then all of them; spreadsheet-safe."""
    yield BYTE_ORDER_MARK + ",".join(COLUMNS) + "\r\n"
    rest = entries.iterator(chunk_size=AT_ONCE)
    while some := list(islice(rest, AT_ONCE)):
        yield "".join(",".join(map(_cell, as_json(line).values())) + "\r\n" for line in lines(some, scope))


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return ""
    return str(value) if isinstance(value, int) else safe_cell(str(value))
