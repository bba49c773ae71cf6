"""What the scan delivers, and its limits."""

from __future__ import annotations

from typing import Final, NamedTuple

from exportadmin.lib.errors import ExportAdminError

MAX_ELEMENT_BYTES: Final = 32 * 1024 * 1024
MAX_DEPTH: Final = 200
HEAD_BYTES: Final = 64 * 1024  # what is kept of an element that is too large, for whoever wants to name it


class RowRefused(ExportAdminError):  # noqa: N818 - a finding about the file, not a fault
    """One row cannot be taken; the others can. ``position`` is ``"row 12 (line 40, byte 4711)"``."""

    def __init__(self, position: str, reason: str) -> None:
        super().__init__(f"{position}: {reason}")
        self.position = position
        self.reason = reason


class Element:
    """One piece of a file: ``raw`` bytes of a JSON value, where it stood, how many ``key: value`` pairs are in it.

    ``index`` counts from 0 within its array or file; ``offset`` is the byte of the file where it begins, ``length`` its
    size, ``line`` the line (from 1). With ``error`` set it was not kept: ``raw`` is then at most its first 64 KiB.
    """

    __slots__ = ("error", "index", "length", "line", "offset", "pairs", "raw")

    def __init__(
        self, raw: bytes, index: int, offset: int, length: int, line: int, pairs: int, error: str | None = None
    ) -> None:
        self.raw = raw
        self.index = index
        self.offset = offset
        self.length = length
        self.line = line
        self.pairs = pairs
        self.error = error

    def position(self, word: str = "row") -> str:
        """``"row 12 (line 40, byte 4711)"``, or another word: ``"annotation 12 (line 40, byte 4711)"``."""
        return f"{word} {self.index + 1} (line {self.line}, byte {self.offset})"

    def __repr__(self) -> str:
        return f"<Element {self.position()}: {self.error or self.raw[:60]!r}>"


class Piece(NamedTuple):
    """What :func:`sections` delivers: the ``element`` of a top-level ``key``.

    ``in_list``: the key's value is an array and this is one of its elements; ``element`` is ``None`` once, where the
    array begins, so that an empty array is seen too.
    """

    key: str
    element: Element | None
    in_list: bool


def size_text(count: int) -> str:
    """``"32 MiB"``, or bytes where it is no whole number of them."""
    return f"{count // 1_048_576} MiB" if count % 1_048_576 == 0 else f"{count:,} bytes"
