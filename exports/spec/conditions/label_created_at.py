"""Rows with a label that was created in a window."""

from __future__ import annotations

from connections.rows.batch import RowBatch
from exports.spec.conditions.kinds import TimeWindow, Window


class LabelCreatedAt(TimeWindow):
    """One label in the window is enough."""

    key = "label_created_at"
    label = "Label created"
    sentence = "rows with a label created in [start, end], either may be null"
    example = (1767258000000, None)
    is_of_data_row = is_in_catalog = True
    dropped_label = "no label created in the window"
    reads_labels = True

    def failing(self, value: Window, batch: RowBatch) -> list[int]:
        return [
            place
            for place, moments in enumerate(batch.label_times)
            if not any(value.holds(int(ms)) for ms in moments.split())
        ]
