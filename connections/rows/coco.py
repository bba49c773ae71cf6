"""A row as COCO: its image object and its annotation objects (https://cocodataset.org/#format-data).

Rules where COCO leaves a choice:

* An image's id is the row's number, which is the source's id where it could be kept. An annotation's is the one that
  it states (:func:`stated_id`), else one that is handed out with the row. Real files hold the same id twice (TACO does)
  and COCO readers index by id: whoever writes rows sees to it that no two annotations of a project state the same.
  Where an id is not the source's, that one stands beside it as ``source_id``.
* ``bbox`` goes around all corners or pixels, the area is what the kind says it is. Figures of a COCO source are printed
  as it had them while they fit the geometry (:meth:`connections.rows.kinds.base.Kind.fits_box`, ``fits_area``): a
  geometry that was corrected since, or that they never fitted, has its own. Further keys are printed as the source had
  them; ``iscrowd`` is 0 where it says nothing.
* ``file_name`` is as :mod:`connections.rows.file_names` says. Where we made the name, the picture's address stands
  beside it: as ``coco_url`` when it is a web address, else as ``source``.
* A picture of unknown size has no ``width`` and ``height``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import orjson

from connections.rows.body import BACKUP
from connections.rows.checks import shown
from connections.rows.counts import labels_of
from connections.rows.file_names import FileName, file_name_of
from connections.rows.frames import objects_of
from connections.rows.kinds.base import Kind, Outline
from connections.rows.media import is_address
from connections.rows.outlines import outlines

# between the annotation objects of a row; every object then stands in a line of its own
SEPARATOR = b",\n"
SEPARATOR_TEXT = SEPARATOR.decode("ascii")

_dumps = orjson.dumps
_OUR_IMAGE_KEYS = frozenset({"id", "width", "height", "file_name"})
_MAX_ID = 2**63 - 1
_OUR_KEYS = frozenset({"id", "image_id", "category_id", "segmentation", "area", "bbox", "iscrowd"})
_NOTHING: dict[str, Any] = {}


def _image(document: Mapping[str, Any], number: int, name: FileName) -> bytes:
    media = document["media_attributes"]
    extra = document.get("source_extra") or _NOTHING
    source = extra.get("coco") or _NOTHING
    image: dict[str, Any] = {"id": number}
    for key in ("width", "height"):
        if media.get(key) is not None:
            image[key] = media[key]
    image["file_name"], is_ours = name
    address = document["data_row"]["row_data"]
    if not source.get("file_name") and address.startswith(("https://", "http://")):
        image["coco_url"] = address
    elif is_ours and is_address(address):
        image["source"] = address
    for key, value in source.items():
        if key not in _OUR_IMAGE_KEYS:
            image[key] = value
    if source.get("id") not in (None, number):
        image["source_id"] = source["id"]
    return _dumps(image)


def _figures(source: Mapping[str, Any], kind: Kind, place: str, shape: Any) -> tuple[str, float, str]:
    """``(bbox as JSON text, area, what is not printed)``: the source's where they fit the geometry, which lies at
    ``place``, else its own.

    A box that does not fit tells of another geometry, and the area beside it was that one's.
    """
    box, area = source.get("bbox"), source.get("area")
    around = box
    if box is not None:
        stated = _dumps(box).decode()
        if stated != place:
            around = orjson.loads(place)
            if not kind.fits_box(box, around):
                return place, kind.area(shape), f"bbox {shown(box)} is {place}"
            place = stated
    if area is None:
        return place, kind.area(shape), ""
    if kind.fits_area(area, shape, around or orjson.loads(place)):
        return place, area, ""
    computed = kind.area(shape)
    return place, computed, f"area {shown(area)} is {computed}"


def _crowd(stated: Any) -> str:
    """Raises ``ValueError`` for what is neither 0 nor 1: a reader takes it for one or the other, or breaks."""
    if stated is None:
        return "0"
    if type(stated) not in (bool, int, float) or stated not in (0, 1):
        raise ValueError(f"iscrowd is {stated!r}; expected 0 or 1")
    return "1" if stated else "0"


def stated_id(mark: Mapping[str, Any]) -> int | None:
    """The COCO id that an object states: the one that it was given in place of its source's, under
    ``source_extra.coco_id``, else the source's, ``source_extra.coco.id``, where that can be printed."""
    extra = mark.get("source_extra")
    if not extra:
        return None
    stated = extra.get("coco_id")
    if stated is None:
        stated = (extra.get("coco") or _NOTHING).get("id")
    return stated if type(stated) is int and 0 <= stated <= _MAX_ID else None


def may_state_ids(objects: Iterable[Mapping[str, Any]]) -> bool:
    """Is there any object that may state an id (:func:`stated_id`)? Only those that came from COCO may."""
    for mark in objects:
        extra = mark.get("source_extra")
        if extra and ("coco" in extra or "coco_id" in extra):
            return True
    return False


def annotation_ids(document: Mapping[str, Any], start: int) -> list[Sequence[int]]:
    """For each label of the row the COCO ids of its objects, in their order.

    An object has the id that the row's backup says (:mod:`connections.rows.backup`), else the one that it states, else
    ``start + k``, where it is the k-th of the row (from 0; those of frames count).
    """
    span = (document.get(BACKUP) or _NOTHING).get("annotation_range")
    following = span[0] if span else 0
    found: list[Sequence[int]] = []
    for label in labels_of(document):
        annotations = label["annotations"]
        objects = annotations.get("objects") or ()
        listed = (label.get(BACKUP) or _NOTHING).get("annotation_ids")
        if listed is not None:
            found.append(listed)
        elif span:
            found.append(range(following, following + len(objects)))
        else:
            stated = map(stated_id, objects)
            found.append([number if own is None else own for number, own in enumerate(stated, start)])
        following += len(objects)
        start += len(objects_of(annotations))
    return found


def render_coco(
    document: Mapping[str, Any],
    *,
    number: int,
    class_numbers: Mapping[str, int],
    annotation_start: int = 1,
    drawn: Sequence[Outline] | None = None,
    name: FileName | None = None,
    leaving: Collection[int] | None = None,
    ids: Sequence[Sequence[int]] | None = None,
    misfits: list[str] | None = None,
) -> tuple[bytes, bytes]:
    """``(image object, annotation objects)`` of a row; the latter joined by :data:`SEPARATOR`.

    Ids are those of :func:`annotation_ids`. Objects that COCO cannot hold (lines, points, other kinds, objects without
    a class) have one too, but are not printed. ``drawn`` are the row's :func:`outlines`, ``name`` its
    :func:`file_name_of` and ``ids`` those of its objects, if they are at hand; ``leaving`` the places of labels whose
    objects are printed, where not all are: an object has the same id whatever leaves beside it. Into ``misfits`` goes,
    for each object whose source states figures of another geometry, what is printed instead. Raises ``KeyError`` when a
    class has no number.
    """
    lines: list[str] = []
    if ids is None:
        ids = annotation_ids(document, annotation_start)
    rest = iter(outlines(document) if drawn is None else drawn)
    for index, label in enumerate(labels_of(document)):
        stays = leaving is not None and index not in leaving
        marks = zip(objects_of(label["annotations"]), rest, strict=False)
        for place_in_label, (mark, (kind, box, geometry, shape)) in enumerate(marks):
            if stays or not (kind.in_coco and mark["name"]):  # COCO has no annotation without a category
                continue
            extra = mark.get("source_extra")
            source = (extra.get("coco") or _NOTHING) if extra else _NOTHING
            identity = ids[index][place_in_label]
            place, crowd, more = f"[{box}]", "0", "}"
            if not source:
                area = kind.area(shape)
            else:
                place, area, misfit = _figures(source, kind, place, shape)
                if misfit and misfits is not None:
                    misfits.append(f"{misfit} (annotation {identity})")
                crowd = _crowd(source.get("iscrowd"))
                others = {key: value for key, value in source.items() if key not in _OUR_KEYS}
                if source.get("id") not in (None, identity):
                    others["source_id"] = source["id"]
                if others:
                    more = "," + _dumps(others)[1:].decode()
            lines.append(
                f'{{"id":{identity},"image_id":{number},"category_id":{class_numbers[mark["name"]]},'
                f'"segmentation":{kind.segmentation(mark, geometry)},'
                f'"area":{_dumps(area).decode()},"bbox":{place},"iscrowd":{crowd}{more}'
            )
    image = _image(document, number, name or file_name_of(document, number))
    return image, SEPARATOR_TEXT.join(lines).encode()
