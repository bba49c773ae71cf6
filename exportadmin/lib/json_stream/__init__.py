"""Big JSON files piece by piece, in flat memory: the rows of an array, the sections of an object, the lines of ndjson.

The scan is structural and vectorised: per block of the file, numpy finds the quotes that are not escaped, what stands
outside strings, and the depth of every bracket. Only the pieces themselves are handed to a parser, one at a time, so a
file may be of any size, a string in it too. What is delivered for a piece (:class:`Element`) includes the number of its
``key: value`` pairs, which is how :func:`parse` finds a key that stands twice: parsers keep the last one in silence.

Bytes are counted from 0 at the file's beginning (a byte order mark included), lines and rows from 1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import BinaryIO

from exportadmin.lib.json_stream.lines import Lines
from exportadmin.lib.json_stream.marks import BOM, OPEN_BRACE, OPEN_BRACKET
from exportadmin.lib.json_stream.parse import loosely, parse
from exportadmin.lib.json_stream.pieces import MAX_DEPTH, MAX_ELEMENT_BYTES, Element, Piece, RowRefused
from exportadmin.lib.json_stream.walker import Walker

__all__ = [
    "MAX_DEPTH",
    "MAX_ELEMENT_BYTES",
    "Element",
    "Piece",
    "RowRefused",
    "elements",
    "first_byte",
    "lines",
    "loosely",
    "parse",
    "sections",
]

_BLANK = b" \t\r\n"


def elements(
    stream: BinaryIO, *, max_bytes: int = MAX_ELEMENT_BYTES, max_depth: int = MAX_DEPTH, keep: bool = True
) -> Iterator[Element]:
    """The elements of a file that is one JSON array.

    ``keep=False`` leaves ``raw`` empty and pairs uncounted: a check of the structure only. An element that is larger
    than ``max_bytes`` or nested deeper than ``max_depth`` is delivered with its ``error``. Raises :class:`UserError`
    with line and byte when the file is no array, is cut off, or has something between its elements that does not
    belong there.
    """
    for piece in Walker(stream, OPEN_BRACKET, max_bytes, max_depth, keep).pieces():
        assert piece.element is not None
        yield piece.element


def sections(
    stream: BinaryIO,
    *,
    max_bytes: int = MAX_ELEMENT_BYTES,
    max_depth: int = MAX_DEPTH,
    keep: bool = True,
    is_entry: Callable[[str], bool] | None = None,
) -> Iterator[Piece]:
    """The pieces of a file that is one JSON object: arrays under its keys element by element, other values whole.

    Arguments and errors as with :func:`elements`; a key that stands twice at the top is an error too, and so are very
    many. Of a file with an entry a key, ``is_entry`` says which keys are such: of those there may be any number, and
    who reads them looks whether one comes again.
    """
    return Walker(stream, OPEN_BRACE, max_bytes, max_depth, keep, is_entry).pieces()


def lines(
    stream: BinaryIO, *, max_bytes: int = MAX_ELEMENT_BYTES, max_depth: int = MAX_DEPTH, keep: bool = True
) -> Iterator[Element]:
    """The lines of an ndjson file; blank ones are skipped and not counted as rows.

    A bad line does not touch its neighbours: :func:`parse` refuses it. Raises :class:`UserError` when the file is empty
    or ends inside its last line.
    """
    return Lines(stream, max_bytes, max_depth, keep).elements()


def first_byte(head: bytes) -> bytes:
    """The first byte that is not blank, behind a byte order mark; empty when there is none."""
    return head.removeprefix(BOM).lstrip(_BLANK)[:1]
