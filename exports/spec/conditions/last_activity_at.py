"""Rows whose last activity lies in a window."""

from __future__ import annotations

from connections.rows.batch import RowBatch
from exports.spec.conditions.kinds import TimeWindow, Window


class LastActivityAt(TimeWindow):
    """Anything that happened to a row or its labels is activity."""

    key = "last_activity_at"
    label = "Last activity"
    sentence = "rows with their last activity in [start, end], either may be null"
    example = ("2026-01-01", "2026-01-31T23:59:59+01:00")
    is_of_data_row = is_in_catalog = True
    dropped_label = "last activity outside the window"

    def failing(self, value: Window, batch: RowBatch) -> list[int]:
        if value.holds(min(batch.activity_ms)) and value.holds(max(batch.activity_ms)):
            return []
        return [place for place, ms in enumerate(batch.activity_ms) if not value.holds(ms)]
