"""Lines, each of them one JSON value."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from exportadmin.lib.errors import UserError
from exportadmin.lib.json_stream import marks as structure
from exportadmin.lib.json_stream.marks import NEWLINE, Reading, newlines_in, read_blocks
from exportadmin.lib.json_stream.pieces import HEAD_BYTES, Element, size_text


class Lines:
    def __init__(self, stream: BinaryIO, max_bytes: int, max_depth: int, keep: bool) -> None:
        self._stream = stream
        self._max_bytes = max_bytes
        self._max_depth = max_depth
        self._keep = keep
        self._too_large = f"row is larger than {size_text(max_bytes)}"
        self._too_deep = f"row is nested deeper than {max_depth} levels"
        self._index = 0
        self._line = 1

    def elements(self) -> Iterator[Element]:
        """All lines that are not blank."""
        waiting: list[bytes] = []  # the beginning of a line whose end has not come yet, at most max_bytes of it
        length = 0
        start = -1
        for offset, block in read_blocks(self._stream):
            if start < 0:
                start = offset
            if length:
                first = block.find(b"\n") + 1 or len(block)
                length += first
                self._stash(waiting, block[:first], length)
                if block[first - 1] != NEWLINE:
                    continue
                yield from self._one(b"".join(waiting), start, length)
                waiting, length, start = [], 0, offset + first
                block, offset = block[first:], offset + first
            stop = block.rfind(b"\n") + 1
            if stop:
                yield from self._many(block[:stop], offset)
            start = offset + stop
            length = len(block) - stop
            if length:
                self._stash(waiting, block[stop:], length)
        if length:
            yield from self._one(b"".join(waiting), start, length, is_last=True)

    def _stash(self, waiting: list[bytes], part: bytes, length: int) -> None:
        if length <= self._max_bytes:
            waiting.append(part)
        elif len(waiting) != 1 or len(waiting[0]) > HEAD_BYTES:
            waiting[:] = [b"".join([*waiting, part])[:HEAD_BYTES]]

    def _one(self, text: bytes, offset: int, length: int, *, is_last: bool = False) -> Iterator[Element]:
        """One line, however long; its structure is read block by block, so that memory stays flat."""
        pairs, deepest = 0, 0
        reading = Reading()
        error = self._too_large if length > self._max_bytes else None
        if error is None:
            for begin in range(0, len(text), structure.BLOCK_BYTES):
                depth = reading.depth
                marks = reading.marks(text[begin : begin + structure.BLOCK_BYTES])
                pairs += marks.colons.size
                deepest = max(deepest, depth + int(marks.depth.max(initial=0)))
            if is_last and (reading.in_string or reading.depth > 0):
                missing = "the end of a text" if reading.in_string else "a closing bracket"
                raise UserError(
                    f"line {self._line}, byte {offset + length}: the file ends inside the row that begins at "
                    f"line {self._line}, byte {offset}; expected {missing}"
                )
            if deepest > self._max_depth:
                error = self._too_deep
        yield from self._line_as_element(text.rstrip(b"\n"), offset, length, pairs, error)

    def _line_as_element(
        self, raw: bytes, offset: int, length: int, pairs: int, error: str | None
    ) -> Iterator[Element]:
        if error is not None or (raw and not raw.isspace()):
            if error is not None:
                raw = raw[:HEAD_BYTES]
            yield Element(raw if self._keep else b"", self._index, offset, length, self._line, pairs, error)
            self._index += 1
        self._line += 1

    def _many(self, text: bytes, offset: int) -> Iterator[Element]:
        """Whole lines, all of one block. Their structure is read in one go if every line is closed in itself."""
        newlines = newlines_in(text)
        marks = Reading().marks(text)
        depths = np.append(marks.depth, 0)  # where no bracket stands before a line's end, index -1 finds this 0
        closed = not np.any(depths[np.searchsorted(marks.brackets, newlines) - 1]) and not np.any(
            np.searchsorted(marks.quotes(), newlines) & 1
        )
        stops = newlines.tolist()
        start = 0
        if not closed:  # one bad line must not touch its neighbours
            for stop in stops:
                yield from self._one(text[start : stop + 1], offset + start, stop + 1 - start)
                start = stop + 1
            return
        deeps = marks.brackets[marks.depth > self._max_depth]
        colons_before = deep_before = 0
        for stop, colons, deep in zip(
            stops,
            np.searchsorted(marks.colons, newlines).tolist(),
            np.searchsorted(deeps, newlines).tolist(),
            strict=True,
        ):
            error = self._too_deep if deep > deep_before else None
            if stop - start > self._max_bytes:
                error = self._too_large
            yield from self._line_as_element(
                text[start:stop], offset + start, stop - start, colons - colons_before, error
            )
            start, colons_before, deep_before = stop + 1, colons, deep
