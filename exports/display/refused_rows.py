"""Rows that an export refused, with their reasons, wherever its check values carry any."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

KEY = "rows_refused"
SHOWN = 20
# the first of these that an entry has names its row
NAMES = ("global_key", "row_id", "data_row_id", "row", "position", "id")


@dataclass(frozen=True, slots=True)
class Refused:
    """``reasons`` with how many rows each, ``rows`` as (name, reason), ``more`` rows that are not shown."""

    count: int
    reasons: tuple[tuple[str, int], ...] = ()
    rows: tuple[tuple[str, str], ...] = ()

    @property
    def more(self) -> int:
        """How many rows are not listed, where any are."""
        return self.count - len(self.rows) if self.rows else 0


def refused_of(check_values: object) -> Refused | None:
    """From a number, from ``{reason: rows}`` or from a list of rows; ``None`` when there is nothing to show."""
    kept: Any = check_values.get(KEY) if isinstance(check_values, Mapping) else None
    if isinstance(kept, bool) or not kept:
        return None
    if isinstance(kept, int):
        return Refused(kept)
    if isinstance(kept, Mapping):
        reasons = tuple((str(reason), n) for reason, n in kept.items() if isinstance(n, int))
        return Refused(sum(n for _, n in reasons), reasons) if reasons else None
    if isinstance(kept, list):
        return Refused(len(kept), rows=tuple(_row(entry) for entry in kept[:SHOWN]))
    return None


def _row(entry: object) -> tuple[str, str]:
    if not isinstance(entry, Mapping):
        return "", str(entry)
    name = next((str(entry[key]) for key in NAMES if entry.get(key) not in (None, "")), "")
    return name, str(entry.get("reason") or entry.get("error") or "no reason was kept")
