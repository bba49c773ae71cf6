"""Row documents built by hand: the complete export row, every part on, one project."""

from __future__ import annotations

from typing import Any


def _object(name: str, kind: str, feature_id: str, geometry: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "feature_id": feature_id,
        "feature_schema_id": f"schema-{name}",
        "name": name,
        "value": name,
        "annotation_kind": kind,
        "classifications": more.pop("classifications", []),
        **geometry,
        **more,
    }


def box(name: str, left: float, top: float, width: float, height: float, *, id: str = "f1", **more: Any) -> Any:
    sides = {"top": top, "left": left, "height": height, "width": width}
    return _object(name, "ImageBoundingBox", id, {"bounding_box": sides}, **more)


def polygon(name: str, *rings: list[tuple[float, float]], id: str = "f2", **more: Any) -> Any:
    as_points = [[{"x": x, "y": y} for x, y in ring] for ring in rings]
    geometry: dict[str, Any] = {"polygon": as_points[0]}
    if len(rings) > 1:
        geometry["polygons"] = as_points
    return _object(name, "ImagePolygon", id, geometry, **more)


def mask(name: str, size: list[int], counts: str, *, id: str = "f3", **more: Any) -> Any:
    return _object(name, "ImageSegmentationMask", id, {"mask": {"size": size, "counts": counts}}, **more)


def line(name: str, *points: tuple[float, float], id: str = "f4", **more: Any) -> Any:
    return _object(name, "ImagePolyline", id, {"line": [{"x": x, "y": y} for x, y in points]}, **more)


def point(name: str, x: float, y: float, *, id: str = "f5", **more: Any) -> Any:
    return _object(name, "ImagePoint", id, {"point": {"x": x, "y": y}}, **more)


def radio(name: str, answer: str, *, id: str = "q1") -> Any:
    chosen = {"feature_id": f"{id}a", "feature_schema_id": "a", "name": answer, "value": answer, "classifications": []}
    return {"feature_id": id, "feature_schema_id": "s", "name": name, "value": name, "radio_answer": chosen}


def checklist(name: str, *answers: str, id: str = "q2") -> Any:
    chosen = [{"feature_id": f"{id}{k}", "name": answer, "value": answer} for k, answer in enumerate(answers)]
    return {"feature_id": id, "feature_schema_id": "s", "name": name, "value": name, "checklist_answers": chosen}


def text(name: str, content: str, *, id: str = "q3") -> Any:
    return {
        "feature_id": id,
        "feature_schema_id": "s",
        "name": name,
        "value": name,
        "text_answer": {"content": content},
    }


def label(
    *marks: dict[str, Any], id: str = "l1", skipped: bool = False, by: str = "ann@example.test"
) -> dict[str, Any]:
    return {
        "label_kind": "Default",
        "version": "1.0.0",
        "id": id,
        "label_details": {
            "created_at": "2024-04-08T16:21:26.000+00:00",
            "updated_at": "2024-04-08T16:21:26.000+00:00",
            "created_by": by,
            "content_last_updated_at": "2024-04-08T16:21:26.000+00:00",
            "reviews": [],
        },
        "performance_details": {"seconds_to_create": 3, "seconds_to_review": 0, "skipped": skipped},
        "annotations": {
            "objects": [mark for mark in marks if "annotation_kind" in mark],
            "classifications": [mark for mark in marks if "annotation_kind" not in mark],
            "relationships": [],
        },
    }


def document(
    *labels: dict[str, Any],
    row_id: str = "row1",
    global_key: str = "photo.jpg",
    external_id: str | None = None,
    row_data: str = "https://pictures.test/a/photo.jpg",
    size: tuple[int, int] | None = (20, 10),
    status: str = "accepted",
    batch_id: str = "batch1",
    coco: dict[str, Any] | None = None,
) -> dict[str, Any]:
    data_row: dict[str, Any] = {"id": row_id, "global_key": global_key}
    if external_id is not None:
        data_row["external_id"] = external_id
    data_row["row_data"] = row_data
    data_row["details"] = {"dataset_name": "set", "created_at": "2024-04-08T16:21:26.000+00:00"}
    media: dict[str, Any] = {"asset_type": "image", "mime_type": "image/jpeg"}
    if size:
        media = {"height": size[1], "width": size[0], **media}
    row: dict[str, Any] = {
        "data_row": data_row,
        "media_attributes": media,
        "attachments": [],
        "metadata_fields": [],
        "embeddings": [],
        "projects": {
            "project1": {
                "name": "Litter",
                "labels": list(labels),
                "project_tags": [],
                "project_details": {"batch_id": batch_id, "workflow_status": status},
            }
        },
    }
    if coco is not None:
        row["source_extra"] = {"coco": coco}
    return row
