"""``png``: a zip with one class mask per row, the map from pixel value to class, and an index of the rows."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

import orjson

from connections.rows.batch import BODY, RowBatch
from connections.rows.counts import BESIDE, FURTHER_LABELS, UNLABELLED, labels_of
from connections.rows.csv import address_of
from connections.rows.file_names import file_name_of
from connections.rows.kinds import KINDS
from connections.rows.kinds.base import Kind
from connections.rows.painting import Canvas
from exportadmin.lib.csv_cells import BYTE_ORDER_MARK, exact_cell, safe_cell
from exportadmin.lib.errors import PermanentError, UserError
from exports.formats.base import CannotHoldError, Format, FormatContext, Told
from exports.formats.pngwriter import Picture
from exports.formats.row_columns import EXACT, OPTIONS, PROFILE, SAFE, RowColumns
from exports.formats.zipstream import ZipStream
from exports.spec.labels import SKIPPED_LABELS

MOST_PIXELS = 200_000_000
INDEX_COLUMNS = ("data_row_id", "global_key", "file", "width", "height", "row_data", "file_name")
_BYTE_CLASSES, _MOST_CLASSES = 255, 65_535

RULES = {
    "background": "Pixel value 0 is background.",
    "values": "Pixel value = place of the class in the ontology, counted from 1; questions are not counted.",
    "overlaps": "Shapes are painted in the order of the row's annotations; a later one covers an earlier one.",
    "edges": "Boxes, polygons and masks cover the pixels that pycocotools gives for them (frPyObjects, merge, decode).",
    "not painted": "Polylines, points, other kinds and answers to questions.",
    "files": "masks/<number of the row, 12 digits>.png; index.csv (RFC 4180) says which row and which picture it is.",
    "no mask": "A picture of unknown size, or too large a one, has no mask: its file is empty in index.csv. If it has "
    "shapes, the row is refused too.",
}


class PngFormat(Format):
    """``classes.json``, ``masks/000000000001.png`` …, ``index.csv``; a row without annotations has a mask, too.

    Masks are 8 bit grey, 16 bit when the ontology has more than 255 classes. :data:`RULES` go into ``classes.json``.
    """

    key = "png"
    title = "PNG class masks"
    help = (
        "A zip with one grey picture per row whose pixel values are classes: boxes, polygons and masks, filled; and an "
        "index that says which picture each is of."
    )
    extension = "zip"
    media_type = "application/zip"
    is_archive = True
    refusals = MappingProxyType(
        {
            "no_size": "the size of the picture is unknown, or no whole number of pixels",
            "too_large": f"the picture has more than {MOST_PIXELS // 1_000_000} megapixels",
            "cannot_paint": "a shape cannot be painted: an endless outline, a mask of another size",
        }
    )
    columns = frozenset({BODY})
    options = (PROFILE, *OPTIONS)
    cannot_hold = frozenset({UNLABELLED, FURTHER_LABELS, SKIPPED_LABELS, *BESIDE})

    def __init__(self, context: FormatContext) -> None:
        self._more = RowColumns(context.options)
        # no optional part is painted, and left out they need not be parsed
        super().__init__(dataclasses.replace(context, parts=context.parts & self._more.parts))
        self._is_safe = context.options.get("profile", EXACT) == SAFE
        self._classes = [one for one in context.ontology if not one.is_question]
        if len(self._classes) > _MOST_CLASSES:
            raise UserError(
                f"the ontology has {len(self._classes)} classes; a PNG mask can tell {_MOST_CLASSES} apart",
                field="format",
            )
        self._values = {one.name: value for value, one in enumerate(self._classes, start=1)}
        self._wide = len(self._classes) > _BYTE_CLASSES
        self._picture: Picture | None = None
        # of each row of the last batch what was painted
        self._painted: list[Counter[Told]] = []
        self._written = 0

    @classmethod
    def holds_parts(cls, options: Mapping[str, str]) -> bool:
        return bool(RowColumns(options).parts)

    @classmethod
    def supports(cls, kind: Kind) -> bool:
        return kind.is_painted

    def header(self) -> Iterable[bytes]:
        scratch = self.context.scratch
        self._zip = ZipStream(scratch / "zip-directory")
        self._index_path = scratch / "index.csv"
        self._index = self._index_path.open("wb")
        if self._is_safe:
            self._index.write(BYTE_ORDER_MARK.encode())
        self._write_line(*INDEX_COLUMNS, *self._more.names)
        classes = [
            {"value": value, "number": one.number, "name": one.name} for value, one in enumerate(self._classes, start=1)
        ]
        legend = {"background": 0, "bits": 16 if self._wide else 8, "classes": classes, "rules": RULES}
        yield self._zip.add("classes.json", orjson.dumps(legend, option=orjson.OPT_INDENT_2) + b"\n")

    def rows(self, batch: RowBatch) -> Iterable[bytes]:
        self._painted = []
        for index, (number, document) in enumerate(zip(batch.numbers, self.documents(batch), strict=True)):
            try:
                picture = self._blank(document)
                painted = self._paint(picture.canvas, document)
            except CannotHoldError as error:
                self._enter(batch, index, document)
                if self._has_shapes(document):
                    self.refuse(batch, index, error)
                else:  # nothing is lost: the index says that there is no mask
                    self._painted.append(Counter())
                continue
            self._painted.append(painted)
            self._written += painted.total()
            name = f"masks/{number:012d}.png"
            piece = self._zip.add(name, picture.png())
            self._enter(batch, index, document, name, *map(str, picture.size))
            yield piece  # each by itself: between two of them a run can be cancelled

    def _enter(
        self,
        batch: RowBatch,
        index: int,
        document: Mapping[str, Any],
        file: str = "",
        width: str = "",
        height: str = "",
    ) -> None:
        """A line in the index; without a file for a row that has no mask."""
        names = batch.row_ids[index], batch.global_keys[index]
        picture = address_of(document), str(file_name_of(document, batch.numbers[index]).text)
        self._write_line(*names, file, width, height, *picture, *self._more.texts(document))

    def _write_line(self, *texts: str) -> None:
        cell = safe_cell if self._is_safe else exact_cell
        self._index.write((",".join(map(cell, texts)) + "\r\n").encode())

    def annotations_written(self) -> int:
        return self._written

    def read_back(self, index: int) -> Counter[Told]:
        return self._painted[index]  # of pixels that cover each other nothing else can be told

    def footer(self) -> Iterable[bytes]:
        self._index.close()
        yield from self._zip.add_file("index.csv", self._index_path)
        self._index_path.unlink()
        yield from self._zip.close()

    def _has_shapes(self, document: Mapping[str, Any]) -> bool:
        return any(
            _is_painted(mark) for label in labels_of(document) for mark in label["annotations"].get("objects") or ()
        )

    def _blank(self, document: Mapping[str, Any]) -> Picture:
        """A picture of the row's size; that of the row before, cleared, where it has the same."""
        media = document["media_attributes"]
        width, height = (_pixels(media.get(name)) for name in ("width", "height"))
        if not width or not height:
            raise CannotHoldError(
                "no_size",
                f"media_attributes say width {media.get('width')!r} and height {media.get('height')!r}; "
                "a PNG mask needs whole numbers from 1",
            )
        if width * height > MOST_PIXELS:
            raise CannotHoldError("too_large", f"{width} x {height} is more than {MOST_PIXELS // 1_000_000} megapixels")
        if self._picture is not None and self._picture.size == (width, height):
            self._picture.clear()
        else:
            self._picture = Picture(width, height, wide=self._wide)
        return self._picture

    def _paint(self, canvas: Canvas, document: Mapping[str, Any]) -> Counter[Told]:
        painted: Counter[Told] = Counter()
        for label in labels_of(document):
            for mark in label["annotations"].get("objects") or ():
                if not _is_painted(mark):
                    continue
                value = self._values.get(mark["name"])
                if value is None:
                    row_id = document["data_row"]["id"]
                    raise PermanentError(f"row {row_id}: class {mark['name']!r} is not in the ontology")
                kind = KINDS.of_mark(mark)
                try:
                    kind.paint(canvas, mark, value)
                except (ValueError, TypeError, KeyError) as error:
                    wrong = f"{error} is missing" if isinstance(error, KeyError) else str(error)
                    raise CannotHoldError("cannot_paint", f"annotation {mark['feature_id']}: {wrong}") from None
                painted[kind.key, mark["name"]] += 1
        return painted


def _is_painted(mark: Mapping[str, Any]) -> bool:
    """A pixel has one class: of a shape with several labels, that of the first."""
    return KINDS.of_mark(mark).is_painted and mark["name"] != "" and "is_further_label" not in mark


def _pixels(value: object) -> int | None:
    """A whole number from 1, also when it is written ``640.0``; ``None`` for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 1 or value != int(value):
        return None
    return int(value)
