"""COCO run-length masks: what the compressed text says, without making the picture.

A mask is ``{"size": [height, width], "counts": text}``. The runs go down the columns, first column first, and change
between background and mask, beginning with background. In the text every count is a signed number in pieces of five
bits, lowest first, one character a piece (code 48 + piece, 32 added when more follow); from the fourth count on it
is the difference to the count two before (pycocotools, ``maskApi.c``, ``rleToString``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from connections.rows.checks import BadMark, shown

# pycocotools counts pixels in 32 bits
MAX_PIXELS: Final = 2**32 - 1
# a few characters can say a mask of so many pieces that working them out along its rows takes all memory there is
MOST_PIECES: Final = 8_000_000
# a mask is drawn in at most so many rectangles, and no wider or higher than this
MASK_PIECES: Final = 4_000
WIDEST: Final = 100_000
_FIRST, _LAST = 48, 111
_ALLOWED = bytes(range(_FIRST, _LAST + 1))
_LONGEST = 8  # characters of a count: 40 bits, more than any picture has pixels


def _raw(counts: str | bytes) -> bytes:
    return counts.encode("utf-8", "surrogatepass") if isinstance(counts, str) else counts


def run_lengths(counts: str | bytes) -> NDArray[np.int64]:
    """The runs of a compressed text. Raises ``ValueError`` for a text that is none."""
    raw = _raw(counts)
    if not raw:
        return np.zeros(0, np.int64)
    if raw.translate(None, _ALLOWED):
        raise ValueError("the mask's counts hold a character that COCO does not use")
    codes = np.frombuffer(raw, np.uint8) - np.uint8(_FIRST)
    last = np.flatnonzero(codes < 32)
    if not len(last) or last[-1] != len(codes) - 1:
        raise ValueError("the mask's counts break off")
    first = np.empty_like(last)
    first[0] = 0
    first[1:] = last[:-1]
    first[1:] += 1
    more = last - first  # characters behind the first one
    if more.max() >= _LONGEST:
        raise ValueError("the mask's counts hold a number that is too large")
    shifts = np.arange(len(codes))
    shifts -= first.repeat(more + 1)
    shifts *= 5
    runs: NDArray[np.int64] = np.add.reduceat((codes & 31) << shifts, first)
    runs -= (codes.take(last) & 16) * 2 << 5 * more  # the sign
    runs[1::2] = runs[1::2].cumsum()
    runs[2::2] = runs[2::2].cumsum()
    if runs.min() < 0:
        raise ValueError("the mask's counts hold a run below zero")
    if runs.max() > MAX_PIXELS:  # a few of these, and their sum begins anew behind 64 bits
        raise ValueError("the mask's counts hold a run that is longer than any picture")
    return runs


def check_pieces(count: int) -> None:
    """Raises ``ValueError`` for more than can be worked out."""
    if count > MOST_PIECES:
        raise ValueError(f"the mask has {count:,} pieces along its rows or columns; at most {MOST_PIECES:,} are taken")


def edges(counts: str | bytes, height: int, width: int) -> NDArray[np.int64]:
    """``[begin, end, begin, end, …)`` of the mask's runs in a column-major picture of that size.

    Raises ``ValueError`` when the runs do not fill the picture exactly.
    """
    ends = run_lengths(counts).cumsum()
    if (int(ends[-1]) if len(ends) else 0) != height * width:
        raise ValueError(f"the mask's runs do not add up to {width} x {height} pixels")
    return ends[:-1] if len(ends) % 2 else ends


def area_and_box(mask: Mapping[str, Any]) -> tuple[int, list[float]]:
    """Pixels of the mask, and ``[left, top, width, height]`` around them, as pycocotools tells them.

    Raises ``ValueError`` for counts that break off: its C code would read on behind them.
    """
    height, width = mask["size"]
    raw = _raw(mask["counts"])
    if height < 1 or width < 1 or not raw:  # it also divides by the height
        return 0, [0.0, 0.0, 0.0, 0.0]
    if (raw[-1] - _FIRST) & 32 or b"\0" in raw:
        raise ValueError("the mask's counts break off")
    rle = [{"size": [height, width], "counts": raw}]
    return int(coco_mask.area(rle)[0]), coco_mask.toBbox(rle)[0].tolist()


def tidy_mask(rle: Mapping[str, Any], height: int | None, width: int | None) -> dict[str, Any]:
    """COCO run lengths, compressed or as a list, as ``{"size": [height, width], "counts": "<compressed>"}``.

    They must be of the picture's size and fill it exactly. Raises :class:`BadMark`.
    """
    if height is None or width is None:
        raise BadMark("there is a mask, but the picture's width and height are not known")
    size, counts = rle.get("size"), rle.get("counts")
    if size != [height, width]:
        raise BadMark(f"the mask's size {shown(size)} is not the picture's [height, width] = [{height}, {width}]")
    if height * width > MAX_PIXELS:
        raise BadMark(f"the mask has {height * width:,} pixels; at most {MAX_PIXELS:,} can be kept")
    if type(counts) is list:
        counts = compressed(whole_counts(counts, height, width), height, width)
    elif type(counts) is str:
        try:
            edges(counts, height, width)
        except ValueError as error:
            raise BadMark(str(error)) from None
    else:
        raise BadMark(f"the mask's counts are neither a text nor a list but {shown(counts)}")
    return {"size": [height, width], "counts": counts}


def whole_counts(counts: list[Any], height: int, width: int) -> list[int]:
    """Uncompressed run lengths that add up to the picture. Raises :class:`BadMark`."""
    if counts and not ({int}.issuperset(map(type, counts)) and min(counts) >= 0):
        raise BadMark("the mask's counts are not all whole numbers from 0 up")
    total = sum(counts)
    if total != height * width:
        raise BadMark(f"the mask's counts add up to {total:,} pixels; the picture has {height * width:,}")
    return counts


def compressed(counts: Any, height: int, width: int) -> str:
    """pycocotools' text for a sequence of run lengths."""
    runs = np.asarray(counts, dtype=np.uint32)
    text: bytes = coco_mask.frPyObjects([{"size": [height, width], "counts": runs}], height, width)[0]["counts"]
    return text.decode("ascii")


def rectangles(counts: str | bytes, height: int, width: int) -> list[tuple[int, int, int, int]]:
    """``(left, top, width, bottom)`` that cover the mask; where they would be too many, coarser ones.

    Raises ``ValueError`` for a mask that cannot be drawn.
    """
    if not (0 < height <= WIDEST and 0 < width <= WIDEST):
        raise ValueError("a mask of no size that can be drawn")
    runs = edges(counts, height, width)
    step = 1
    while (found := _rectangles(runs, height, width, step)) is None:
        step *= 2
    return found


def _rectangles(runs: Any, height: int, width: int, step: int) -> list[tuple[int, int, int, int]] | None:
    """``(left, top, width, bottom)`` of a mask's runs; ``None`` where there are more than :data:`MASK_PIECES`.

    With a ``step`` only every so many columns are looked at, and drawn as wide as that.
    """
    begins, ends = runs[0::2], runs[1::2]
    if not len(runs):
        return []
    # only from the first column that has a run to the last
    from_column = int(begins[0]) // height // step * step
    columns = np.arange(from_column, min(int(ends[-1] - 1) // height + 1, width), step, dtype=np.int64)
    first = np.searchsorted(ends, columns * height, side="right")
    last = np.searchsorted(begins, (columns + 1) * height, side="left")
    found: list[tuple[int, int, int, int]] = []
    before: dict[tuple[int, int], int] = {}
    for x, i, j in zip(columns.tolist(), first.tolist(), last.tolist(), strict=True):
        low = x * height
        across = min(step, width - x)
        here: dict[tuple[int, int], int] = {}
        for begin, end in zip(begins[i:j].tolist(), ends[i:j].tolist(), strict=True):
            top, bottom = max(begin - low, 0), min(end - low, height)
            if top >= bottom:
                continue
            place = before.get((top, bottom))
            if place is None:
                place = len(found)
                found.append((x, top, across, bottom))
            else:  # the column before had the same: one wider rectangle
                left, _, wide, _ = found[place]
                found[place] = (left, top, wide + across, bottom)
            here[top, bottom] = place
        if len(found) > MASK_PIECES and step < width:
            return None
        before = here
    return found
