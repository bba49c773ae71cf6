"""The ``Range`` header of a request for one file (RFC 9110 §14)."""

from __future__ import annotations

import re
from typing import NamedTuple

# a position of more digits than any file has bytes is no position; int() of a long text would also cost time
_ONE = re.compile(r"(?:([0-9]{1,18})-([0-9]{0,18})|-([0-9]{1,18}))", re.ASCII)
_UNIT = re.compile(r"bytes[ \t]*=", re.ASCII | re.IGNORECASE)


class Span(NamedTuple):
    """``length`` bytes from ``first`` on, all of them within the file."""

    first: int
    length: int


class UnsatisfiableError(Exception):
    """The range is well formed, but the file has none of its bytes: answer 416."""


def parse_range(header: str | None, size: int) -> Span | None:
    """The part of a file of ``size`` bytes that is asked for; ``None``: answer with the whole file.

    That is so without a header, for another unit, for what is not well formed (both are to be ignored, §14.2) and for
    several ranges at once (a server may; nobody needs the multipart answer). Raises :class:`UnsatisfiableError`.
    """
    if header is None or (unit := _UNIT.match(header)) is None:
        return None
    ranges = [part for each in header[unit.end() :].split(",") if (part := each.strip(" \t"))]
    if len(ranges) != 1 or (found := _ONE.fullmatch(ranges[0])) is None:
        return None
    first, last, suffix = found.groups()
    if suffix is not None:
        return _suffix(int(suffix), size)
    begin, end = int(first), int(last) if last else size - 1
    if last and end < begin:
        return None
    if begin >= size:
        raise UnsatisfiableError
    return Span(begin, min(end, size - 1) - begin + 1)


def _suffix(length: int, size: int) -> Span | None:
    if length == 0:
        raise UnsatisfiableError
    if size == 0:  # "the entire representation": Content-Range has no words for nothing
        return None
    return Span(max(size - length, 0), min(length, size))
