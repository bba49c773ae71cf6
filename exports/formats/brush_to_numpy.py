"""``brush_to_numpy``: a numpy array a mask, as Label Studio writes what is brushed."""

from __future__ import annotations

import struct
from typing import Final

import numpy as np

from connections.rows.painting import Canvas
from exports.formats.brush_files import BrushFiles
from exports.formats.zipstream import Deflated, deflated

# of a file: numpy's format 1.0, whose header ends where a multiple of this ends
_BEGIN: Final = b"\x93NUMPY\x01\x00"
_ALIGNED: Final = 64


def npy_header(height: int, width: int) -> bytes:
    """What stands before the rows of ``height`` x ``width`` bytes (numpy's format description, version 1.0)."""
    shape = f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({height}, {width}), }}"
    before = len(_BEGIN) + 2
    padded = shape + " " * (-(before + len(shape) + 1) % _ALIGNED) + "\n"
    return _BEGIN + struct.pack("<H", len(padded)) + padded.encode("ascii")


class BrushToNumpyFormat(BrushFiles):
    """Bytes, height x width: 255 inside the mask, 0 outside."""

    key = "brush_to_numpy"
    title = "Brush to NumPy as Label Studio writes it"
    as_of = "Label Studio"
    help = (
        "A zip with an array (.npy, uint8, height x width) a mask, called "
        "task-…-annotation-…-by-…-control-class-0.npy, for scripts made for Label Studio's exports. Unlike theirs: "
        "index.ndjson says which row and picture each is of; a pixel is in the mask (255) or not (0), without shades; "
        "masks that would be called alike have different names. Other kinds are left out."
    )
    suffix = ".npy"

    def canvas(self, width: int, height: int) -> Canvas:
        header = npy_header(height, width)
        self._file_bytes = np.zeros(len(header) + height * width, np.uint8)
        self._file_bytes[: len(header)] = np.frombuffer(header, np.uint8)
        return self._file_bytes[len(header) :].reshape(height, width).T

    def painted(self) -> Deflated:
        return deflated(self._file_bytes.data)
