"""Are the pixels of a png export those of pycocotools? ``python -m bench.check_masks NDJSON ZIP``; not measured.

Every box, polygon and mask of a row is turned into pixels by pycocotools alone and painted in order; the result is
compared with the row's picture, read by Pillow. Prints how many pictures are equal, and how many differ.
"""

from __future__ import annotations

import csv
import io
import json
import sys
import zipfile
from pathlib import Path
from typing import Any

from bench.child import say
from bench.peers.pillow_masks import marks_of


def pixels_of(mark: dict[str, Any], height: int, width: int) -> Any:
    """0 and 1, height x width, as pycocotools has it."""
    import numpy as np
    from pycocotools import mask as coco_mask

    if "mask" in mark:
        return coco_mask.decode(mark["mask"])
    if "bounding_box" in mark:
        box = mark["bounding_box"]
        sides = np.array([[box["left"], box["top"], box["width"], box["height"]]], np.float64)
        return coco_mask.decode(coco_mask.frPyObjects(sides, height, width))[:, :, 0]
    rings = mark.get("polygons") or [mark["polygon"]]
    flat = [[number for point in ring for number in (point["x"], point["y"])] for ring in rings]
    return coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects(flat, height, width)))


def main(source: str, target: str) -> None:
    import numpy as np
    from PIL import Image

    equal = different = 0
    with zipfile.ZipFile(target) as archive, Path(source).open(encoding="utf-8") as lines:
        values = {one["name"]: one["value"] for one in json.loads(archive.read("classes.json"))["classes"]}
        index = csv.DictReader(io.StringIO(archive.read("index.csv").decode("utf-8")))
        files = {entry["data_row_id"]: entry["file"] for entry in index}
        for line in lines:
            document = json.loads(line)
            media = document["media_attributes"]
            height, width = media["height"], media["width"]
            wanted = np.zeros((height, width), np.uint8)
            for mark in marks_of(document):
                wanted[pixels_of(mark, height, width) == 1] = values[mark["name"]]
            picture = Image.open(io.BytesIO(archive.read(files[document["data_row"]["id"]])))
            if np.array_equal(np.asarray(picture), wanted):
                equal += 1
            else:
                different += 1
    say({"equal": equal, "different": different})


if __name__ == "__main__":
    main(*sys.argv[1:3])
