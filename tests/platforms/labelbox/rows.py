"""Rows of an installation that Labelbox's SDK is pointed at: two projects that share data rows, a dataset, two batches,
a model run; every row labelled, none of them random."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

ROWS: Final = 24
MODEL, RUN = "model-1", "run-1"
DATASET: Final = "dataset-1"
_STATUSES: Final = ("IN_REVIEW", "DONE", "TO_LABEL", "IN_REWORK")


def row_id(number: int) -> str:
    return f"row-{number:03}"


def _label(identity: str, left: float) -> dict[str, Any]:
    mark = {
        "feature_id": f"{identity}-1",
        "name": "car",
        "value": "car",
        "annotation_kind": "ImageBoundingBox",
        "classifications": [],
        "bounding_box": {"top": 1.0, "left": left, "height": 10.0, "width": 12.0},
    }
    return {
        "label_kind": "Default",
        "version": "1.0.0",
        "id": identity,
        "label_details": {"created_at": "2024-04-08T16:21:26.000+00:00", "created_by": "labeler@example.test"},
        "performance_details": {"seconds_to_create": 9, "seconds_to_review": 1, "skipped": False},
        "annotations": {"objects": [mark], "classifications": [], "relationships": []},
    }


def _row(number: int, project: str, *, has_run: bool) -> dict[str, Any]:
    data_row = {
        "id": row_id(number),
        "external_id": f"{number}.jpg",
        "global_key": f"key-{number:03}",
        "row_data": f"https://img.example.test/{number}.jpg",
        "details": {
            "dataset_id": DATASET,
            "dataset_name": "Street",
            "created_at": "2023-03-15T14:46:58.000+00:00",
            "updated_at": "2023-03-15T14:46:58.000+00:00",
            "last_activity_at": "2024-04-08T16:34:01.000+00:00",
            "created_by": "uploader@example.test",
        },
    }
    details: dict[str, Any] = {
        "batch_id": f"batch-{number % 2}",
        "batch_name": f"Batch {number % 2}",
        "workflow_status": _STATUSES[number % 4],
        "priority": 5,
        "consensus_expected_label_count": 1,
        "workflow_history": [],
    }
    labels = [_label(f"{project}-label-{number:03}", float(number))]
    made: dict[str, Any] = {
        "data_row": data_row,
        "media_attributes": {"height": 100, "width": 200, "asset_type": "image", "mime_type": "image/jpeg"},
        "attachments": [{"type": "RAW_TEXT", "value": "note"}],
        "metadata_fields": [],
        "embeddings": [
            {"id": "e-1", "name": "Own", "dimensions": 2, "is_custom": True, "values": [{"value": [0.25, number]}]}
        ],
        "projects": {project: {"name": project, "labels": labels, "project_tags": [], "project_details": details}},
    }
    if has_run:
        run = {
            "name": "v1",
            "run_data_row_id": f"rdr-{number}",
            "annotation_group_id": f"ag-{number}",
            "labels": labels,
            "predictions": [_label(f"prediction-{number:03}", float(number) + 1)],
            "split": "Training",
        }
        made["experiments"] = {MODEL: {"name": "My model", "runs": {RUN: run}}}
    return made


def write(folder: Path) -> dict[str, Path]:
    """Project → its file; the second one has a third of the rows."""
    found: dict[str, Path] = {}
    for project, numbers in (("Image Annotation Demo", range(ROWS)), ("Second look", range(0, ROWS, 3))):
        found[project] = folder / f"{len(found)}.ndjson"
        lines = [json.dumps(_row(one, f"p{len(found)}", has_run=len(found) == 1)) for one in numbers]
        found[project].write_text("\n".join(lines) + "\n")
    return found
