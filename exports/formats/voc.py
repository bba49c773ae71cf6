"""``voc``: a zip with an XML file for each picture, as the Pascal VOC devkit lays it out.

Coordinates are whole pixels, of which the first is 1 and the last is the box's own: a box from 10 to 40 is ``11`` to
``40``. Nothing lies outside the picture.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from math import ceil, floor
from pathlib import Path
from typing import BinaryIO, Final
from xml.sax.saxutils import escape, unescape

from connections.rows.batch import OntologyClass
from exportadmin.lib.errors import UserError
from exports.formats.base import FormatContext, Option
from exports.formats.picture_files import Mark, Picture, PictureFiles

ORIGIN: Final = Option(
    "origin",
    ("1", "0"),
    "1: pixels count from 1 and a box ends with its last one, as the devkit has it. 0: the edges of a box from 0, for "
    "readers that take numbers as they are, and as Label Studio writes them.",
)
# what no XML 1.0 document can hold, however it is written
_NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ESCAPED: Final = {"\r": "&#13;"}
_NAME: Final = re.compile(rb"<object>\s*<name>(.*?)</name>", re.DOTALL)
_TINY: Final = 1e-6  # pixels that are lost where shares of a picture became pixels


class VocFormat(PictureFiles):
    """``Annotations/….xml``, ``ImageSets/Main/train.txt``, ``labelmap.txt``, ``rows.csv``."""

    key = "voc"
    title = "Pascal VOC"
    help = (
        "A zip with an XML file for each picture and the lists of train, val and test: boxes in whole pixels, around "
        "polygons and masks too. Other kinds and answers are left out."
    )
    options = (ORIGIN, *PictureFiles.options)
    suffix = ".xml"

    def __init__(self, context: FormatContext) -> None:
        super().__init__(context)
        self._is_from_zero = context.options.get(ORIGIN.name, "1") == "0"
        self._labels = {one.number: _text(one) for one in self.classes}
        self._sets: dict[str, tuple[Path, BinaryIO]] = {}

    def folder(self, split: str) -> str:
        return "Annotations/"

    def pictures_folder(self, split: str) -> str:
        return "JPEGImages/"

    def beginning(self) -> Iterable[tuple[str, bytes]]:
        for split in self.splits.counts:
            path = self.context.scratch / f"{split}.txt"
            self._sets[split] = path, path.open("wb")
        names = [one.name for one in self.classes if one.name != "background"]
        if not any(":" in name or "#" in name or " ".join(name.split()) != name for name in names):
            lines = [f"{name}:{_color(place)}::\n" for place, name in enumerate(["background", *names])]
            yield "labelmap.txt", "".join(lines).encode()

    def text(self, picture: str, size: Picture, marks: Sequence[Mark]) -> bytes:
        width, height = map(int, size)
        objects = "".join([self._object(mark, width, height) for mark in marks])
        return (
            f"<annotation>\n\t<folder>JPEGImages</folder>\n\t<filename>{escape(picture)}</filename>\n"
            "\t<source>\n\t\t<database>Export Admin</database>\n\t</source>\n"
            f"\t<size>\n\t\t<width>{width}</width>\n\t\t<height>{height}</height>\n\t\t<depth>3</depth>\n\t</size>\n"
            f"\t<segmented>0</segmented>\n{objects}</annotation>\n"
        ).encode()

    def _object(self, mark: Mark, width: int, height: int) -> str:
        left, top, across, down = mark["bbox"]
        self.noted["boxes_around"] += bool(mark["segmentation"])
        if across <= 0 or down <= 0 or left >= width or top >= height or left + across <= 0 or top + down <= 0:
            self.noted["outside"] += 1
        xmin, xmax = self._ends(left, left + across, width)
        ymin, ymax = self._ends(top, top + down, height)
        return (
            f"\t<object>\n\t\t<name>{self._labels[mark['category_id']]}</name>\n\t\t<pose>Unspecified</pose>\n"
            "\t\t<truncated>0</truncated>\n\t\t<difficult>0</difficult>\n\t\t<bndbox>\n"
            f"\t\t\t<xmin>{xmin}</xmin>\n\t\t\t<ymin>{ymin}</ymin>\n\t\t\t<xmax>{xmax}</xmax>\n"
            f"\t\t\t<ymax>{ymax}</ymax>\n\t\t</bndbox>\n\t</object>\n"
        )

    def _ends(self, begin: float, end: float, side: int) -> tuple[int, int]:
        """A pixel that is covered in part belongs to the box."""
        if self._is_from_zero:
            first = min(max(floor(begin + _TINY), 0), side)
            return first, min(max(ceil(end - _TINY), first), side)
        first = min(max(floor(begin + _TINY) + 1, 1), side)
        return first, min(max(ceil(end - _TINY), first), side)

    def wrote(self, split: str, name: str) -> None:
        self._sets[split][1].write(f"{name}\n".encode())

    def end(self) -> Iterable[bytes]:
        for split, (path, lines) in self._sets.items():
            lines.close()
            yield from self.zip.add_file(f"ImageSets/Main/{split}.txt", path)
            path.unlink()

    def classes_in(self, text: bytes) -> Iterable[str]:
        back = {entity: sign for sign, entity in _ESCAPED.items()}
        return (unescape(name.decode(), back) for name in _NAME.findall(text))


def _text(one: OntologyClass) -> str:
    """The name of a class in XML. Raises :class:`UserError`."""
    if found := _NOT_XML.search(one.name):
        raise UserError(
            f"class {one.name!r} has a U+{ord(found[0]):04X} in its name, which no XML file can hold", field="format"
        )
    return escape(one.name, _ESCAPED)


def _color(place: int) -> str:
    """Red, green and blue of a class, as the devkit's ``VOClabelcolormap`` has them: bits of its number, highest
    first."""
    channels = [sum((place >> (3 * bit + channel) & 1) << (7 - bit) for bit in range(8)) for channel in range(3)]
    return ",".join(map(str, channels))
