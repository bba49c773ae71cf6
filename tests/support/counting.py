"""Readers of delivered files that know the formats and nothing of this program: they count rows and classes."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections import Counter
from pathlib import Path

Counted = tuple[set[str], Counter[str]]

DRAWN = {"ImageBoundingBox", "ImagePolygon", "ImageSegmentationMask"}


def _of_row(row: dict, classes: Counter[str], drawn_only: bool) -> None:
    (project,) = row["projects"].values()
    for label in project["labels"]:
        for mark in label["annotations"]["objects"]:
            if not drawn_only or mark["annotation_kind"] in DRAWN:
                classes[mark["name"]] += 1
        if not drawn_only:
            for answer in label["annotations"]["classifications"]:
                classes[answer["name"]] += 1


def of_json(path: Path, *, drawn_only: bool = False) -> Counted:
    classes: Counter[str] = Counter()
    rows = json.loads(path.read_text("utf-8"))
    for row in rows:
        _of_row(row, classes, drawn_only)
    return {row["data_row"]["global_key"] for row in rows}, classes


def of_ndjson(path: Path, *, drawn_only: bool = False) -> Counted:
    classes: Counter[str] = Counter()
    keys = set()
    with path.open(encoding="utf-8", newline="\n") as lines:
        for line in lines:
            row = json.loads(line)
            keys.add(row["data_row"]["global_key"])
            _of_row(row, classes, drawn_only)
    return keys, classes


def of_csv(path: Path, *, drawn_only: bool = False) -> Counted:
    classes: Counter[str] = Counter()
    keys = set()
    with path.open(encoding="utf-8", newline="") as stream:
        for line in csv.DictReader(stream):
            keys.add(line["global_key"])
            if line["kind"] and (not drawn_only or line["kind"] in ("box", "polygon", "mask")):
                classes[line["class"]] += 1
    return keys, classes


def of_coco(path: Path) -> tuple[int, Counter[str]]:
    """How many images, and the annotations by category name."""
    document = json.loads(path.read_text("utf-8"))
    names = {category["id"]: category["name"] for category in document["categories"]}
    images = {image["id"] for image in document["images"]}
    assert len(images) == len(document["images"])
    assert all(annotation["image_id"] in images for annotation in document["annotations"])
    return len(images), Counter(names[annotation["category_id"]] for annotation in document["annotations"])


def of_png(path: Path) -> tuple[set[str], dict[str, set[int]], dict[str, int]]:
    """Row keys, the pixel values that occur in each row's mask, and class name → pixel value."""
    import numpy as np
    from PIL import Image

    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        values: dict[str, set[int]] = {}
        index = list(csv.DictReader(io.StringIO(archive.read("index.csv").decode("utf-8"), newline="")))
        for line in index:
            if not line["file"]:  # unknown size, nothing painted
                values[line["global_key"]] = set()
                continue
            with Image.open(io.BytesIO(archive.read(line["file"]))) as image:
                values[line["global_key"]] = {int(value) for value in np.unique(np.asarray(image))}
        legend = json.loads(archive.read("classes.json"))
    return (
        set(values),
        values,
        {entry["name"]: entry["value"] for entry in legend["classes"] if entry["number"] is not None},
    )
