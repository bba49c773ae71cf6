"""The outline of a mask, which filled again is the mask."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from connections.rows.mask_rings import joined, mask_rings
from connections.rows.masks import compressed

pictures = st.tuples(st.integers(1, 7), st.integers(1, 7)).flatmap(
    lambda size: arrays(np.uint8, size, elements=st.integers(0, 1))
)


def rle_of(pixels: NDArray[np.uint8]) -> dict[str, object]:
    rle = coco_mask.encode(np.asfortranarray(pixels))
    return {"size": [*pixels.shape], "counts": rle["counts"].decode()}


def filled(ring: list[float], height: int, width: int) -> NDArray[np.uint8]:
    """By the even-odd rule, at one point inside each pixel."""
    ends = list(zip(ring[0::2], ring[1::2], strict=True))
    pixels = np.zeros((height, width), np.uint8)
    across = np.arange(width) + 0.51937
    for row in range(height):
        y = row + 0.43719
        for (x1, y1), (x2, y2) in zip(ends, [*ends[1:], ends[0]], strict=True):
            if (y1 <= y) != (y2 <= y):
                pixels[row] ^= across < x1 + (y - y1) * (x2 - x1) / (y2 - y1)
    return pixels


@given(pictures)
def test_filled_again_the_joined_outline_is_the_mask(pixels):
    rings = mask_rings(rle_of(pixels))
    assert bool(rings) == bool(pixels.any())
    if rings:
        assert np.array_equal(filled(joined(rings), *pixels.shape), pixels)


@given(pictures)
def test_rings_turn_at_every_corner_and_run_along_pixels(pixels):
    for ring in mask_rings(rle_of(pixels)):
        points = list(zip(ring[0::2], ring[1::2], strict=True))
        directions = [
            "across" if a[1] == b[1] else "down" if a[0] == b[0] else "astray"
            for a, b in zip(points, [*points[1:], points[0]], strict=True)
        ]
        assert directions in (["across", "down"] * (len(points) // 2), ["down", "across"] * (len(points) // 2))


def test_a_rectangle_has_four_corners_however_large():
    pixels = np.zeros((400, 600), np.uint8)
    pixels[100:300, 50:550] = 1
    assert mask_rings(rle_of(pixels)) == [[50, 100, 550, 100, 550, 300, 50, 300]]


def test_a_mask_of_the_whole_picture_is_its_edge():
    assert mask_rings({"size": [2, 3], "counts": "06"}) == [[0, 0, 3, 0, 3, 2, 0, 2]]


def test_counts_that_break_off_are_refused():
    with pytest.raises(ValueError, match="do not add up to 3 x 2"):
        mask_rings({"size": [2, 3], "counts": "05"})


def test_a_mask_of_more_pieces_than_can_be_worked_out_is_refused():
    across = 1 << 31
    with pytest.raises(ValueError, match="2,147,483,648 pieces"):
        mask_rings({"size": [1, across], "counts": compressed([0, across], 1, across)})
