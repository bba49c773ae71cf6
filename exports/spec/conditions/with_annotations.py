"""Rows with annotations, or rows without."""

from __future__ import annotations

from typing import Any

from connections.rows.batch import RowBatch
from exports.spec.conditions.kinds import YesNo


class WithAnnotations(YesNo):
    """A row with nothing but an answer to a question has an annotation, too."""

    key = "with_annotations"
    label = "Annotations"
    sentence = "true: rows with annotations; false: rows without"
    example = True
    dropped_label = "with or without annotations"
    reads_labels = True
    form_order = 20
    input_name = "annotations"
    choices = ("With and without", "Only rows with", "Only rows without")
    yes, no = "with", "without"

    def failing(self, value: bool, batch: RowBatch) -> list[int]:
        return [place for place, count in enumerate(batch.annotation_counts) if (count > 0) is not value]

    def short(self, raw: Any, resolved: Any) -> str:
        return "with annotations" if raw else "without annotations"
