"""Grey PNG pictures from a column-major canvas: fast and always the same bytes.

Hand-built (PNG specification, third edition): signature, IHDR, one IDAT, IEND; no row filter, since class masks are
flat areas, which deflate finds by itself. Compression is ISA-L's level 1: fourteen times the speed of zlib's default
for about a tenth more bytes.
"""

from __future__ import annotations

import struct

import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

_LEVEL = 1
_BLOCK = 64  # columns turned at a time: source and target stay in the processor's cache
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GREY = 0


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">L", len(data)) + name + data + struct.pack(">L", isal_zlib.crc32(data, isal_zlib.crc32(name)))


_IEND = _chunk(b"IEND", b"")


def grey_png(canvas: NDArray[np.uint8] | NDArray[np.uint16]) -> bytes:
    """The picture of ``canvas[x, y]``: 8 or 16 bit grey by the canvas's type."""
    width, height = canvas.shape
    depth = canvas.dtype.itemsize
    lines = np.empty((height, 1 + width * depth), np.uint8)
    lines[:, 0] = 0  # filter type "none" in front of every line
    if depth == 1:
        pixels = lines[:, 1:]
        for x in range(0, width, _BLOCK):
            pixels[:, x : x + _BLOCK] = canvas[x : x + _BLOCK].T
    else:
        lines[:, 1::2] = (canvas >> 8).T
        lines[:, 2::2] = (canvas & 255).T
    header = struct.pack(">LLBBBBB", width, height, depth * 8, _GREY, 0, 0, 0)
    return b"".join([_SIGNATURE, _chunk(b"IHDR", header), _chunk(b"IDAT", isal_zlib.compress(lines, _LEVEL)), _IEND])
