"""``coco_json``: images with their annotations (https://cocodataset.org/#format-data), sections in any order.

The file is walked once; where each image and annotation stands goes into a temporary table, from which images are
taken in file order, each with its annotations, and read again from the file. Memory does not grow with either.

* A row is an image. Its key is its ``file_name`` (``name#id`` where two images have the same), its number the image id.
* An annotation is a polygon, a mask (RLE) or, without segmentation, a box. All that COCO says of it beside its shape
  and class stays with it under ``source_extra["coco"]``; so does what COCO says of the image.
* A bad annotation refuses its image: a row never goes in with a mark missing. One that belongs to no image is named by
  itself; where most of them do, the file is refused, or pictures would go in as if nothing were on them.
* ``date_captured``, where it is a time, is the row's time of creation (read in UTC).
* Lists that COCO does not know are kept: entries with an ``image_id`` with their image, others with the project.
* Ids are kept where they can be: whole numbers from 0 on that nothing else in the project has. What gets another id
  says its source's in ``source_extra["coco"]["id"]`` (its own is the row's number, or ``source_extra["coco_id"]``), and
  what refers to it follows.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import closing
from typing import Any, BinaryIO, Final

import orjson

from connections.rows.checks import MAX_COORDINATE, BadMark, moment, number, numbers, ring, shown, size
from connections.rows.kinds import BOX, MASK, POLYGON
from connections.rows.masks import tidy_mask
from connections.rows.media import mime_type
from connections.store import coco_head
from connections.store.import_row import IncomingLabel, IncomingRow
from connections.store.importers.base import Importer, Survey
from connections.store.importers.coco_forms import FORMS
from connections.store.importers.coco_ids import id_of, identity_of, stated_id, written_otherwise
from connections.store.importers.coco_project import Categories, Others
from connections.store.importers.coco_references import References, kept, settle_head
from connections.store.importers.coco_spool import DOUBLE, KNOWN, TAKEN, UNUSABLE, Moved, Place, Spool
from connections.store.importers.forms import Form
from connections.store.notes import CARRIED, CHANGED, NOT_KEPT, OTHER
from connections.store.ontology import give_numbers
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

    @classmethod
    def forms(cls) -> Iterable[Form]:
        return FORMS

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
                elif piece.key == "annotations" and piece.element.index == 0:
                    self._check_task(piece.element)
        self._check_sections(seen)
        return Survey(images, self.path.stat().st_size)

    def rows(self) -> Iterator[IncomingRow]:
        # until a box is larger
        self._boxes, self._all_tiny = 0, True
        with self.open() as stream, closing(Spool()) as spool:
            categories = self._load(stream, spool)
            for place, identity, key in spool.images():
                position = place.position("row")
                try:
                    row = self._row(stream, spool, place, identity, key, position, categories.names)
                except BadMark as error:
                    self.refuse_row(RowRefused(position, str(error)))
                    continue
                yield row
        if self._references.followed:
            text = "references to images, annotations and categories that have another id: they have it too"
            self.notes.add(CHANGED, text, count=self._references.followed)
        if self._boxes and self._all_tiny:
            text = "boxes, all of which lie within one pixel: they look like fractions (0 to 1), but COCO has pixels"
            self.notes.add(OTHER, text, count=self._boxes)

    # --- first walk: where everything stands

    def _load(self, stream: BinaryIO, spool: Spool) -> Categories:
        categories = Categories()
        others = Others()
        seen: set[str] = set()
        self._annotations = self._orphans = 0
        self._first_orphan = ""
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
                if element.index == 0:
                    self._check_task(element)
                self._annotations += 1
                self._spool_annotation(spool, element)
            elif key == "categories":
                categories.add(element)
            else:
                self._take_other(spool, others, piece, element)
        self._check_sections(seen)
        self.classes += categories.classes
        self.notes.extend(categories.notes.as_json())
        for image, count in spool.finish():
            text, example = "annotations that name their image otherwise", f"{written_otherwise(image)!r} for {image!r}"
            self.notes.add(CHANGED, text, count=count, example=example)
        self._report_orphans(spool)
        self._settle_ids(spool, categories)
        for name, place in spool.list_entries_without_image():
            others.add(name, _read(stream, place))
        for name, count in spool.list_counts():
            text = f"entries of {name!r}, not part of COCO, kept with their images under source_extra"
            self.notes.add(CARRIED, text, count=count)
        others.note(self.notes)
        if others.kept:
            self.project_extra[coco_head.KEY] = settle_head(
                others.kept, self.project.coco_head, self._references, self.notes
            )
        return categories

    def _check_sections(self, seen: set[str]) -> None:
        if "images" not in seen:
            if "videos" in seen:
                raise UserError(f"{self.path.name} is a COCO file of videos: it has no images, and videos are not read")
            raise UserError(f"{self.path.name} is no COCO file: it has no images; keys: {', '.join(sorted(seen)[:8])}")

    @staticmethod
    def _check_section(piece: Piece) -> None:
        if piece.key in _SECTIONS and not piece.in_list:
            assert piece.element is not None
            raise UserError(
                f"line {piece.element.line}, byte {piece.element.offset}: {piece.key} is not a list; "
                f"expected [ after the key"
            )

    def _check_task(self, element: Element) -> None:
        """Raise :class:`UserError` for what COCO has besides objects: it is all alike in a file, so one will tell."""
        try:
            annotation = json_stream.parse(element, "annotation")
        except RowRefused:
            return
        other = _other_task(annotation)
        if other is not None:
            raise UserError(f"{self.path.name} is a COCO file of {other[0]}. {other[1]}", field="file")

    def _spool_image(self, spool: Spool, element: Element) -> None:
        position = element.position()
        identity: int | str | None = None
        try:
            image = json_stream.parse(element)
            if type(image) is not dict:
                raise RowRefused(position, "an image is an object; this is none")
            identity = identity_of(image, "id", "the image's id", position)
            key = image.get("file_name") or image.get("coco_url") or image.get("path")
            if type(key) is not str:
                named = next((name for name in ("file_name", "coco_url", "path") if image.get(name)), None)
                found = f"its {named} is {shown(key)}, which is no text" if named else "this one has none"
                raise RowRefused(position, f"an image needs a file_name to be recognised by; {found}")
            first = spool.position_of_image(identity)
            if first is not None:
                raise RowRefused(position, f"the image id {identity!r} was already used by {first}")
            if not spool.add_image(identity, key, element):
                numbered, name = f"{key}#{identity}", repr(key[:120])
                if not spool.add_image(identity, numbered, element):
                    raise RowRefused(position, f"the file_name {name} stands twice, with #{identity} behind it too")
                example = f"{position}: {name} is called {numbered[:140]!r}"
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
            own_id = id_of(annotation.get("id"))
            image = identity_of(annotation, "image_id", "image_id", position)
        except RowRefused as refused:
            found = stated_id(element, b"image_id")
            if found is None:
                reason = f"{refused.reason}; the image that it belongs to is not known"
                self._refuse_orphan(refused.position, reason)
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
        image = id_of(value.get("image_id")) if type(value) is dict else None
        if image is not None:
            spool.add_list_entry(piece.key, image, element)
        else:
            others.add(piece.key, element.raw)

    def _report_orphans(self, spool: Spool) -> None:
        """Raise :class:`UserError` where most annotations belong to no image."""
        for place, image in spool.annotations_without_image():
            self._refuse_orphan(place.position("annotation"), f"there is no image with the id {image!r}")
        if not self._orphans:
            return
        if 2 * self._orphans > self._annotations:
            raise UserError(
                f"{self._orphans:,} of {self._annotations:,} annotations belong to no image of the file; the first: "
                f"{self._first_orphan}. Nothing was imported, for images would go in as if nothing were on them: "
                "correct image_id, or take these annotations out of the file",
                field="file",
            )
        text = f"of {self._annotations:,} annotations, which belong to no image of the file: an image may lack some"
        self.notes.add(NOT_KEPT, text, count=self._orphans, example=self._first_orphan)

    def _refuse_orphan(self, position: str, reason: str) -> None:
        self._orphans += 1
        self._first_orphan = self._first_orphan or f"{position}: {reason}"
        self.refuse(position, reason)

    def _settle_ids(self, spool: Spool, categories: Categories) -> None:
        """Which ids are kept, and what the others are."""
        images, annotations = spool.settle(self.project)
        for moved in images:
            self._note_moved(
                "images", moved, "which have a number in this project and keep it" if moved.why == KNOWN else ""
            )
        for moved in annotations:
            if moved.why == DOUBLE:
                self._report_double_ids(spool)
            else:
                self._note_moved("annotations", moved, "which have none, given here" if moved.source is None else "")
        numbers = give_numbers(categories.classes, self.project.class_numbers())
        moved_categories = {
            identity: numbers[name] for identity, name in categories.names.items() if numbers[name] != identity
        }
        # of several annotations with one id the first keeps it, and it is the one that is referred to
        any_moved = any(moved.why != DOUBLE for moved in annotations)
        self._references = References(
            spool.number_of_image if images else kept,
            spool.number_of_annotation if any_moved else kept,
            moved_categories.get if moved_categories else kept,
        )
        self._references.is_needed = bool(images or any_moved or moved_categories)

    def _note_moved(self, what: str, moved: Moved, text: str) -> None:
        reasons = {
            UNUSABLE: "texts, below 0 or too large, given anew",
            TAKEN: "which others in this project have, given anew",
        }
        source = "none" if moved.source is None else repr(moved.source)
        self.notes.add(
            CHANGED,
            f"ids of {what}, {text or reasons[moved.why]}",
            count=moved.times,
            example=f"{source} is {moved.number}",
        )

    def _report_double_ids(self, spool: Spool) -> None:
        count, first = spool.double_annotation_ids(_MAX_IDS_SHOWN)
        if count:
            text = "annotation ids that stand more than once: the first annotation keeps it"
            self.notes.add(CHANGED, text, count=count, example=", ".join(map(str, first)))

    # --- second walk: row by row

    def _row(
        self,
        stream: BinaryIO,
        spool: Spool,
        place: Place,
        identity: int | str,
        key: str,
        position: str,
        names: dict[int | str, str],
    ) -> IncomingRow:
        image = orjson.loads(_read(stream, place))
        width, height = size(image.get("width"), "image's width"), size(image.get("height"), "image's height")
        image["id"] = identity
        objects: list[_Json] = []
        for mark_place, bad, coco_id in spool.annotations_of(identity):
            try:
                if bad is not None:
                    raise BadMark(bad)
                annotation = orjson.loads(_read(stream, mark_place))
                if type(annotation.get("id")) is float and (whole := id_of(annotation["id"])) is not None:
                    annotation["id"] = whole
                self._check_crowd(annotation, mark_place)
                mark = _mark(annotation, names, height, width)
                if coco_id is not None:
                    mark["source_extra"]["coco_id"] = coco_id
                if self._references.is_needed:
                    self._references.follow(mark["source_extra"]["coco"])
                objects.append(mark)
                if self._all_tiny:
                    self._look_at_size(annotation.get("bbox"))
            except BadMark as error:
                raise BadMark(f"{mark_place.position('annotation')}: {error}") from None
        file_name = image.get("file_name")
        addresses = (image.get("coco_url"), image.get("flickr_url"), file_name)
        row_data = next((each for each in addresses if each and type(each) is str), key)
        media: _Json = {"height": height, "width": width, "asset_type": "image"}
        if height is None or width is None:
            text = "images without width, height or both, which readers of COCO need; they can have no PNG mask"
            self.row_notes.add(OTHER, text, example=f"{position}: {key[:80]!r}")
            media = {name: value for name, value in media.items() if value is not None}
        mime = mime_type(file_name if file_name and type(file_name) is str else row_data)
        if mime is not None:
            media["mime_type"] = mime
        row_number = spool.number_of_image(identity) if spool.has_moved_images else None
        if row_number is None:
            assert type(identity) is int, "settled: every other id has a number"
            row_number = identity
        kept = {name: value for name, value in image.items() if name not in _NOT_IN_IMAGE_EXTRA}
        extra: _Json = {"coco": kept}
        if row_number != identity:
            extra["coco"] = {"id": identity, **kept}
        entries = spool.list_entries_of(identity)
        if entries:
            lists: dict[str, list[Any]] = extra.setdefault("coco_lists", {})
            for name, entry in entries:
                lists.setdefault(name, []).append(orjson.loads(_read(stream, entry)))
        if self._references.is_needed:
            self._references.follow_in_row(extra)
        return IncomingRow(
            position=position,
            key=key,
            row_data=row_data,
            status=self.default_status or ("review" if objects else "to_label"),
            number=row_number,
            media_attributes=media,
            labels=[IncomingLabel(objects=objects)] if objects else [],
            created_ms=self._captured(image.get("date_captured"), position),
            source_extra=extra,
        )

    def _check_crowd(self, annotation: _Json, place: Place) -> None:
        """``iscrowd`` is 0 or 1 in what is kept: truth values, ``1.0`` and null are turned. Raises :class:`BadMark`."""
        if "iscrowd" not in annotation:
            return
        crowd = annotation["iscrowd"]
        if type(crowd) is int and crowd in (0, 1):
            return
        if crowd is not None and not (type(crowd) in (bool, float) and crowd in (0, 1)):
            raise BadMark(f"iscrowd is {shown(crowd)}; expected 0 or 1")
        annotation["iscrowd"] = int(crowd or 0)
        example = f"{place.position('annotation')}: {shown(crowd)}"
        self.row_notes.add(CHANGED, "values of iscrowd, which is 0 or 1", example=example)

    def _look_at_size(self, box: Any) -> None:
        if box:
            left, top, width, height = box
            self._boxes += 1
            self._all_tiny = 0 <= left <= left + width <= 1 and 0 <= top <= top + height <= 1

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
    category = id_of(annotation.get("category_id"))
    name = names.get(category) if category is not None else None
    if name is None:
        raise BadMark(_why_no_category(annotation, names))
    box = annotation.get("bbox")
    if box:
        _, _, box_width, box_height = _box(box)
        if box_width < 0 or box_height < 0:
            raise BadMark(f"the box has the negative size {box_width} x {box_height}")
    area = annotation.get("area")
    if area is not None:
        number(area, "area") if type(area) is not float else _finite_area(area)
        if area < 0:
            raise BadMark(f"the area {area} is negative")
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


def _other_task(annotation: Any) -> tuple[str, str] | None:
    """What this annotation of COCO's is, when it is no object with a class, and what to do instead."""
    if type(annotation) is not dict or "category_id" in annotation:
        return None
    if "caption" in annotation:
        return (
            "captions: its annotations have a caption and no category_id",
            "Captions are not imported; import the file with the objects of these images (instances_….json)",
        )
    if "segments_info" in annotation:
        return (
            "panoptic segments: its annotations have segments_info, and the segments are in PNG files",
            "Panoptic segments are not imported; convert them to objects (panopticapi's panoptic2detection_coco_format "
            "does it) and import that file",
        )
    return None


def _why_no_category(annotation: _Json, names: dict[int | str, str]) -> str:
    category = annotation.get("category_id")
    if category is None:
        other = _other_task(annotation)
        return f"{other[0].partition(':')[0]} are not imported" if other else "there is no category_id"
    what = f"there is no category with the id {shown(category)}"
    identity = id_of(category)
    other_id = None if identity is None else written_otherwise(identity)
    if other_id is not None and other_id in names:
        kind = "text" if type(other_id) is str else "number"
        return f"{what}; the {kind} {other_id!r} is one ({shown(names[other_id])})"
    if not names:
        return f"{what}: the file has no categories"
    few = ", ".join(map(repr, list(names)[:_MAX_IDS_SHOWN]))
    return f"{what}; the file's are {few}{' …' if len(names) > _MAX_IDS_SHOWN else ''}"


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
