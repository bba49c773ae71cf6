"""COCO run-length masks: what the compressed text says, without making the picture.

A mask is ``{"size": [height, width], "counts": text}``. The runs go down the columns, first column first, and change
between background and mask, beginning with background. In the text every count is a signed number in pieces of five
bits, lowest first, one character a piece (code 48 + piece, 32 added when more follow); from the fourth count on it
is the difference to the count two before (pycocotools, ``maskApi.c``, ``rleToString``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

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
    return runs


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
