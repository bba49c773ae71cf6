"""The parts of a row that an export may leave out, as pages name them."""

from __future__ import annotations

from typing import Final

# part → label, what is in it; the order is that of :data:`connections.rows.batch.ALL_PARTS`
PART_LABELS: Final[dict[str, tuple[str, str]]] = {
    "data_row_details": ("Data row details", "Dataset, when the row came and changed, and by whom."),
    "attachments": ("Attachments", "Files and texts attached to the row."),
    "metadata_fields": ("Metadata fields", "The row's own metadata, such as tags and split."),
    "embeddings": ("Embeddings", "Vectors of numbers; often most of the file."),
    "label_details": ("Label details", "When and by whom each label was made and changed, and its reviews."),
    "performance_details": ("Performance details", "Seconds spent on each label, and its scores."),
    "project_details": ("Project details", "Review status, batch, priority and workflow history."),
    "backup": (
        "Backup",
        "The row's own COCO ids, and in the first row all classes: an import of the file gives back the same project.",
    ),
    "predictions": ("Predictions", "Of a model run: what the model found, with its confidences."),
    "model_run_details": ("Model run details", "Of a model run: the row's split and annotation group."),
}
