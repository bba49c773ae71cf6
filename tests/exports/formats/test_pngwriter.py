"""The PNG bytes themselves, read by Pillow and by hand."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image

from exports.formats.pngwriter import Picture


def png(canvas: Any) -> bytes:
    picture = Picture(*canvas.shape, wide=canvas.dtype == np.uint16)
    picture.canvas[:] = canvas
    return picture.png()


def chunks(file: bytes) -> list[tuple[bytes, bytes]]:
    assert file[:8] == b"\x89PNG\r\n\x1a\n"
    found, at = [], 8
    while at < len(file):
        (length,) = struct.unpack_from(">L", file, at)
        name, data = file[at + 4 : at + 8], file[at + 8 : at + 8 + length]
        assert struct.unpack_from(">L", file, at + 8 + length) == (zlib.crc32(name + data),)
        found.append((name, data))
        at += 12 + length
    return found


def test_a_small_picture_is_built_as_the_specification_says():
    header, pixels, end = chunks(png(np.array([[1, 2], [3, 4], [5, 6]], np.uint8)))
    assert header == (b"IHDR", bytes.fromhex("00000003 00000002 08 00 00 00 00"))
    assert (pixels[0], zlib.decompress(pixels[1])) == (b"IDAT", bytes([0, 1, 3, 5, 0, 2, 4, 6]))
    assert end == (b"IEND", b"")


@pytest.mark.parametrize("size", [(1, 1), (63, 5), (64, 5), (65, 5), (5, 300), (640, 480)])
@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_pillow_reads_the_same_pixels(size: tuple[int, int], depth: Any):
    canvas = np.random.default_rng(3).integers(0, np.iinfo(depth).max, size, dtype=depth, endpoint=True)
    picture = Image.open(io.BytesIO(png(canvas)))
    picture.load()
    assert picture.size == size
    assert np.array_equal(np.asarray(picture), canvas.T)


def test_equal_pictures_give_equal_bytes():
    canvas = np.random.default_rng(3).integers(0, 9, (300, 200), dtype=np.uint8)
    assert png(canvas) == png(canvas.copy())


def test_a_cleared_picture_is_a_new_one():
    picture = Picture(5, 3, wide=False)
    empty = picture.png()
    picture.canvas[1:4, 0:3] = 7
    assert picture.png() != empty
    picture.clear()
    assert picture.png() == empty == Picture(5, 3, wide=False).png()
