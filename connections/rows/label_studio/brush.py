"""Masks as Label Studio's brush strokes: its own bytes where a mask came from there, else packed anew.

A brush is a bit stream (thi.ng rle-pack) over the picture's RGBA bytes, row by row;
:mod:`connections.store.importers.brush`, which reads it, says how it is made.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping
from itertools import pairwise
from typing import Any, Final

# of a region that came from Label Studio: its stream, in base 64 beside the mask that was made of it
KEY: Final = "rle"
# each takes some bytes while it is packed
MOST_PIXELS: Final = 200_000_000
_SIZES: Final = (3, 4, 8, 16)
_LONGEST: Final = 1 << 16
_HEADER: Final = f"{7:05b}" + "".join(f"{size - 1:04b}" for size in _SIZES)


def kept_stream(rle: list[int]) -> str:
    """As it is kept beside a mask."""
    return b64encode(bytes(rle)).decode("ascii")


def stream_of(mask: Mapping[str, Any], kept: Mapping[str, Any]) -> list[int]:
    """The bytes of a brush for a ``mask``; ``kept`` is what Label Studio said of it. Raises ``ValueError``."""
    stream = kept.get(KEY)
    return list(b64decode(stream)) if type(stream) is str else pack(mask)


def pack(mask: Mapping[str, Any]) -> list[int]:
    """A mask's bytes: 255 in all four channels of each of its pixels. Raises ``ValueError`` for a broken mask, and for
    one that is too large."""
    import numpy as np

    from connections.rows.masks import check_pieces, edges

    height, width = mask["size"]
    if height * width > MOST_PIXELS:
        raise ValueError(f"a brush of {width:,} x {height:,} pixels has more than {MOST_PIXELS:,}")
    # down the columns: 1 where the mask begins, -1 behind its end
    bounds = edges(mask["counts"], height, width)
    steps = np.zeros(height * width + 1, np.int8)
    np.add.at(steps, bounds[0::2], 1)
    np.add.at(steps, bounds[1::2], -1)
    inside = steps[:-1].cumsum(dtype=np.int8).reshape(width, height).T.ravel()
    is_change = np.diff(inside) != 0
    check_pieces(int(np.count_nonzero(is_change)))
    changes = np.flatnonzero(is_change) + 1
    stops = [0, *changes.tolist(), inside.size]
    value = int(inside[0]) * 255 if inside.size else 0
    pieces = [f"{inside.size * 4:032b}", _HEADER]
    for begin, end in pairwise(stops):
        length, word = (end - begin) * 4, f"{value:08b}"
        while length > 0:
            taken = min(length, _LONGEST)
            size = next(place for place, bits in enumerate(_SIZES) if taken <= 1 << bits)
            pieces.append(f"1{size:02b}{taken - 1:0{_SIZES[size]}b}{word}")
            length -= taken
        value ^= 255
    bits = "".join(pieces)
    bits += "0" * (-len(bits) % 8)
    return list(int(bits, 2).to_bytes(len(bits) // 8, "big"))
