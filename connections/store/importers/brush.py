"""Label Studio's brush masks as COCO run lengths, without making the picture.

A brush is a bit stream (thi.ng rle-pack): 32 bits count of values, 5 bits word size - 1, four times 4 bits size - 1;
then runs: 1 bit "repeated", 2 bits which size, length - 1 in that many bits, and one word (repeated) or length words.
The words are the picture's RGBA bytes, row by row, as Label Studio's own converter reads them. A pixel belongs to the
mask where its alpha is above 0. COCO counts run down the columns, so what is needed are the places
where a column changes:

1. The runs' positions: the one thing that has to go step by step. One table lookup a run.
2. Lengths and words of all runs at once, from 64-bit windows.
3. Runs with a word above 0, as toggles ``(row, x)``: here the row changes between outside and inside.
4. A column changes between rows y - 1 and y where exactly one of the two rows is inside: between the 1st and 2nd, 3rd
   and 4th … toggle of both rows together. These places, sorted down the columns, are the mask's edges.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from connections.rows.checks import BadMark
from connections.rows.masks import MAX_PIXELS, check_pieces, compressed

_HEADER_BITS: Final = 32 + 5 + 4 * 4
_WORD: Final = 8
_LONGEST_STEP: Final = 3 + 16 + _WORD
_Integers = NDArray[np.int64]


def brush_mask(rle: Any, height: int, width: int) -> dict[str, Any]:
    """``{"size": [height, width], "counts": "<COCO compressed RLE>"}``. Raises :class:`BadMark`."""
    if height * width > MAX_PIXELS:
        raise BadMark(f"the mask has {height * width:,} pixels; at most {MAX_PIXELS:,} can be kept")
    begins, ends = _pixel_runs(rle, height * width)
    try:
        counts = _column_counts(begins, ends, height, width)
    except ValueError as error:
        raise BadMark(str(error)) from None
    return {"size": [height, width], "counts": compressed(counts, height, width)}


def _pixel_runs(rle: Any, pixels: int) -> tuple[_Integers, _Integers]:
    """``(begins, ends)`` of the mask's runs of pixels, row by row through the picture; touching runs are not joined."""
    if type(rle) is not list:
        raise BadMark("a brush has no list of bytes under rle")
    try:
        data = bytes(rle)
    except (TypeError, ValueError):
        raise BadMark("a brush's rle holds something else than bytes from 0 to 255") from None
    if len(data) * 8 < _HEADER_BITS:
        raise BadMark("a brush's rle breaks off in its header")
    head = int.from_bytes(data[:7], "big") >> 3
    count, word = head >> 21, (head >> 16 & 31) + 1
    sizes = [(head >> shift & 15) + 1 for shift in (12, 8, 4, 0)]
    if word != _WORD:
        raise BadMark(f"a brush's rle has words of {word} bits; expected 8")
    if count != pixels * 4:
        raise BadMark(f"a brush's rle holds {count / 4:,.10g} pixels; the picture has {pixels:,}")
    lengths, words = _runs(data, sizes)
    stops = lengths.cumsum()
    last = int(stops.searchsorted(count))
    if last == stops.size:
        raise BadMark("a brush's rle breaks off")
    if stops[last] != count:
        raise BadMark("a brush's rle runs over the picture's end")
    # value i is the alpha of pixel i // 4 where i % 4 == 3: values [a, b) hold the alphas of pixels [a // 4, b // 4)
    inside = words[: last + 1] > 0
    stops = stops[: last + 1]
    begins = (stops - lengths[: last + 1])[inside] >> 2
    ends = stops[inside] >> 2
    some = begins < ends
    return begins[some], ends[some]


def _runs(data: bytes, sizes: list[int]) -> tuple[_Integers, _Integers]:
    """``(lengths, words)`` of the runs in order; of a run of literal words, every word is entered by itself.

    What follows the last run (padding, mostly) may be entered too; whoever counts the values knows where to stop.
    """
    end = len(data) * 8
    last_start = end - 3 - min(sizes) - _WORD
    padded = np.frombuffer(data + b"\0", dtype=np.uint8).astype(np.intp)
    by_byte = _steps(tuple(sizes)).take(padded[:-1] << 2 | padded[1:] >> 6)
    table = by_byte.tobytes()[: last_start + 1] + bytes(end - last_start + _LONGEST_STEP)
    steps = bytearray()  # bits that each entry takes
    append = steps.append
    # before which entry the head of literal words stands, and the bits of that
    heads: list[tuple[int, int]] = []
    at = _HEADER_BITS
    while True:
        step = table[at]
        while step:  # the one loop that has to be fast: once a run
            append(step)
            at += step
            step = table[at]
        if at > last_start:
            break
        window = int.from_bytes(data[at >> 3 : (at >> 3) + 4].ljust(4, b"\0"), "big") << (at & 7) & 0xFFFFFFFF
        size = sizes[window >> 29 & 3]
        length = window << 3 & 0xFFFFFFFF
        at += 3 + size
        words = min((length >> (32 - size)) + 1, (end - at) // _WORD)
        heads.append((len(steps), 3 + size))
        steps += _LITERAL * words
        at += words * _WORD
    if at > end and steps and steps[-1] != _WORD:
        del steps[-1]  # its word is cut off
    taken = np.frombuffer(steps, dtype=np.uint8).astype(np.int64)
    ends = taken.cumsum()
    ends += _HEADER_BITS
    if heads:
        gaps = np.zeros(taken.size + 1, dtype=np.int64)
        for place, head in heads:
            gaps[place] += head
        ends += gaps[:-1].cumsum()
    # 64 bits from every byte on, as a view that steps by one: an entry and up to 7 bits before it fit
    windows = np.ndarray((len(data),), dtype=">i8", buffer=data + bytes(8), strides=(1,))
    first_bytes = (ends - taken) >> 3
    entries = windows.take(first_bytes).astype(np.int64) >> (64 + (first_bytes << 3) - ends)
    return (entries >> _WORD & _LENGTHS.take(taken)) + 1, entries & 255


@lru_cache(maxsize=16)
def _steps(sizes: tuple[int, ...]) -> NDArray[np.uint64]:
    """A byte and the two bits behind it → for each of its bits, a byte: how many bits a repeated run takes that begins
    there; 0: literal words begin there, or nothing."""
    by_kind = np.array([0, 0, 0, 0, *(3 + size + _WORD for size in sizes)], dtype=np.uint8)
    shifts = np.arange(7, -1, -1)
    return by_kind.take(np.arange(1024)[:, None] >> shifts & 7).view(np.uint64).ravel()


_LITERAL: Final = bytes([_WORD])
# bits that an entry takes → those of its length, all set; a literal word, which is nothing but its 8 bits, has none
_LENGTHS: Final = np.array([(1 << max(0, taken - 3 - _WORD)) - 1 for taken in range(_LONGEST_STEP + 1)], dtype=np.int64)


def _column_counts(begins: _Integers, ends: _Integers, height: int, width: int) -> _Integers:
    """COCO's counts (down the columns, background first) of runs of pixels that go along the rows. Raises
    ``ValueError`` for more pieces than can be worked out."""
    first_rows, last_rows = begins // width, (ends - 1) // width
    # a toggle is at row * (width + 1) + x: there is a place for the one behind a row's last pixel
    toggles = [begins + first_rows, ends + last_rows]
    borders = last_rows - first_rows
    check_pieces(int(borders.sum()))
    if borders.any():  # a run over several rows ends at each border and begins again
        rows = np.repeat(last_rows - np.cumsum(borders), borders) + np.arange(int(borders.sum()))
        toggles += [rows * (width + 1) + width, (rows + 1) * (width + 1)]
    in_rows = np.concatenate(toggles)
    both = np.concatenate((in_rows, in_rows + (width + 1)))
    both.sort()
    lefts, lengths = both[0::2], both[1::2] - both[0::2]
    stops = lengths.cumsum()
    check_pieces(int(stops[-1]) if stops.size else 0)
    places = (lefts - stops + lengths).repeat(lengths)
    places += np.arange(places.size)
    rows = places // (width + 1)
    edges = (places - rows * (width + 1)) * height + rows
    edges.sort()
    # the end of one column's run and the beginning of the next column's, at the same place, are no edge
    same = edges[1:] == edges[:-1]
    if same.any():
        kept = np.ones(edges.size, dtype=np.bool_)
        kept[1:] &= ~same
        kept[:-1] &= ~same
        edges = edges[kept]
    pixels = height * width
    if edges.size and edges[-1] == pixels:
        edges = edges[:-1]
    counts = np.empty(edges.size + 1, dtype=np.int64)
    counts[:-1] = edges
    counts[-1] = pixels
    counts[1:] -= edges
    return counts
