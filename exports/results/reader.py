"""Rows of a finished ``json`` or ``ndjson`` result from any line or byte on, without reading what comes before.

Both formats give the same stream: a row a line, each ended by one line feed. ``offset`` counts bytes of that stream, so
that a reader who lost the connection goes on at the number of bytes it has. Of an ndjson file the stream is the file;
of a json file it is what lies between ``[\\n`` and ``]\\n`` without the commas. Bytes throughout, never text.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from exportadmin.lib.errors import UserError
from exports.delivery.reading import DeliveredFileReader, open_delivered
from exports.models import Artifact, LineIndex

BLOCK = 1 << 17
NDJSON, JSON = "application/x-ndjson", "application/json"


@dataclass(frozen=True, slots=True)
class _Layout:
    """How a file differs from its stream: bytes before the first row, after each row but the last, after the last."""

    before: int
    comma: int
    after: int

    def in_file(self, line: int, offset: int) -> int:
        """Where the row ``line`` that begins at ``offset`` of the stream begins in the file."""
        return self.before + offset + self.comma * line

    def in_stream(self, line: int, offset: int) -> int:
        """The other way round."""
        return offset - self.before - self.comma * line


_LAYOUTS: dict[str, _Layout] = {NDJSON: _Layout(0, 0, 0), JSON: _Layout(2, 1, 2)}


class RowStream:
    """Chunks of whole and cut lines; joined, they are lines from ``first_line`` on.

    ``first_offset`` is where that line begins; ``total_size`` (bytes) and ``total_lines`` are those of the whole
    stream. Closed by :meth:`close`, and by itself at the end.
    """

    def __init__(
        self,
        blocks: Iterator[bytes],
        file: DeliveredFileReader,
        *,
        first_line: int,
        first_offset: int,
        size: int,
        lines: int,
    ) -> None:
        self.first_line = first_line
        self.first_offset = first_offset
        self.total_size = size
        self.total_lines = lines
        self._blocks = blocks
        self._file = file

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            return next(self._blocks)
        except BaseException:
            self.close()
            raise

    def lines(self) -> Iterator[bytes]:
        """Whole lines without their line feeds, instead of chunks."""
        held = b""
        for chunk in self:
            *lines, held = (held + chunk).split(b"\n")
            yield from lines
        if held:
            yield held

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read_rows(
    artifact: Artifact, *, line: int | None = None, offset: int | None = None, limit: int | None = None
) -> RowStream:
    """Rows from ``line`` (0 is the first) or from the row that holds byte ``offset``; all of them, or ``limit`` rows.

    With the artifact's :class:`LineIndex` it jumps; without it, it scans from the beginning.

    Raises :class:`UserError` for a place outside the result (``line is out of range, max line is N``, as Labelbox words
    it), for both at once and for a format without lines, and :class:`~exportadmin.lib.errors.GoneError` when the file
    is not there.
    """
    if line is not None and offset is not None:
        raise UserError("give either a line or an offset, not both", field="offset")
    if limit is not None and limit < 1:
        raise UserError("limit is the number of rows to read, at least 1", field="limit")
    if (artifact.media_type == JSON and artifact.report.format != "json") or artifact.media_type not in _LAYOUTS:
        raise UserError(
            f"rows can be read from results in json and ndjson; this one is {artifact.report.format}: download the file"
        )
    file = open_delivered(artifact)
    try:
        reader = _Reader(file, artifact, _LAYOUTS[artifact.media_type])
        size, lines = reader.measure()
        _must_be_inside("line", line, lines)
        _must_be_inside("offset", offset, size)
        first_line, first_offset = reader.find_offset(offset) if offset is not None else reader.find_line(line or 0)
        blocks = reader.blocks(first_line, first_offset)
        return RowStream(
            blocks if limit is None else _cut(blocks, limit),
            file,
            first_line=first_line,
            first_offset=first_offset,
            size=size,
            lines=lines,
        )
    except BaseException:
        file.close()
        raise


def _must_be_inside(what: str, index: int | None, count: int) -> None:
    if index is None or 0 <= index < count or (index == count == 0):
        return
    if count == 0:
        raise UserError(f"{what} is out of range, the result has no rows", field=what)
    raise UserError(f"{what} is out of range, max {what} is {count - 1}", field=what)


class _Reader:
    def __init__(self, file: DeliveredFileReader, artifact: Artifact, layout: _Layout) -> None:
        self._file = file
        self._layout = layout
        self._end = max(artifact.bytes - layout.after, layout.before)
        self._lines = artifact.lines
        index: LineIndex | None = getattr(artifact, "line_index", None)
        self._index = (index.entries if index else None) or [[0, layout.before]]

    def measure(self) -> tuple[int, int]:
        """Bytes and lines of the stream. Without a line count on the artifact, the file is read once for it."""
        if self._lines is None:
            self._lines = sum(block.count(b"\n") for block in self.blocks(0, 0))
        if self._lines == 0:
            return 0, 0
        return self._layout.in_stream(self._lines - 1, self._end), self._lines

    def find_line(self, line: int) -> tuple[int, int]:
        """``line`` and its offset in the stream."""
        at, offset = self._entry_before(bisect_right(self._index, line, key=lambda pair: pair[0]))
        if at < line:
            for block in self.blocks(at, offset):
                here = block.count(b"\n")
                if at + here >= line:
                    return line, offset + _after_line(block, line - at)
                at += here
                offset += len(block)
        return at, offset

    def find_offset(self, wanted: int) -> tuple[int, int]:
        """The line that holds the byte ``wanted`` of the stream, and the offset at which it begins."""
        in_stream = self._layout.in_stream
        at, offset = self._entry_before(bisect_right(self._index, wanted, key=lambda pair: in_stream(*pair)))
        begins = offset
        for block in self.blocks(at, offset):
            before = block[: wanted - offset]
            at += before.count(b"\n")
            if (last := before.rfind(b"\n")) >= 0:
                begins = offset + last + 1
            offset += len(block)
            if offset > wanted:
                break
        return at, begins

    def _entry_before(self, place: int) -> tuple[int, int]:
        """The index's last entry before ``place`` of it, as line and offset in the stream."""
        line, offset = self._index[place - 1] if place else (0, self._layout.before)
        return line, self._layout.in_stream(line, offset)

    def blocks(self, line: int, offset: int) -> Iterator[bytes]:
        """The stream from a row's beginning to the end, in pieces of about :data:`BLOCK` bytes."""
        place = self._layout.in_file(line, offset)
        self._file.seek(place)
        held = b""
        while place < self._end:
            read = self._file.read(min(BLOCK, self._end - place))
            if not read:
                raise OSError("the file became shorter while it was being read")
            place += len(read)
            if self._layout.comma:
                # no row holds a raw line feed or ends with a comma, so a comma before a line feed stands between rows
                read = held + read
                held = b"," if read.endswith(b",") else b""
                read = read[: len(read) - len(held)].replace(b",\n", b"\n")
            if read:
                yield read


def _after_line(block: bytes, count: int) -> int:
    """The place after the ``count``-th line feed of ``block``, which has as many."""
    place = 0
    for _ in range(count):
        place = block.index(b"\n", place) + 1
    return place


def _cut(blocks: Iterator[bytes], limit: int) -> Iterator[bytes]:
    """The first ``limit`` lines."""
    for block in blocks:
        here = block.count(b"\n")
        if here >= limit:
            yield block[: _after_line(block, limit)]
            return
        limit -= here
        yield block
