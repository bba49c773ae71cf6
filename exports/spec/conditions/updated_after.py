"""Rows that changed after a moment."""

from __future__ import annotations

from connections.rows.batch import RowBatch
from exports.spec.conditions.base import Flag
from exports.spec.conditions.kinds import Moment


class UpdatedAfter(Moment):
    """Exclusive: a row that changed exactly then was in the export before."""

    key = "updated_after"
    label = "Updated after"
    sentence = "rows changed after this moment, itself not included"
    example = "2026-01-01 09:30:00"
    dropped_label = "not updated since"
    flag = Flag("--updated-after", "T", "only rows changed after this time")

    def failing(self, value: int, batch: RowBatch) -> list[int]:
        if min(batch.updated_ms) > value:
            return []
        return [place for place, ms in enumerate(batch.updated_ms) if ms <= value]
