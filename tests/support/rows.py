"""Rows for tests, built by hand: every kind of annotation, no importer between."""

from __future__ import annotations

from typing import Any

from connections.store.import_row import IncomingLabel, IncomingRow


def box(name: str = "car", left: float = 10.0, top: float = 20.0, width: float = 30.0, height: float = 40.0) -> dict:
    return {
        "name": name,
        "annotation_kind": "ImageBoundingBox",
        "bounding_box": {"top": top, "left": left, "height": height, "width": width},
    }


def polygon(name: str = "road", *points: tuple[float, float]) -> dict:
    ring = points or ((0.0, 0.0), (50.0, 0.0), (50.0, 60.0), (0.0, 60.0))
    return {"name": name, "annotation_kind": "ImagePolygon", "polygon": [{"x": x, "y": y} for x, y in ring]}


def point(name: str = "nose") -> dict:
    return {"name": name, "annotation_kind": "ImagePoint", "point": {"x": 3.0, "y": 4.0}}


def mask(name: str = "sky", height: int = 120, width: int = 160) -> dict:
    import numpy as np
    from pycocotools import mask as coco_mask

    pixels = np.zeros((height, width), dtype=np.uint8, order="F")
    pixels[10:40, 20:90] = 1
    rle = coco_mask.encode(pixels)
    return {
        "name": name,
        "annotation_kind": "ImageSegmentationMask",
        "mask": {"size": [height, width], "counts": rle["counts"].decode()},
    }


def answer(question: str = "quality", value: str = "good") -> dict:
    return {"name": question, "radio_answer": {"name": value, "value": value, "classifications": []}}


def row(key: str = "row-1", *objects: dict, status: str = "review", **more: Any) -> IncomingRow:
    """A picture of 160 x 120 with one label that holds ``objects`` (no label without any)."""
    answers = [mark for mark in objects if "annotation_kind" not in mark]
    marks = [mark for mark in objects if "annotation_kind" in mark]
    created_ms = more.pop("label_created_ms", None)
    more.setdefault(
        "labels",
        [IncomingLabel(objects=marks, classifications=answers, created_by="ann@example.test", created_ms=created_ms)]
        if objects
        else [],
    )
    return IncomingRow(
        position=more.pop("position", f"row {key}"),
        key=key,
        row_data=f"https://img.example.test/{key}.png",
        status=status,
        media_attributes={"height": 120, "width": 160, "asset_type": "image", "mime_type": "image/png"},
        dataset=more.pop("dataset", "demo"),
        **more,
    )


def mixed(count: int, **more: Any) -> list[IncomingRow]:
    """``count`` rows that cycle through statuses, classes and kinds; every fifth has no annotation."""
    statuses = ["review", "accepted", "rejected", "client_review"]
    rows = []
    for index in range(count):
        marks: list[dict] = []
        if index % 5:
            marks = [box(("car", "person", "dog")[index % 3], left=float(index % 50))]
            if index % 2:
                marks.append(polygon())
            if index % 7 == 0:
                marks.append(mask())
            if index % 3 == 0:
                marks += [answer(), point()]
        rows.append(row(f"row-{index:05d}", *marks, status=statuses[index % 4], **more))
    return rows
