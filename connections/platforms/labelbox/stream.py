"""A stream of an export, put together from its files: asked for by byte, each checked, gone on with where it broke off.

How far it came stands beside the file, so that whoever goes on after a crash fetches what is missing alone. A signed
address that has ended is asked for anew.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import orjson
from django.conf import settings

from connections.platforms.labelbox.client import Chunk, Client, Size
from exportadmin.lib import formatting
from exportadmin.lib.errors import PermanentError, TransientError
from exportadmin.lib.http import PermanentStatusError, TooLargeError

if TYPE_CHECKING:
    import requests

# what storage answers for an address that has ended, or never was one of its own
_ENDED: Final = frozenset({400, 401, 403, 404, 410})
MOST_NEW_ADDRESSES: Final = 3
# how often one file of a stream goes on behind its last byte
MOST_RESUMES: Final = 5
_PIECE: Final = 256 * 1024
_RANGE: Final = re.compile(r"bytes (\d+)-\d+/(?:\d+|\*)", re.ASCII)


class _PageError(Exception):
    """A page came instead of a file."""


@dataclass(slots=True)
class _Place:
    """How far a stream was fetched: ``offset`` bytes and ``lines``, all of whole files of it."""

    task_id: str
    stream: str
    bytes: int
    offset: int = 0
    lines: int = 0


def fetch(client: Client, task_id: str, stream: str, path: Path, on_bytes: Callable[[int], None]) -> Size | None:
    """All of it to ``path``; ``None``: there is nothing in it, and no file. ``on_bytes`` is told of each piece, first
    of what was there already.

    Raises ``TransientError``, and the next call goes on; ``PermanentError``.
    """
    size = client.size(task_id, stream)
    if size is None:
        return None
    if size.bytes > settings.PLATFORM_FILE_BYTES:
        raise PermanentError(
            f"the export has {size.bytes:,} bytes; no more than {settings.PLATFORM_FILE_BYTES:,} are taken "
            "(EXPORTADMIN_PLATFORM_FILE_BYTES)"
        )
    _Stream(client, path, _Place(task_id, stream, size.bytes), on_bytes).fetch(size)
    return size


class _Stream:
    def __init__(self, client: Client, path: Path, fresh: _Place, on_bytes: Callable[[int], None]) -> None:
        self._client, self._path, self._on_bytes = client, path, on_bytes
        self._kept = path.with_name(f"{path.name}.place")
        self._place = self._read(fresh)
        if self._place is fresh:
            path.write_bytes(b"")
            self._keep()
        self._at = path.stat().st_size

    def fetch(self, size: Size) -> None:
        """Until its end."""
        if self._at:
            self._on_bytes(self._at)
        while self._place.offset < size.bytes:
            self._whole_chunk(size)
        if self._place.lines != size.lines:
            raise PermanentError(
                f"the export has {self._place.lines:,} lines, and Labelbox says that it has {size.lines:,}"
            )

    def _read(self, fresh: _Place) -> _Place:
        """What an attempt before came to, of this very stream."""
        try:
            place = _Place(**orjson.loads(self._kept.read_bytes()))
            held = self._path.stat().st_size
        except (OSError, orjson.JSONDecodeError, TypeError):
            return fresh
        is_same = (place.task_id, place.stream, place.bytes) == (fresh.task_id, fresh.stream, fresh.bytes)
        return place if is_same and place.offset <= held <= place.bytes else fresh

    def _keep(self) -> None:
        self._kept.write_bytes(orjson.dumps(asdict(self._place)))

    def _whole_chunk(self, size: Size) -> None:
        """The file that begins where the last one ended."""
        refused = broken = 0
        while True:
            chunk = self._client.chunk(self._place.task_id, self._place.stream, self._place.offset)
            self._check(chunk, size)
            before = self._at
            try:
                if before <= chunk.end:  # else it was whole when an attempt before ended
                    self._receive(chunk)
            except (_PageError, PermanentStatusError) as error:
                if isinstance(error, PermanentStatusError) and error.status not in _ENDED:
                    raise
                refused += 1
                if refused > MOST_NEW_ADDRESSES:
                    came = "gave a page" if isinstance(error, _PageError) else f"answered {_status(error)}"
                    raise PermanentError(
                        f"the address of the file {came}, and so did {MOST_NEW_ADDRESSES} new ones"
                    ) from None
                continue
            except TransientError:
                broken += 1
                if broken > MOST_RESUMES or self._at == before:
                    raise
                continue
            if self._at > chunk.end:
                break
            broken += 1
            if broken > MOST_RESUMES or self._at == before:
                raise TransientError(
                    f"the file of bytes {chunk.start:,} to {chunk.end:,} of the export has {self._at - chunk.start:,} "
                    f"of its {chunk.bytes:,} bytes"
                )
        self._settle(chunk)

    def _check(self, chunk: Chunk, size: Size) -> None:
        place = self._place
        if (chunk.start, chunk.first) != (place.offset, place.lines) or not chunk.start <= chunk.end < size.bytes:
            raise PermanentError(
                f"the files of the export do not follow each other: after {place.offset:,} bytes and {place.lines:,} "
                f"lines Labelbox names one of bytes {chunk.start:,} to {chunk.end:,} and lines {chunk.first:,} to "
                f"{chunk.last:,}"
            )
        if self._at > chunk.end + 1:
            self._at = chunk.start

    def _receive(self, chunk: Chunk) -> None:
        """As much as comes of what is missing. Raises as its session does, and :class:`_PageError`."""
        skipped = self._at - chunk.start
        try:
            answer = self._client.open_file(chunk.url, chunk.bytes, skipped)
            with closing(answer), self._path.open("r+b") as out:
                if answer.status_code == 206 and answer.headers.get("Content-Encoding", "identity") != "identity":
                    self._at = chunk.start  # nothing goes on in the middle of what is packed
                    raise TransientError("the rest of a file came packed: it is fetched from its beginning")
                out.seek(self._at)
                left = _to_skip(answer, skipped)
                for piece in answer.iter_content(_PIECE):
                    if self._at == chunk.start and left == 0 and piece.lstrip()[:1] == b"<":
                        raise _PageError
                    kept = piece[left:]
                    left -= len(piece) - len(kept)
                    if self._at + len(kept) > chunk.end + 1:
                        raise TooLargeError("")
                    out.write(kept)
                    self._at += len(kept)
                    if kept:
                        self._on_bytes(len(kept))
        except TooLargeError:
            raise PermanentError(
                f"the file of bytes {chunk.start:,} to {chunk.end:,} of the export has more than those {chunk.bytes:,}"
            ) from None

    def _settle(self, chunk: Chunk) -> None:
        """It is whole: its lines are counted."""
        lines, left, piece = 0, chunk.bytes, b""
        with self._path.open("rb") as file:
            file.seek(chunk.start)
            while left and (piece := file.read(min(_PIECE, left))):
                lines += piece.count(b"\n")
                left -= len(piece)
        lines += not piece.endswith(b"\n")
        if lines != chunk.last - chunk.first + 1:
            raise PermanentError(
                f"the file of lines {chunk.first:,} to {chunk.last:,} of the export holds {lines:,} lines"
            )
        self._place.offset, self._place.lines = self._at, self._place.lines + lines
        self._keep()


def _to_skip(answer: requests.Response, skipped: int) -> int:
    """How many bytes of an answer are here already: all that were to be left out, unless it left them out."""
    if answer.status_code != 206:
        return skipped
    found = _RANGE.fullmatch(answer.headers.get("Content-Range", "").strip())
    if found is None or int(found[1]) != skipped:
        raise TransientError("an answer in the middle of a file says another place of it than was asked for")
    return 0


def _status(error: PermanentStatusError | _PageError) -> str:
    assert isinstance(error, PermanentStatusError)
    return formatting.status(error.status)
