"""``coco_json``: images with their annotations (https://cocodataset.org/#format-data), sections in any order.

The file is walked once; where each image and annotation stands goes into a temporary table, from which images are
taken in file order, each with its annotations, and read again from the file. Memory does not grow with either.

* A row is an image. Its key is its ``file_name`` (``name#id`` where two images have the same), its number the image id.
* An annotation is a polygon, a mask (RLE) or, without segmentation, a box. All that COCO says of it beside its shape
  and class stays with it under ``source_extra["coco"]``; so does what COCO says of the image.
* A bad annotation refuses its image: a row never goes in with a mark missing.
* ``date_captured``, where it is a time, is the row's time of creation (read in UTC).
* Lists that COCO does not know are kept: entries with an ``image_id`` with their image, others with the project.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from typing import Any, BinaryIO, Final

import orjson

from connections.rows.checks import MAX_COORDINATE, BadMark, moment, number, numbers, ring, size
from connections.rows.kinds import BOX, MASK, POLYGON
from connections.rows.masks import tidy_mask
from connections.rows.media import mime_type
from connections.store.import_row import IncomingLabel, IncomingRow
from connections.store.importers.base import Importer, Survey
from connections.store.importers.coco_ids import identity_of, stated_id, too_large
from connections.store.importers.coco_project import Categories, Others
from connections.store.importers.coco_spool import Place, Spool
from connections.store.notes import CARRIED, CHANGED
from exportadmin.lib import json_stream
from exportadmin.lib.errors import UserError
from exportadmin.lib.json_stream import Element, Piece, RowRefused

_SECTIONS: Final = ("images", "annotations", "categories")
_NOT_IN_IMAGE_EXTRA: Final = frozenset({"id", "width", "height"})
_NOT_IN_MARK_EXTRA: Final = frozenset({"image_id", "category_id", "segmentation"})
_MAX_IDS_SHOWN: Final = 20

_Json = dict[str, Any]


class CocoJsonImporter(Importer):
    """See the module. Review status: ``review`` for an image with annotations, else ``to_label``."""

    key = "coco_json"
    title = "COCO JSON"

    def survey(self) -> Survey:
        images = 0
        seen: set[str] = set()
        categories = Categories()
        with self.open() as stream:
            for piece in json_stream.sections(stream):
                seen.add(piece.key)
                self._check_section(piece)
                if piece.element is None:
                    continue
                images += piece.key == "images"
                if piece.key == "categories":
                    categories.add(piece.element)
        self._check_sections(seen)
        return Survey(images, self.path.stat().st_size)

    def rows(self) -> Iterator[IncomingRow]:
        with self.open() as stream, closing(Spool()) as spool:
            categories = self._load(stream, spool)
            for place, key in spool.images():
                position = f"row {place.seq + 1} (line {place.line}, byte {place.offset})"
                try:
                    row = self._row(stream, spool, place, key, position, categories.names)
                except BadMark as error:
                    self.refuse_row(RowRefused(position, str(error)))
                    continue
                yield row

    # --- first walk: where everything stands

    def _load(self, stream: BinaryIO, spool: Spool) -> Categories:
        categories = Categories()
        others = Others()
        seen: set[str] = set()
        for piece in json_stream.sections(stream):
            self._check_section(piece)
            key, element = piece.key, piece.element
            seen.add(key)
            if element is None:
                if key not in _SECTIONS:
                    others.begin(key)
            elif key == "images":
                self.rows_seen += 1
                self._spool_image(spool, element)
            elif key == "annotations":
                self._spool_annotation(spool, element)
            elif key == "categories":
                categories.add(element)
            else:
                self._take_other(spool, others, piece, element)
        self._check_sections(seen)
        self.classes += categories.classes
        self.notes.extend(categories.notes.as_json())
        spool.finish()
        self._report_orphans(spool)
        self._report_double_ids(spool)
        for name, place in spool.list_entries_without_image():
            others.add(name, _read(stream, place))
        for name, count in spool.list_counts():
            text = f"entries of {name!r}, not part of COCO, kept with their images under source_extra"
            self.notes.add(CARRIED, text, count=count)
        others.note(self.notes)
        if others.kept:
            self.project_extra["coco"] = others.kept
        return categories

    def _check_sections(self, seen: set[str]) -> None:
        if "images" not in seen:
            raise UserError(f"{self.path.name} is no COCO file: it has no images; keys: {', '.join(sorted(seen)[:8])}")

    @staticmethod
    def _check_section(piece: Piece) -> None:
        if piece.key in _SECTIONS and not piece.in_list:
            assert piece.element is not None
            raise UserError(
                f"line {piece.element.line}, byte {piece.element.offset}: {piece.key} is not a list; "
                f"expected [ after the key"
            )

    def _spool_image(self, spool: Spool, element: Element) -> None:
        position = element.position()
        identity: int | str | None = None
        try:
            image = json_stream.parse(element)
            if type(image) is not dict:
                raise RowRefused(position, "an image is an object; this is none")
            identity = identity_of(image.get("id"), "the image's id", position)
            key = image.get("file_name") or image.get("coco_url") or image.get("path")
            if type(key) is not str:
                raise RowRefused(position, "an image needs a file_name to be recognised by; this one has none")
            first = spool.position_of_image(identity)
            if first is not None:
                raise RowRefused(position, f"the image id {identity!r} was already used by {first}")
            if not spool.add_image(identity, key, element):
                numbered, shown = f"{key}#{identity}", repr(key[:120])
                if not spool.add_image(identity, numbered, element):
                    raise RowRefused(position, f"the file_name {shown} stands twice, with #{identity} behind it too")
                example = f"{position}: {shown} is called {numbered[:140]!r}"
                self.notes.add(CHANGED, "images whose file_name stands twice, called by their id too", example=example)
        except RowRefused as refused:
            self.refuse_row(refused)
            # its annotations then belong to a refused row, and are no mystery
            spool.add_refused_image(stated_id(element, b"id") if identity is None else identity)

    def _spool_annotation(self, spool: Spool, element: Element) -> None:
        bad: str | None = None
        own_id: int | str | None = None
        try:
            annotation = json_stream.parse(element, "annotation")
            position = element.position("annotation")
            if type(annotation) is not dict:
                raise RowRefused(position, "an annotation is an object; this is none")
            image = identity_of(annotation.get("image_id"), "image_id", position)
            if type(annotation.get("id")) in (int, str) and not too_large(annotation["id"]):
                own_id = annotation["id"]
        except RowRefused as refused:
            found = stated_id(element, b"image_id")
            if found is None:
                self.refuse(refused.position, f"{refused.reason}; the image that it belongs to is not known")
                return
            image, bad = found, refused.reason
        spool.add_annotation(image, own_id, element, bad)

    def _take_other(self, spool: Spool, others: Others, piece: Piece, element: Element) -> None:
        try:
            value = json_stream.parse(element, piece.key)
        except RowRefused as refused:
            self.refuse(refused.position, refused.reason)
            return
        if not piece.in_list:
            others.add_whole(piece.key, element.raw)
            return
        image: Any = value.get("image_id") if type(value) is dict else None
        if type(image) in (int, str) and not too_large(image):
            spool.add_list_entry(piece.key, image, element)
        else:
            others.add(piece.key, element.raw)

    def _report_orphans(self, spool: Spool) -> None:
        for place, image in spool.annotations_without_image():
            self.refuse(
                f"annotation {place.seq + 1} (line {place.line}, byte {place.offset})",
                f"there is no image with the id {image!r}",
            )

    def _report_double_ids(self, spool: Spool) -> None:
        count, first = spool.double_annotation_ids(_MAX_IDS_SHOWN)
        if count:
            text = "annotation ids that stand more than once; every annotation is kept"
            self.notes.add(CHANGED, text, count=count, example=", ".join(map(str, first)))

    # --- second walk: row by row

    def _row(
        self, stream: BinaryIO, spool: Spool, place: Place, key: str, position: str, names: dict[int | str, str]
    ) -> IncomingRow:
        image = orjson.loads(_read(stream, place))
        width, height = size(image.get("width"), "image's width"), size(image.get("height"), "image's height")
        identity = image["id"]
        objects: list[_Json] = []
        for mark_place, bad in spool.annotations_of(identity):
            try:
                if bad is not None:
                    raise BadMark(bad)
                objects.append(_mark(orjson.loads(_read(stream, mark_place)), names, height, width))
            except BadMark as error:
                where = f"annotation {mark_place.seq + 1} (line {mark_place.line}, byte {mark_place.offset})"
                raise BadMark(f"{where}: {error}") from None
        file_name = image.get("file_name")
        addresses = (image.get("coco_url"), image.get("flickr_url"), file_name)
        row_data = next((each for each in addresses if each and type(each) is str), key)
        media: _Json = {"asset_type": "image"}
        if height is not None and width is not None:
            media = {"height": height, "width": width, "asset_type": "image"}
        mime = mime_type(file_name if file_name and type(file_name) is str else row_data)
        if mime is not None:
            media["mime_type"] = mime
        is_number = type(identity) is int and identity >= 0
        extra: _Json = {
            "coco": {
                name: kept
                for name, kept in image.items()
                if name not in _NOT_IN_IMAGE_EXTRA or (name == "id" and not is_number)
            }
        }
        entries = spool.list_entries_of(identity)
        if entries:
            lists: dict[str, list[Any]] = extra.setdefault("coco_lists", {})
            for name, entry in entries:
                lists.setdefault(name, []).append(orjson.loads(_read(stream, entry)))
        return IncomingRow(
            position=position,
            key=key,
            row_data=row_data,
            status=self.default_status or ("review" if objects else "to_label"),
            number=identity if is_number else None,
            media_attributes=media,
            labels=[IncomingLabel(objects=objects)] if objects else [],
            created_ms=self._captured(image.get("date_captured"), position),
            source_extra=extra,
        )

    def _captured(self, value: Any, position: str) -> int | None:
        """COCO has no form for it, and files hold years and other remarks: what is no time refuses no row."""
        if not value:
            return None
        try:
            if type(value) is str:
                return moment(value, "date_captured")
        except BadMark:
            pass
        example = f"{position}: {str(value)[:40]!r}"
        self.row_notes.add(CARRIED, "images whose date_captured is no time and not read", example=example)
        return None


# --- an annotation ---------------------------------------------------------------------------------------------------


def _mark(annotation: _Json, names: dict[int | str, str], height: int | None, width: int | None) -> _Json:
    category: Any = annotation.get("category_id")
    name = names.get(category) if type(category) in (int, str) else None
    if name is None:
        raise BadMark(f"there is no category with the id {category!r}")
    box = annotation.get("bbox")
    if box:
        _, _, box_width, box_height = _box(box)
        if box_width < 0 or box_height < 0:
            raise BadMark(f"the box has the negative size {box_width} x {box_height}")
    area = annotation.get("area")
    if area is not None:
        number(area, "area") if type(area) is not float else _finite_area(area)
    segmentation = annotation.get("segmentation")
    mark: _Json = {"name": name, "value": name, "annotation_kind": BOX.annotation_kind, "classifications": []}
    if type(segmentation) is dict:
        mark["annotation_kind"] = MASK.annotation_kind
        mark[MASK.geometry] = tidy_mask(segmentation, height, width)
    elif segmentation and segmentation != [[]]:
        if type(segmentation) is not list or not {list}.issuperset(map(type, segmentation)):
            raise BadMark("segmentation is neither a list of rings nor run lengths")
        rings = [ring(each) for each in segmentation]
        mark["annotation_kind"] = POLYGON.annotation_kind
        mark[POLYGON.geometry] = rings[0]
        if len(rings) > 1:
            mark["polygons"] = rings
    elif box:
        left, top, box_width, box_height = _box(box)
        mark[BOX.geometry] = {
            "top": float(top),
            "left": float(left),
            "height": float(box_height),
            "width": float(box_width),
        }
    else:
        raise BadMark("there is neither a segmentation nor a bbox")
    mark["source_extra"] = {"coco": {key: kept for key, kept in annotation.items() if key not in _NOT_IN_MARK_EXTRA}}
    return mark


def _finite_area(area: float) -> None:
    if not abs(area) <= MAX_COORDINATE * MAX_COORDINATE:
        raise BadMark(f"area: {area!r} is no area in a picture")


def _box(value: Any) -> list[float]:
    sides = numbers(value, "bbox")
    if len(sides) != 4:
        raise BadMark(f"bbox has {len(sides)} numbers; expected left, top, width, height")
    return sides


def _read(stream: BinaryIO, place: Place) -> bytes:
    return os.pread(stream.fileno(), place.length, place.offset)
