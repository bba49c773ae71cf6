"""Files as platforms send them: what one is by its first bytes, whether it is whole, and its pieces, in flat memory."""

from __future__ import annotations

import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final

import orjson
from django.conf import settings

from exportadmin.lib import json_stream
from exportadmin.lib.errors import PermanentError, UserError

JSON_ARRAY, JSON_OBJECT, ZIP, PNG, TEXT = "a JSON array", "a JSON object", "a zip archive", "a PNG picture", "a text"
BINARY: Final = "of a sort that is not known"
_ZIP_MARKS: Final = (b"PK\x03\x04", b"PK\x05\x06")
_PNG_MARK, _PNG_END = b"\x89PNG\r\n\x1a\n", b"IEND\xaeB`\x82"
PIECE: Final = 1024 * 1024
# ending and media type
ENDINGS: Final = {
    JSON_ARRAY: ("json", "application/json"),
    JSON_OBJECT: ("json", "application/json"),
    ZIP: ("zip", "application/zip"),
    PNG: ("png", "image/png"),
    TEXT: ("txt", "text/plain"),
    BINARY: ("bin", "application/octet-stream"),
}


def sort_of(path: Path) -> str:
    """One of :data:`ENDINGS`. Raises ``PermanentError`` where it is empty, or a page instead of a file."""
    with path.open("rb") as file:
        head = file.read(4096)
    if not head:
        raise PermanentError("the file is empty")
    if head.startswith(_ZIP_MARKS):
        return ZIP
    if head.startswith(_PNG_MARK):
        return PNG
    first = json_stream.first_byte(head)
    if first == b"<":
        raise PermanentError("instead of the file a page or an error of its storage came")
    if b"\0" in head:
        return BINARY
    return {b"[": JSON_ARRAY, b"{": JSON_OBJECT}.get(first, TEXT)


def refuse_unknown(sort: str) -> None:
    """Raises ``PermanentError`` for what is of no sort that anybody knows."""
    if sort == BINARY:
        raise PermanentError(
            "the file is of a sort that is not known: neither JSON nor text, zip archive or PNG picture"
        )


def entries(path: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """Name and content of each file in an archive, all of which is read: its check sums say whether it is whole.

    Raises ``PermanentError`` for one that is cut off, damaged or too large; who reads the content does so within
    :func:`in_archive`.
    """
    left = settings.PLATFORM_FILE_BYTES
    with in_archive(), zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            if entry.is_dir():
                continue
            if (left := left - entry.file_size) < 0:  # and no more than that is unpacked of it
                raise PermanentError(
                    f"the archive unpacks to more than {settings.PLATFORM_FILE_BYTES:,} bytes "
                    "(EXPORTADMIN_PLATFORM_FILE_BYTES)"
                )
            with archive.open(entry) as file:
                yield entry.filename, file
                while file.read(PIECE):
                    pass


@contextmanager
def in_archive() -> Iterator[None]:
    """Raises ``PermanentError`` for what shows while an archive is read: it is cut off or damaged."""
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, ValueError, OSError, EOFError, RuntimeError) as error:
        raise PermanentError(f"the archive is cut off or damaged: {error}") from None


def check_picture(path: Path) -> None:
    """Raises ``PermanentError`` where a PNG picture is cut off."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 64))
        if _PNG_END not in file.read():
            raise PermanentError("the picture is cut off: it has no end")


def whole(elements: Callable[[], Any]) -> Any:
    """Raises ``PermanentError`` where the file ends before its JSON does, or is none."""
    try:
        yield from elements()
    except UserError as error:
        raise PermanentError(f"the file is not whole, or no JSON: {error.message}") from None


def value_of(element: Any) -> Any:
    """``None`` for what is too large to be looked at; what JSON does not have, such as NaN, is read all the same, since
    who takes the rows refuses that one alone. Raises ``PermanentError`` for what is no JSON.
    """
    if element.error is not None:
        return None
    try:
        return orjson.loads(element.raw)
    except orjson.JSONDecodeError as error:
        if (value := json_stream.loosely(element)) is not None:
            return value
        raise PermanentError(f"the file is no JSON: {element.position()}: {error}") from None


def object_of(element: Any) -> dict[str, Any]:
    """An empty one for what is none."""
    value = value_of(element)
    return value if isinstance(value, dict) else {}


def text_lines(file: IO[bytes]) -> tuple[int, bool]:
    """How many lines there are outside of quotes, and whether the last one ends within quotes."""
    lines, is_quoted, last = 0, False, b"\n"
    while piece := file.read(PIECE):
        for number, part in enumerate(piece.split(b'"')):
            is_quoted ^= number > 0
            lines += 0 if is_quoted else part.count(b"\n")
        last = piece[-1:]
    return lines + (last != b"\n"), is_quoted
