"""A zip archive written front to back, with memory that does not grow with the number of entries.

Entries have one fixed time, so that equal ones give equal archives. A whole entry is stored (most of what we put in is
compressed already) or deflated, and its sizes and CRC-32 stand in front of it: readers need no data descriptor. One
that grows is deflated and has a descriptor behind it, in Zip64's form, since nobody knows beforehand how long it gets.
The central directory waits in a scratch file. Otherwise Zip64 (PKWARE APPNOTE 4.3.14 to 4.5.3) only where a number
needs it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from isal import isal_zlib

_BLOCK = 1 << 20
_FULL_16, _FULL_32 = 0xFFFF, 0xFFFFFFFF
_PLAIN, _ZIP64 = 20, 45  # version needed to extract: 2.0, 4.5
_UNIX = 3 << 8
_UTF8_NAME = 1 << 11
_DESCRIPTOR_FOLLOWS = 1 << 3
_STORED, _DEFLATED = 0, 8
_LEVEL: Final = 1
_RAW: Final = -15  # deflate without a frame around it
_DATE = (0 << 9) | (1 << 5) | 1  # 1980-01-01, the first day that zip knows; time 00:00
_MODE = 0o100644 << 16
_FOLDER_MODE = 0o040755 << 16 | 0x10  # and the attribute of MS-DOS

_local = struct.Struct("<4sHHHHHLLLHH").pack
_central = struct.Struct("<4sHHHHHHLLLHHHHHLL").pack
_descriptor = struct.Struct("<4sLQQ").pack
_end = struct.Struct("<4sHHHHLLH").pack
_end_64 = struct.Struct("<4sQHHLLQQQQ").pack
_locator_64 = struct.Struct("<4sLQL").pack


class Deflated(NamedTuple):
    """``size`` bytes with that CRC-32, as ``data`` when they are deflated."""

    data: bytes
    size: int
    crc: int


def deflated(data: bytes | memoryview) -> Deflated:
    """These bytes, compressed."""
    return Deflated(isal_zlib.compress(data, _LEVEL, _RAW), len(data), isal_zlib.crc32(data))


class ZipStream:
    """Bytes of an archive, in order: for each entry :meth:`entry` and then its data, at last :meth:`close`.

    ``spool`` is the scratch file for the directory, made here and removed by :meth:`close`. The caller gives every name
    once; one that ends with a slash is a folder.
    """

    def __init__(self, spool: Path) -> None:
        self._spool_path = spool
        self._spool = spool.open("w+b")
        self.offset = 0
        self._entries = 0

    def entry(self, name: str, size: int, crc: int, *, packed: int | None = None) -> bytes:
        """The local header of an entry; exactly ``size`` bytes with that CRC-32 must follow, or what they are when they
        are deflated, in ``packed`` bytes."""
        method, follows = (_STORED, size) if packed is None else (_DEFLATED, packed)
        big = size >= _FULL_32
        extra = struct.pack("<HHQQ", 1, 16, size, follows) if big else b""
        header = self.header(name, 0, method, crc, _FULL_32 if big else size, _FULL_32 if big else follows, extra)
        self.enter(name, 0, method, size, follows, crc)
        self.offset += len(header) + follows
        return header

    def add(self, name: str, data: bytes) -> bytes:
        """A whole entry: header and data."""
        return self.entry(name, len(data), isal_zlib.crc32(data)) + data

    def add_deflated(self, name: str, what: Deflated) -> bytes:
        """A whole entry, compressed."""
        return self.entry(name, what.size, what.crc, packed=len(what.data)) + what.data

    def grow(self, name: str) -> GrowingEntry:
        """An entry whose length nobody knows yet; no other is begun before its end."""
        return GrowingEntry(self, name)

    def add_file(self, name: str, path: Path) -> Iterator[bytes]:
        """A whole entry from a file, in blocks; the file is read twice, since its CRC-32 comes first."""
        crc = size = 0
        with path.open("rb") as stream:
            while block := stream.read(_BLOCK):
                crc = isal_zlib.crc32(block, crc)
                size += len(block)
            yield self.entry(name, size, crc)
            stream.seek(0)
            while block := stream.read(_BLOCK):
                yield block

    def close(self) -> Iterator[bytes]:
        """The central directory and the end record."""
        start, length, entries = self.offset, self._spool.tell(), self._entries
        self._spool.seek(0)
        while block := self._spool.read(_BLOCK):
            yield block
        self._spool.close()
        self._spool_path.unlink()
        if entries >= _FULL_16 or start >= _FULL_32 or length >= _FULL_32:
            yield _end_64(b"PK\x06\x06", 44, _UNIX | _ZIP64, _ZIP64, 0, 0, entries, entries, length, start)
            yield _locator_64(b"PK\x06\x07", 0, start + length, 1)
        shown = min(entries, _FULL_16)
        yield _end(b"PK\x05\x06", 0, 0, shown, shown, min(length, _FULL_32), min(start, _FULL_32), 0)

    def header(
        self, name: str, flags: int, method: int, crc: int, shown_size: int, shown_packed: int, extra: bytes
    ) -> bytes:
        """Of an entry, in front of it: sizes as they are shown there, real ones in ``extra`` where they are wide."""
        raw_name = name.encode("utf-8")
        flags |= 0 if name.isascii() else _UTF8_NAME
        version = _ZIP64 if extra else _PLAIN
        sizes = crc, shown_packed, shown_size, len(raw_name), len(extra)
        return _local(b"PK\x03\x04", version, flags, method, 0, _DATE, *sizes) + raw_name + extra

    def enter(self, name: str, flags: int, method: int, size: int, packed: int, crc: int) -> None:
        """An entry that begins here, into the directory."""
        raw_name = name.encode("utf-8")
        flags |= 0 if name.isascii() else _UTF8_NAME
        big, far = size >= _FULL_32 or packed >= _FULL_32, self.offset >= _FULL_32
        wide = (struct.pack("<QQ", size, packed) if big else b"") + (struct.pack("<Q", self.offset) if far else b"")
        version = _ZIP64 if wide or flags & _DESCRIPTOR_FOLLOWS else _PLAIN
        if wide:
            wide = struct.pack("<HH", 1, len(wide)) + wide
        sizes = (_FULL_32, _FULL_32) if big else (packed, size)
        mode = _FOLDER_MODE if name.endswith("/") else _MODE
        lengths = len(raw_name), len(wide), 0, 0, 0, mode, _FULL_32 if far else self.offset
        head = _central(b"PK\x01\x02", _UNIX | version, version, flags, method, 0, _DATE, crc, *sizes, *lengths)
        self._spool.write(head + raw_name + wide)
        self._entries += 1


class GrowingEntry:
    """Bytes of an entry of a :class:`ZipStream`, in order: :meth:`begin`, :meth:`write` as often as needed,
    :meth:`end`.

    They are compressed in blocks of one size: the same bytes give the same archive however they are cut when they come.
    """

    def __init__(self, archive: ZipStream, name: str) -> None:
        self._archive, self._name = archive, name
        self._deflate = isal_zlib.compressobj(_LEVEL, _DEFLATED, _RAW)
        self._waiting = bytearray()
        self._crc = self._size = self._packed = self._header_size = 0

    def begin(self) -> bytes:
        """The header."""
        extra = struct.pack("<HHQQ", 1, 16, 0, 0)
        header = self._archive.header(self._name, _DESCRIPTOR_FOLLOWS, _DEFLATED, 0, _FULL_32, _FULL_32, extra)
        self._header_size = len(header)
        return header

    def write(self, data: bytes) -> bytes:
        """What comes of these bytes now, which may be nothing."""
        self._waiting += data
        whole = len(self._waiting) // _BLOCK * _BLOCK
        if not whole:
            return b""
        packed = b"".join(self._pack(self._waiting[start : start + _BLOCK]) for start in range(0, whole, _BLOCK))
        del self._waiting[:whole]
        return packed

    def end(self) -> bytes:
        """The rest, and the descriptor."""
        rest = self._pack(self._waiting) + self._count(self._deflate.flush())
        archive = self._archive
        archive.enter(self._name, _DESCRIPTOR_FOLLOWS, _DEFLATED, self._size, self._packed, self._crc)
        descriptor = _descriptor(b"PK\x07\x08", self._crc, self._packed, self._size)
        archive.offset += self._header_size + self._packed + len(descriptor)
        return rest + descriptor

    def _pack(self, data: bytearray) -> bytes:
        self._crc = isal_zlib.crc32(data, self._crc)
        self._size += len(data)
        return self._count(self._deflate.compress(data))

    def _count(self, packed: bytes) -> bytes:
        self._packed += len(packed)
        return packed
