"""Pieces of COCO files for tests."""

from __future__ import annotations

from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

PIXELS = np.zeros((4, 5), dtype=np.uint8)
PIXELS[1:3, 1:4] = 1
COMPRESSED = coco_mask.encode(np.asfortranarray(PIXELS))["counts"].decode()
COUNTS = [5, 2, 2, 2, 2, 2, 5]


def image(identity: Any = 1, name: Any = "a.jpg", **more: Any) -> dict[str, Any]:
    return {"id": identity, "file_name": name, "width": 5, "height": 4, **more}


def mark(image_id: Any = 1, category: Any = 0, **more: Any) -> dict[str, Any]:
    box = {"id": 10, "bbox": [1, 1, 2.5, 3], "area": 7.5, "iscrowd": 0}
    return {**box, "image_id": image_id, "category_id": category, **more}


def polygon(*rings: Any, **more: Any) -> dict[str, Any]:
    return mark(segmentation=list(rings), **more)


def rle(counts: Any = COMPRESSED, size: Any = (4, 5), **more: Any) -> dict[str, Any]:
    return mark(segmentation={"size": list(size), "counts": counts}, **more)


def coco(images: Any, annotations: Any = (), **more: Any) -> dict[str, Any]:
    categories = [{"id": 0, "name": "cup", "supercategory": "thing"}, {"id": 7, "name": "tin"}]
    return {"images": list(images), "annotations": list(annotations), "categories": categories, **more}
