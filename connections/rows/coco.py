"""A row as COCO: its image object and its annotation objects (https://cocodataset.org/#format-data).

Rules where COCO leaves a choice:

* Ids are ours: an image's is the row's number, an annotation's is handed out with the row. Ids of a source are not
  printed, because real files hold the same id twice (TACO does) and COCO readers index by id.
* ``bbox``, ``area``, ``iscrowd`` and further keys are printed as the source had them, when it was COCO. Otherwise the
  area is what the kind says it is, ``bbox`` goes around all corners or pixels, ``iscrowd`` is 0.
* ``file_name`` is as :mod:`connections.rows.file_names` says. Where we made the name, the picture's address stands
  beside it: as ``coco_url`` when it is a web address, else as ``source``.
* A picture of unknown size has no ``width`` and ``height``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from connections.rows.counts import labels_of
from connections.rows.file_names import file_name_of
from connections.rows.frames import objects_of
from connections.rows.kinds.base import Outline
from connections.rows.media import is_address
from connections.rows.outlines import outlines

# between the annotation objects of a row; every object then stands in a line of its own
SEPARATOR = b",\n"
SEPARATOR_TEXT = SEPARATOR.decode("ascii")

_dumps = orjson.dumps
_OUR_IMAGE_KEYS = frozenset({"id", "width", "height", "file_name"})
_OUR_KEYS = frozenset({"id", "image_id", "category_id", "segmentation", "area", "bbox", "iscrowd"})
_NOTHING: dict[str, Any] = {}


def _image(document: Mapping[str, Any], number: int) -> bytes:
    media = document["media_attributes"]
    extra = document.get("source_extra") or _NOTHING
    source = extra.get("coco") or _NOTHING
    image: dict[str, Any] = {"id": number}
    for key in ("width", "height"):
        if media.get(key) is not None:
            image[key] = media[key]
    image["file_name"], is_ours = file_name_of(document, number)
    address = document["data_row"]["row_data"]
    if not source.get("file_name") and address.startswith(("https://", "http://")):
        image["coco_url"] = address
    elif is_ours and is_address(address) and not address.startswith("data:"):
        image["source"] = address
    for key, value in source.items():
        if key not in _OUR_IMAGE_KEYS:
            image[key] = value
    return _dumps(image)


def render_coco(
    document: Mapping[str, Any],
    *,
    number: int,
    annotation_start: int,
    class_numbers: Mapping[str, int],
    drawn: Sequence[Outline] | None = None,
) -> tuple[bytes, bytes]:
    """``(image object, annotation objects)`` of a row; the latter joined by :data:`SEPARATOR`.

    The k-th object of the row (from 0, over all labels) has the id ``annotation_start + k``. Objects that COCO cannot
    hold (lines, points, other kinds, objects without a class) keep their place in that count, but are not printed.
    ``drawn`` are the row's :func:`outlines`, if they are at hand. Raises ``KeyError`` when a class has no number.
    """
    lines: list[str] = []
    identity = annotation_start - 1
    rest = iter(outlines(document) if drawn is None else drawn)
    for label in labels_of(document):
        for mark, (kind, box, geometry, shape) in zip(objects_of(label["annotations"]), rest, strict=False):
            identity += 1
            if not (kind.in_coco and mark["name"]):  # COCO has no annotation without a category
                continue
            extra = mark.get("source_extra")
            source = (extra.get("coco") or _NOTHING) if extra else _NOTHING
            area = source.get("area")
            area = _dumps(area if area is not None else kind.area(shape)).decode()
            place = f"[{box}]"
            crowd, more = "0", "}"
            if source:
                if source.get("bbox") is not None:
                    place = _dumps(source["bbox"]).decode()
                crowd = _dumps(source.get("iscrowd", 0)).decode()
                others = {key: value for key, value in source.items() if key not in _OUR_KEYS}
                if others:
                    more = "," + _dumps(others)[1:].decode()
            lines.append(
                f'{{"id":{identity},"image_id":{number},"category_id":{class_numbers[mark["name"]]},'
                f'"segmentation":{kind.segmentation(mark, geometry)},'
                f'"area":{area},"bbox":{place},"iscrowd":{crowd}{more}'
            )
    return _image(document, number), SEPARATOR_TEXT.join(lines).encode()
