"""The usual way to class masks: pycocotools decodes, Pillow draws and encodes.

``python -m bench.peers.pillow_masks NDJSON ZIP`` reads our own ndjson export (parsed with orjson, as our writer does)
and writes one grey picture a row into a zip: classes and order of painting as ours, Pillow's own idea of a polygon's
and a box's edge.
"""

from __future__ import annotations

import io
import sys
import zipfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench.child import measured, say

SHAPES = {"ImageBoundingBox", "ImagePolygon", "ImageSegmentationMask"}


def marks_of(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The paintable annotations of a row, in order."""
    (project,) = document["projects"].values()
    return [
        mark
        for label in project["labels"]
        for mark in label["annotations"]["objects"]
        if mark["annotation_kind"] in SHAPES
    ]


def main(source: str, target: str) -> None:
    import numpy as np
    import orjson
    from PIL import Image, ImageDraw
    from pycocotools import mask as coco_mask

    values: dict[str, int] = {}
    rows = 0
    with measured() as found, Path(source).open("rb") as lines, zipfile.ZipFile(target, "w") as archive:
        for rows, line in enumerate(lines, start=1):
            document = orjson.loads(line)
            media = document["media_attributes"]
            picture = Image.new("L", (media["width"], media["height"]))
            draw = ImageDraw.Draw(picture)
            for mark in marks_of(document):
                value = values.setdefault(mark["name"], len(values) + 1)
                if "mask" in mark:
                    pixels = coco_mask.decode(mark["mask"])
                    picture.paste(value, mask=Image.fromarray(np.ascontiguousarray(pixels) * np.uint8(255)))
                elif "bounding_box" in mark:
                    box = mark["bounding_box"]
                    right, bottom = box["left"] + box["width"], box["top"] + box["height"]
                    draw.rectangle((box["left"], box["top"], right, bottom), fill=value)
                else:
                    draw.polygon([(point["x"], point["y"]) for point in mark["polygon"]], fill=value)
            encoded = io.BytesIO()
            picture.save(encoded, "PNG")
            archive.writestr(f"masks/{rows:012d}.png", encoded.getvalue())
    peer = f"pycocotools {version('pycocotools')} + Pillow {version('pillow')}"
    say(found | {"peer": peer, "rows": rows, "result": target})


if __name__ == "__main__":
    main(*sys.argv[1:3])
