"""Pictures in an archive, beside what a format says of them: the option, the entries, and the list of the missing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

import orjson

from connections.pictures import Fetched, NotFetched, shown_address
from connections.rows.batch import BODY, COCO
from connections.rows.body import SEAM
from connections.rows.kinds.base import Kind
from exportadmin.lib.csv_cells import safe_cell
from exports.formats.base import Format, FormatContext, Option
from exports.formats.zipstream import ZipStream

WITHOUT, WITH = "none", "with"
IMAGES: Final = Option(
    "images",
    (WITHOUT, WITH),
    "with: the pictures too, fetched when the export runs, from public https addresses, the platform that the project "
    "mirrors, and what is kept here; images_missing.csv lists those that could not be had, and why.",
)
MISSING: Final = "images_missing.csv"
PICTURE_NOTES: Mapping[str, str] = MappingProxyType(
    {
        "images": "pictures in the file",
        "images_missing": f"pictures that could not be had: {MISSING} in the file says which, and why",
    }
)
_BLOCK: Final = 1 << 20


class PictureEntries:
    """Of one archive; ``fetch`` the addresses, then :meth:`add` or :meth:`miss` each, at last :meth:`end`."""

    def __init__(self, context: FormatContext, archive: ZipStream) -> None:
        assert context.pictures is not None
        self.fetch = context.pictures.fetch
        self._zip = archive
        self._path = context.scratch / MISSING
        self._lines = self._path.open("wb")
        self._lines.write(b"data_row_id,global_key,address,reason\r\n")
        self._found = self._missing = 0

    def add(self, name: str, picture: Fetched) -> Iterator[bytes]:
        """The entry, in blocks; the picture's file is gone then."""
        try:
            yield self._zip.entry(name, picture.size, picture.crc)
            with picture.path.open("rb") as stream:
                while block := stream.read(_BLOCK):
                    yield block
        finally:
            picture.path.unlink(missing_ok=True)
        self._found += 1

    def miss(self, row_id: str, global_key: str, address: str, why: NotFetched) -> None:
        """Into the list, which is for people: no cell is a formula."""
        cells = row_id, global_key, shown_address(address), why.reason
        self._lines.write((",".join(map(safe_cell, cells)) + "\r\n").encode())
        self._missing += 1

    def end(self) -> Iterator[bytes]:
        """The entry with the list, which is there also where it is empty."""
        self._lines.close()
        yield from self._zip.add_file(MISSING, self._path)
        self._path.unlink()

    def notes(self) -> dict[str, int]:
        """By the keys of :data:`PICTURE_NOTES`."""
        return {"images": self._found, "images_missing": self._missing}


class PictureArchive(Format):
    """A zip made of COCO fragments, with the pictures beside where :data:`IMAGES` says so."""

    extension = "zip"
    media_type = "application/zip"
    is_archive = True
    columns = frozenset({COCO})

    @classmethod
    def holds_parts(cls, options: Mapping[str, str]) -> bool:
        return False

    @classmethod
    def fetches_pictures(cls, options: Mapping[str, str]) -> bool:
        return wants_pictures(options)

    @classmethod
    def reads(cls, options: Mapping[str, str]) -> frozenset[str]:
        return cls.columns | {BODY} if wants_pictures(options) else cls.columns

    @classmethod
    def supports(cls, kind: Kind) -> bool:
        return kind.in_coco


def wants_pictures(options: Mapping[str, str]) -> bool:
    """Were they chosen?"""
    return options.get(IMAGES.name) == WITH


def address_in(body: bytes) -> str:
    """The ``row_data`` of a marked body: what stands before its first part is the row's head."""
    head = orjson.loads(body.partition(SEAM)[0] + b"}}")
    address: str = head["data_row"]["row_data"]
    return address
