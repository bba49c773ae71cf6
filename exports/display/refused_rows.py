"""The rows that an export refused: how many for which reason, and the first of them by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import orjson

from exportadmin.lib.errors import ExportAdminError
from exports.formats import FORMATS
from exports.models import Artifact, ExportReport
from exports.results import reader
from exports.results.preview import errors_artifact

SHOWN = 20


@dataclass(frozen=True, slots=True)
class Refused:
    """``reasons`` with how many rows each, ``rows`` as (name, reason), ``file`` is the artifact that lists all rows."""

    count: int
    reasons: tuple[tuple[str, int], ...]
    rows: tuple[tuple[str, str], ...] = ()
    file: Artifact | None = None

    @property
    def more(self) -> int:
        """How many rows are not shown, where any are."""
        return self.count - len(self.rows) if self.rows else 0


def refused_of(report: ExportReport, artifacts: Iterable[Artifact], *, by_name: bool = True) -> Refused | None:
    """``None`` where no row was refused. ``artifacts`` are the report's; the beginning of one of them is read, unless
    whoever looks may not know of all rows (``by_name``)."""
    values: Any = report.check_values
    counts = values.get("rows_refused") if isinstance(values, Mapping) else None
    if not counts or not isinstance(counts, Mapping):
        return None
    described = FORMATS[report.format].refusals if report.format in FORMATS else {}
    file = errors_artifact(report, artifacts)
    return Refused(
        count=sum(counts.values()),
        reasons=tuple((described.get(code, code), count) for code, count in counts.items()),
        rows=_first_rows(file) if file and by_name else (),
        file=file,
    )


def _first_rows(file: Artifact) -> tuple[tuple[str, str], ...]:
    """None where the file cannot be read: what is wrong with it, its download says."""
    try:
        with closing(reader.read_rows(file, limit=SHOWN)) as stream:
            rows = [orjson.loads(line) for line in b"".join(stream).splitlines()]
        return tuple((row["global_key"] or row["data_row_id"], row["reason"]) for row in rows)
    except (ExportAdminError, OSError, ValueError, LookupError, TypeError):
        return ()
