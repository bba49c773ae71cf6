"""The structure of a block of JSON text, by numpy: which quotes count, what stands outside strings, how deep."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from exportadmin.lib.errors import UserError

BLOCK_BYTES: Final = 256 * 1024  # fastest of 128 KiB … 4 MiB; the arrays made of a block are some ten times its size
BOM: Final = b"\xef\xbb\xbf"
OPEN_BRACE, OPEN_BRACKET, _QUOTE, _COLON, _BACKSLASH, NEWLINE = b'{[":\\\n'

Positions = NDArray[np.int64]


class Marks(NamedTuple):
    """Positions within a block: ``colons`` and ``brackets`` outside strings; for each bracket whether it ``opens``, and
    the depth behind it relative to the block's beginning."""

    colons: Positions
    brackets: Positions
    opens: NDArray[np.bool_]
    depth: NDArray[np.int32]
    found: Positions
    is_quote: NDArray[np.bool_]

    def quotes(self) -> Positions:
        """The unescaped quotes. Made when asked for: few blocks need them."""
        return self.found[self.is_quote]


class Reading:
    """What has to be known of all blocks before: are we in a string, is the next byte escaped, how deep are we."""

    __slots__ = ("depth", "escaped", "in_string")

    def __init__(self) -> None:
        self.in_string = False
        self.escaped = False
        self.depth = 0

    def marks(self, block: bytes) -> Marks:
        """Structure of the next block; moves the state behind it."""
        codes = np.frombuffer(block, dtype=np.uint8)
        folded = codes | 0x20  # [ and { become {, ] and } become }
        found = (folded == 0x7B) | (folded == 0x7D)
        found |= codes == _QUOTE
        found |= codes == _COLON
        at = np.flatnonzero(found)
        kinds = codes[at]
        is_quote = kinds == _QUOTE
        if self.escaped or b"\\" in block:
            escaped = self._escaped(codes)
            where = np.searchsorted(at, escaped)
            within = where < at.size
            where = where[within]
            is_quote[where[at[where] == escaped[within]]] = False
        inside = np.cumsum(is_quote, dtype=np.uint8)  # wraps at 256, which leaves the parity right
        if self.in_string:
            inside += 1
        inside &= 1
        structural = inside == 0
        structural &= kinds != _QUOTE
        if at.size:
            self.in_string = bool(inside[-1])
        outside = np.flatnonzero(structural)  # two takes by index are faster than two by mask
        places, kinds = at[outside], kinds[outside]
        is_colon = kinds == _COLON
        colons = places[is_colon]
        np.logical_not(is_colon, out=is_colon)
        brackets, kinds = places[is_colon], kinds[is_colon]
        opens = kinds & 2  # set in { and [, not in } and ]
        depth = np.cumsum(opens.view(np.int8) - np.int8(1), dtype=np.int32)
        if depth.size:
            self.depth += int(depth[-1])
        return Marks(colons, brackets, opens != 0, depth, at, is_quote)

    def _escaped(self, codes: NDArray[np.uint8]) -> Positions:
        """Positions that follow an odd run of backslashes; a run may begin in the block before."""
        slashes = np.flatnonzero(codes == _BACKSLASH)
        if not slashes.size:
            self.escaped = False
            return np.zeros(1, dtype=np.int64)
        first = np.ones(slashes.size, dtype=np.bool_)
        first[1:] = np.diff(slashes) != 1
        starts = slashes[first]
        lengths = np.diff(np.append(np.flatnonzero(first), slashes.size))
        behind = starts + lengths
        if self.escaped:
            if starts[0] == 0:
                lengths[0] += 1
            else:
                behind = np.insert(behind, 0, 0)
                lengths = np.insert(lengths, 0, 1)
        escaped: Positions = behind[(lengths & 1) == 1]
        self.escaped = bool(escaped.size) and int(escaped[-1]) == codes.size
        return escaped


def read_blocks(stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """``(byte offset, block)``, without the byte order mark. Raises :class:`UserError` for an empty file."""
    offset = 0
    block = stream.read(BLOCK_BYTES)
    while block and len(block) < 4:  # a stream may hand out less than it was asked for
        more = stream.read(BLOCK_BYTES)
        if not more:
            break
        block += more
    if block.startswith(BOM):
        offset, block = len(BOM), block[len(BOM) :]
        block = block or stream.read(BLOCK_BYTES)
    if not block:
        raise UserError("the file is empty; expected JSON")
    if block[:2] in (b"\xff\xfe", b"\xfe\xff") or block[:4].count(0) >= 2:
        raise UserError("line 1, byte 0: the file is not UTF-8; expected JSON in UTF-8")
    while block:
        yield offset, block
        offset += len(block)
        block = stream.read(BLOCK_BYTES)


def newlines_in(block: bytes) -> Positions:
    """Positions of the line feeds."""
    if b"\n" not in block:  # much faster than a comparison, and the rule in files that programs write
        return np.zeros(0, dtype=np.int64)
    return np.flatnonzero(np.frombuffer(block, dtype=np.uint8) == NEWLINE)
