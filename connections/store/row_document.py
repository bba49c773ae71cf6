"""From what an importer gives to the complete row document (the Labelbox export row, every part on)."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from connections.rows.frames import answers_of, objects_of
from connections.store.import_row import IncomingRow
from connections.store.ontology import OntologyBook
from exportadmin.lib.errors import UserError
from exportadmin.lib.ids import derived_id
from exportadmin.lib.times import iso_utc

LABEL_VERSION = "1.0.0"
# ids that thousands of rows share
_shared_id = lru_cache(maxsize=1024)(derived_id)


def complete_document(
    row: IncomingRow,
    row_id: str,
    project_id: str,
    book: OntologyBook,
    *,
    created_ms: int,
    updated_ms: int,
    activity_ms: int,
    now_ms: int,
    old_label_times: list[int],
) -> tuple[dict[str, Any], list[int]]:
    """``(document, creation times of its labels)``. New classes are entered into ``book``.

    A label's creation time is the source's, else the one from the last writing, else now.
    """
    now = iso_utc(now_ms)
    class_numbers, schema_ids = book.class_numbers, book.schema_ids
    labels: list[dict[str, Any]] = []
    label_times: list[int] = []
    for index, label in enumerate(row.labels):
        label_id = label.label_id or f"{row_id}-{index + 1}"
        label_ms = label.created_ms
        if label_ms is None:
            label_ms = old_label_times[index] if index < len(old_label_times) else now_ms
        label_times.append(label_ms)
        objects: list[dict[str, Any]] = []
        further: list[str] = []
        for number, mark in enumerate(label.objects, start=1):
            name = mark.get("name")
            if not isinstance(name, str):
                raise UserError(f"an annotation has no class name but {name!r}")
            if name and name not in class_numbers:
                if "is_further_label" in mark:  # it stands before its shape, and is numbered behind the first label
                    further.append(name)
                else:
                    book.class_number(name)
            objects.append(
                {
                    "feature_id": None if "feature_id" in mark else f"{label_id}-{number}",
                    "feature_schema_id": (schema_ids.get((False, name)) or book.schema_id(name, is_question=False))
                    if name
                    else None,
                    "name": name,
                    "value": name,
                    "annotation_kind": "",
                    "classifications": [],
                    **mark,
                }
            )
        for name in further:
            book.class_number(name)
        classifications: list[dict[str, Any]] = []
        for number, answer in enumerate(label.classifications, start=1):
            name = answer.get("name")
            if not isinstance(name, str):
                raise UserError(f"a classification has no question name but {name!r}")
            book.question_number(name)
            classifications.append(
                {
                    "feature_id": f"{label_id}-q{number}",
                    "feature_schema_id": book.schema_id(name, is_question=True),
                    "name": name,
                    "value": name,
                    **answer,
                }
            )
        if label.more_annotations:
            for each in objects_of(label.more_annotations):
                if each["name"]:
                    book.class_number(each["name"])
            for each in answers_of(label.more_annotations):
                book.question_number(each["name"])
        changed_ms = label.created_ms if label.updated_ms is None else label.updated_ms
        updated = now if changed_ms is None else iso_utc(changed_ms)
        content_ms = label.content_updated_ms
        labels.append(
            {
                "label_kind": "Default",
                "version": LABEL_VERSION,
                "id": label_id,
                **label.extra,
                "label_details": {
                    "created_at": iso_utc(label_ms),
                    "updated_at": updated,
                    "created_by": label.created_by,
                    "content_last_updated_at": updated if content_ms is None else iso_utc(content_ms),
                    "reviews": label.reviews,
                    **label.more_details,
                },
                "performance_details": label.performance or {"skipped": False},
                "annotations": {
                    "objects": objects,
                    "classifications": classifications,
                    "relationships": label.relationships,
                    **label.more_annotations,
                },
            }
        )
    data_row: dict[str, Any] = {"id": row_id}
    if row.external_id:
        data_row["external_id"] = row.external_id
    data_row["global_key"] = row.key
    data_row["row_data"] = row.row_data
    data_row["details"] = {
        "dataset_id": row.dataset_id or _shared_id(project_id, "dataset", row.dataset),
        "dataset_name": row.dataset,
        "created_at": iso_utc(created_ms),
        "updated_at": iso_utc(updated_ms),
        "last_activity_at": iso_utc(activity_ms),
        "created_by": row.created_by,
        **row.more_details,
    }
    details: dict[str, Any] = {"ontology_id": _shared_id(project_id, "ontology")}
    if row.batch_id:
        details["batch_id"] = row.batch_id
        details["batch_name"] = row.batch_name
    details["workflow_status"] = row.status
    if row.priority is not None:
        details["priority"] = row.priority
    details.update(row.project_details)
    details.setdefault("workflow_history", [])
    document: dict[str, Any] = {
        "data_row": data_row,
        "media_attributes": row.media_attributes,
        "attachments": row.attachments,
        "metadata_fields": row.metadata_fields,
        "embeddings": row.embeddings,
        "projects": {
            project_id: {"name": "", "labels": labels, "project_tags": row.project_tags, "project_details": details}
        },
    }
    if row.source_extra:
        document["source_extra"] = row.source_extra
    return document, label_times
