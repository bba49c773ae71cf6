"""Chunks of a stream of rows: pieces of the delivered file, cut at lines, each behind an address of its own.

Where a chunk begins follows from the file alone, so any of its bytes or lines names the same chunk, now and later.
Nothing is copied: a chunk is read from the file when it is fetched.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final

from django.core import signing

from exportadmin.lib.errors import UserError
from exports.models import Artifact
from exports.results.reader import read_rows

# bytes: a chunk is about so large, and of a large file larger, so that there are not too many
SMALLEST: Final = 1 << 20
LARGEST: Final = 1 << 24
MOST: Final = 512
ADDRESS_SECONDS: Final = 3600
_SALT: Final = "exports.dialects.labelbox.chunks"


@dataclass(frozen=True, slots=True)
class Chunk:
    """``lines`` lines from ``line`` (0 is the first) on, which are ``size`` bytes from ``offset`` on."""

    line: int
    lines: int
    offset: int
    size: int


def chunk_at(artifact: Artifact, *, offset: int | None = None, line: int | None = None) -> Chunk:
    """The chunk that holds the byte, or the line, of an ndjson file. Raises :class:`UserError` for one outside it."""
    total = artifact.bytes if line is None else artifact.lines or 0
    wanted, what = (offset or 0, "offset") if line is None else (line, "line")
    if not 0 <= wanted < total:
        raise UserError(f"{what} is out of range, max {what} is {total - 1}", field=what)
    starts = _starts(artifact)
    column = 1 if line is None else 0
    place = bisect_right(starts, wanted, key=lambda start: start[column])
    first_line, first_offset = starts[place - 1]
    end = starts[place] if place < len(starts) else (artifact.lines or 0, artifact.bytes)
    return Chunk(first_line, end[0] - first_line, first_offset, end[1] - first_offset)


def _starts(artifact: Artifact) -> list[tuple[int, int]]:
    """``(line, offset)`` of each chunk."""
    step = min(max(artifact.bytes // MOST, SMALLEST), LARGEST)
    index = getattr(artifact, "line_index", None)
    found: list[tuple[int, int]] = []
    for line, offset in index.entries if index else _scanned(artifact):
        if not found or offset // step != found[-1][1] // step:
            found.append((line, offset))
    return found


def _scanned(artifact: Artifact) -> Iterator[Sequence[int]]:
    """The same of a file without an index: the list of refused rows."""
    line = offset = 0
    with closing(read_rows(artifact)) as blocks:
        yield 0, 0
        for block in blocks:
            if last := block.rfind(b"\n") + 1:
                yield line + block.count(b"\n"), offset + last
            line += block.count(b"\n")
            offset += len(block)


class UnreadableAddressError(ValueError):
    """It was not made here, or it was changed."""


@dataclass(frozen=True, slots=True)
class Address:
    """What the address of a chunk says. ``token_id`` is the public id of the token that asked for it."""

    token_id: str
    artifact_id: str
    chunk: Chunk
    is_over: bool = False


def write_address(token_id: str, artifact: Artifact, chunk: Chunk) -> str:
    """What stands in the URL: good for :data:`ADDRESS_SECONDS`."""
    value = [token_id, artifact.public_id, chunk.line, chunk.lines, chunk.offset, chunk.size]
    return signing.dumps(value, salt=_SALT)


def read_address(text: str) -> Address:
    """Raises :class:`UnreadableAddressError`."""
    try:
        value: Any = signing.loads(text, salt=_SALT)
        is_over = False
        try:
            signing.loads(text, salt=_SALT, max_age=ADDRESS_SECONDS)
        except signing.SignatureExpired:
            is_over = True
    except (signing.BadSignature, ValueError) as error:
        raise UnreadableAddressError from error
    token_id, artifact_id, *numbers = value
    return Address(token_id, artifact_id, Chunk(*numbers), is_over)
