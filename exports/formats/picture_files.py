"""What formats share that are a zip with a file for each picture, as training tools read them: YOLO, Pascal VOC.

A file has the name of its picture, so that the two find each other, and no name is there twice. ``rows.csv`` says which
row each is of.
"""

from __future__ import annotations

import csv
import difflib
from abc import abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar, Final

import orjson

from connections.pictures import NotFetched
from connections.rows.batch import OntologyClass, RowBatch
from connections.rows.counts import BESIDE, UNLABELLED
from connections.rows.kinds.base import Kind
from exportadmin.lib.csv_cells import exact_cell
from exportadmin.lib.errors import UserError
from exports.formats.base import CannotHoldError, FormatContext, Option, TextOption, Told
from exports.formats.fragments import REFUSALS, Fragments
from exports.formats.member_names import UniqueNames, flat, stem_of
from exports.formats.pictures import IMAGES, PICTURE_NOTES, PictureArchive, PictureEntries, address_in
from exports.formats.splits import SEED, SPLIT, Splits
from exports.formats.zipstream import ZipStream
from exports.spec.labels import SKIPPED_LABELS

ONTOLOGY_ORDER, ALPHABETICAL = "ontology", "alphabetical"
CLASSES: Final = TextOption(
    "classes",
    (ONTOLOGY_ORDER, ALPHABETICAL),
    "The order of the classes, by which they have their numbers: as in the ontology, alphabetical, or names separated "
    "by commas, which come first. A class is never left out.",
    pattern=r"[^\x00-\x1f]+",
    expected="ontology, alphabetical, or names of classes separated by commas",
    max_length=10_000,
)
FLAT, FOLDERS, ROW_ID = "flat", "folders", "row_id"
NAMES: Final = Option(
    "names",
    (FLAT, FOLDERS, ROW_ID),
    "What files are called. flat: as the picture, its folders in the name (north/1.jpg is north_1), which all tools "
    "read; folders: as the picture, in its folders; row_id: by the row's id. A name that is taken has the row's number "
    "in front.",
)
INDEX: Final = "rows.csv"
_INDEX_COLUMNS: Final = ("data_row_id", "global_key", "split", "file", "picture", "width", "height")

Picture = tuple[float, float]  # width, height
Mark = dict[str, Any]  # a COCO annotation


@dataclass(slots=True)
class _Row:
    """One that goes into the file; ``picture`` is the name of its picture, ``address`` where that is."""

    row_id: str
    global_key: str
    split: str
    name: str
    picture: str
    size: Picture
    marks: Sequence[Mark]
    text: bytes
    address: str


class PictureFiles(PictureArchive):
    """One zip. A format says :meth:`text`, what a picture's file holds, and :meth:`folder`, where it lies.

    What lies outside a picture is cut off at its edge.
    """

    cannot_hold = frozenset({UNLABELLED, SKIPPED_LABELS, *BESIDE})
    options: ClassVar[tuple[Option, ...]] = (CLASSES, SPLIT, SEED, NAMES, IMAGES)
    refusals = MappingProxyType({**REFUSALS, "no_size": "the size of the picture is unknown, and it has annotations"})
    note_texts = MappingProxyType(
        {
            "outside": "annotations without an extent inside their picture, at its edge",
            "boxes_around": "polygons and masks, of which the box around them is in the file",
            "crowds": "objects that COCO calls a crowd, written like any other",
            "renamed": "files with the row's number in front, as another has the same name",
            **PICTURE_NOTES,
            "empty_splits": "splits without a row, which training tools refuse: choose other shares or another seed",
        }
    )
    suffix: ClassVar[str]
    # folders, in small letters, that a reader of such files takes for something else in a picture's name
    taken_folders: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, context: FormatContext) -> None:
        super().__init__(context)
        chosen = context.options
        self.classes = in_order(context.ontology, chosen.get(CLASSES.name, ONTOLOGY_ORDER))
        self.places = {one.number: place for place, one in enumerate(self.classes)}
        self.splits = Splits(chosen.get(SPLIT.name, SPLIT.values[0]), chosen.get(SEED.name, SEED.values[0]))
        self.noted: Counter[str] = Counter()
        self._pictures: PictureEntries | None = None
        self._names = chosen.get(NAMES.name, FLAT)
        self._unique = UniqueNames()
        self._fragments = Fragments(self)
        self._last: Sequence[bytes] = ()
        self._written = 0

    @abstractmethod
    def text(self, picture: str, size: Picture, marks: Sequence[Mark]) -> bytes:
        """The file of a picture, which is called ``picture``. Raises :class:`CannotHoldError`."""

    @abstractmethod
    def folder(self, split: str) -> str:
        """Where the files of a split lie, with a slash at its end."""

    @abstractmethod
    def pictures_folder(self, split: str) -> str:
        """Where the pictures lie that they are of, likewise."""

    def beginning(self) -> Iterable[tuple[str, bytes]]:
        """``(name, bytes)`` of the entries before all others."""
        return ()

    def end(self) -> Iterable[bytes]:
        """Bytes of entries behind the last row."""
        return ()

    # --- the file ----------------------------------------------------------------------------------------------------

    def header(self) -> Iterable[bytes]:
        scratch = self.context.scratch
        self.zip = ZipStream(scratch / "zip-directory")
        self._index_path = scratch / INDEX
        self._index = self._index_path.open("wb")
        self._index.write((",".join(_INDEX_COLUMNS) + "\r\n").encode())
        if self.context.pictures is not None:
            self._pictures = PictureEntries(self.context, self.zip)
        for name, content in self.beginning():
            yield self.zip.add(name, content)

    def rows(self, batch: RowBatch) -> Iterable[bytes]:
        written = list(self._written_rows(batch))
        self._last = [row.text for row in written]
        if self._pictures is None:
            yield b"".join([self._entry(row) for row in written])
            return
        found = self._pictures.fetch([row.address for row in written])
        for row in written:
            while (picture := next(found)) is None:
                yield b""  # so that the run can be cancelled meanwhile
            if isinstance(picture, NotFetched):
                self._pictures.miss(row.row_id, row.global_key, row.address, picture)
                row.picture = ""
                yield self._entry(row)
                continue
            name = f"{row.name}.{picture.extension}"
            if name != row.picture:
                row.picture, noted = name, self.noted
                self.noted = Counter()  # all is noted already
                row.text = self.text(name, row.size, row.marks)
                self.noted = noted
            yield self._entry(row)
            yield from self._pictures.add(self.pictures_folder(row.split) + row.picture, picture)

    def _written_rows(self, batch: RowBatch) -> Iterator[_Row]:
        """Without those that are refused."""
        before = len(self._refused)
        images, annotations, _ = self._fragments.coco(batch)
        refused = {one.index for one in self._refused[before:]}
        places = [place for place in range(len(batch)) if place not in refused]
        parsed: list[dict[str, Any]] = orjson.loads(b"[%b]" % b",".join(images))
        marks: list[list[Mark]] = orjson.loads(b"[[%b]]" % b"],[".join(annotations)) if images else []
        stems = self._stems(batch, places, parsed)
        names = self._unique.take(stems, [batch.numbers[place] for place in places])
        for place, image, objects, stem, name in zip(places, parsed, marks, stems, names, strict=True):
            picture = f"{name}.{_extension(image['file_name'])}"
            noted = dict(self.noted)
            try:
                size = _size(image, objects)
                text = self.text(picture, size, objects)
            except CannotHoldError as error:
                self.noted = Counter(noted)
                self.refuse(batch, place, error)
                continue
            self._written += len(objects)
            self.noted["renamed"] += name != stem
            self.noted["crowds"] += sum(1 for mark in objects if mark["iscrowd"])
            row_id = batch.row_ids[place]
            address = address_in(batch.bodies[place]) if self._pictures is not None else ""
            split = self.splits.of(row_id)
            yield _Row(row_id, batch.global_keys[place], split, name, picture, size, objects, text, address)

    def _entry(self, row: _Row) -> bytes:
        file = f"{self.folder(row.split)}{row.name}{self.suffix}"
        picture = self.pictures_folder(row.split) + row.picture if row.picture else ""
        width, height = (f"{side:.10g}" if side else "" for side in row.size)
        cells = row.row_id, row.global_key, row.split, file, picture, width, height
        self._index.write((",".join(map(exact_cell, cells)) + "\r\n").encode())
        self.wrote(row.split, row.name)
        return self.zip.add(file, row.text)

    def wrote(self, split: str, name: str) -> None:
        """Another file was written."""

    def footer(self) -> Iterable[bytes]:
        yield from self.end()
        if self._pictures is not None:
            yield from self._pictures.end()
        self._index.close()
        yield from self.zip.add_file(INDEX, self._index_path)
        self._index_path.unlink()
        yield from self.zip.close()
        self.noted["empty_splits"] = list(self.splits.counts.values()).count(0) if self.splits.is_divided else 0

    def _stems(self, batch: RowBatch, places: Sequence[int], images: Sequence[Mapping[str, Any]]) -> list[str]:
        if self._names == ROW_ID:
            stems = [stem_of(f"{batch.row_ids[place].replace('/', '_')}.") for place in places]
        else:
            stems = [stem_of(image["file_name"]) for image in images]
        if self._names == FLAT:
            return list(map(flat, stems))
        return list(map(self._without_taken_folders, stems)) if self.taken_folders else stems

    def _without_taken_folders(self, stem: str) -> str:
        *folders, leaf = stem.split("/")
        return "/".join([*(f"{one}_" if one.lower() in self.taken_folders else one for one in folders), leaf])

    # --- what was written --------------------------------------------------------------------------------------------

    def annotations_written(self) -> int:
        return self._written

    @classmethod
    def told(cls, kind: Kind, name: str) -> Told:
        return "", name

    @abstractmethod
    def classes_in(self, text: bytes) -> Iterable[str]:
        """The class of every annotation in a picture's file."""

    def read_back(self, index: int) -> Counter[Told]:
        return Counter(("", name) for name in self.classes_in(self._last[index]))

    def notes(self) -> dict[str, int]:
        noted = self.noted | (self._pictures.notes() if self._pictures is not None else {})
        return {key: count for key, count in noted.items() if count}


def in_order(ontology: Sequence[OntologyClass], order: str) -> list[OntologyClass]:
    """Its classes; ``order`` is a value of :data:`CLASSES`. Raises :class:`UserError` for a name that is none."""
    classes = [one for one in ontology if not one.is_question]
    if order == ONTOLOGY_ORDER:
        return classes
    if order == ALPHABETICAL:
        return sorted(classes, key=lambda one: one.name)
    by_name = {one.name: one for one in classes}
    names = [name.strip() for name in next(csv.reader([order], skipinitialspace=True))]
    for place, name in enumerate(names):
        if name not in by_name:
            near = difflib.get_close_matches(name, by_name, n=3) or list(by_name)[:3]
            raise UserError(
                f"option classes names {name!r}, which is no class of the ontology; such as {', '.join(near)}",
                field="options",
            )
        if name in names[:place]:
            raise UserError(f"option classes names {name!r} twice", field="options")
    first = [by_name[name] for name in names]
    return [*first, *(one for one in classes if one.name not in names)]


def _size(image: Mapping[str, Any], objects: Sequence[Mark]) -> Picture:
    """Without annotations nobody needs it. Raises :class:`CannotHoldError`."""
    width, height = image.get("width"), image.get("height")
    if not objects:
        return float(width or 0), float(height or 0)
    if not _is_side(width) or not _is_side(height):
        raise CannotHoldError(
            "no_size",
            f"its media_attributes say width {width!r} and height {height!r}: places in a picture are shares of these",
        )
    return float(width or 0), float(height or 0)


def _is_side(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < float("inf")


def _extension(file_name: object) -> str:
    _, dot, extension = str(file_name).rpartition(".")
    return extension.lower() if dot and extension.isascii() and extension.isalnum() and len(extension) <= 5 else "jpg"
