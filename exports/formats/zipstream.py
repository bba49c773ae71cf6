"""A zip archive written front to back, with memory that does not grow with the number of entries.

Entries are stored, not compressed (what we put in is compressed already), with one fixed time, so that equal entries
give equal archives. Size and CRC-32 stand in front of each entry: readers need no data descriptors. The central
directory waits in a scratch file. Zip64 (PKWARE APPNOTE 4.3.14 to 4.5.3) where a number needs it, nowhere else.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

from isal import isal_zlib

_BLOCK = 1 << 20
_FULL_16, _FULL_32 = 0xFFFF, 0xFFFFFFFF
_PLAIN, _ZIP64 = 20, 45  # version needed to extract: 2.0, 4.5
_UNIX = 3 << 8
_UTF8_NAME = 1 << 11
_DATE = (0 << 9) | (1 << 5) | 1  # 1980-01-01, the first day that zip knows; time 00:00
_MODE = 0o100644 << 16

_local = struct.Struct("<4sHHHHHLLLHH").pack
_central = struct.Struct("<4sHHHHHHLLLHHHHHLL").pack
_end = struct.Struct("<4sHHHHLLH").pack
_end_64 = struct.Struct("<4sQHHLLQQQQ").pack
_locator_64 = struct.Struct("<4sLQL").pack


class ZipStream:
    """Bytes of an archive, in order: for each entry :meth:`entry` and then its data, at last :meth:`close`.

    ``spool`` is the scratch file for the directory, made here and removed by :meth:`close`. The caller gives every name
    once.
    """

    def __init__(self, spool: Path) -> None:
        self._spool_path = spool
        self._spool = spool.open("w+b")
        self._offset = 0
        self._entries = 0

    def entry(self, name: str, size: int, crc: int) -> bytes:
        """The local header of an entry; exactly ``size`` bytes with that CRC-32 must follow."""
        raw_name = name.encode("utf-8")
        flags = 0 if name.isascii() else _UTF8_NAME
        big = size >= _FULL_32
        extra = struct.pack("<HHQQ", 1, 16, size, size) if big else b""
        shown = _FULL_32 if big else size
        version = _ZIP64 if big else _PLAIN
        header = (
            _local(b"PK\x03\x04", version, flags, 0, 0, _DATE, crc, shown, shown, len(raw_name), len(extra))
            + raw_name
            + extra
        )
        offset = self._offset
        far = offset >= _FULL_32
        wide = (struct.pack("<QQ", size, size) if big else b"") + (struct.pack("<Q", offset) if far else b"")
        if wide:
            version = _ZIP64
            wide = struct.pack("<HH", 1, len(wide)) + wide
        self._spool.write(
            _central(
                b"PK\x01\x02",
                _UNIX | version,
                version,
                flags,
                0,
                0,
                _DATE,
                crc,
                shown,
                shown,
                len(raw_name),
                len(wide),
                0,
                0,
                0,
                _MODE,
                _FULL_32 if far else offset,
            )
            + raw_name
            + wide
        )
        self._offset += len(header) + size
        self._entries += 1
        return header

    def add(self, name: str, data: bytes) -> bytes:
        """A whole entry: header and data."""
        return self.entry(name, len(data), isal_zlib.crc32(data)) + data

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
        start, length, entries = self._offset, self._spool.tell(), self._entries
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
