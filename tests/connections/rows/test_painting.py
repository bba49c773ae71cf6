"""Shapes as pixels: the same ones as pycocotools, wherever a shape lies."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pycocotools import mask as coco_mask

from connections.rows.kinds import BOX, MASK, POLYGON
from connections.rows.painting import paint_box, paint_mask, paint_polygon
from exports.formats.pngwriter import Picture
from tests.connections.rows.documents import box, mask, polygon

SIZES = st.integers(1, 70)
FRACTIONS = st.sampled_from([0.0, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9])
NEAR = st.one_of(st.floats(-60, 130), st.builds(lambda whole, part: whole + part, st.integers(-60, 130), FRACTIONS))
ANYWHERE = st.one_of(NEAR, st.floats(-5000, 5000))


def blank(width: int, height: int) -> Any:
    return Picture(width, height, wide=False).canvas


def peer_box(left: float, top: float, across: float, down: float, width: int, height: int) -> Any:
    (rle,) = coco_mask.frPyObjects(np.array([[left, top, across, down]], np.double), height, width)
    return coco_mask.decode(rle)


def peer_polygon(rings: list[list[float]], width: int, height: int) -> Any:
    return coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects(rings, height, width)))


@given(NEAR, NEAR, st.floats(0, 150), st.floats(0, 150), SIZES, SIZES)
@example(-0.3, -0.3, 0.6, 0.6, 3, 3)
@example(0.5, 0.5, 1.0, 1.0, 3, 3)
@example(2.0, 2.0, 0.0, 5.0, 9, 9)
@example(-70.0, 3.0, 60.0, 5.0, 9, 9)
def test_a_box_covers_the_pixels_that_pycocotools_gives(left, top, across, down, width, height):
    canvas = blank(width, height)
    paint_box(canvas, {"left": left, "top": top, "width": across, "height": down}, 1)
    assert np.array_equal(canvas.T, peer_box(left, top, across, down, width, height))


@given(
    st.lists(
        st.lists(ANYWHERE, min_size=6, max_size=16).map(lambda one: one[: len(one) // 2 * 2]), max_size=3, min_size=1
    ),
    SIZES,
    SIZES,
)
@example([[-9.0, -9.0, -5.0, -9.0, -5.0, -5.0]], 8, 8)
@example([[8.9, 0.0, 12.0, 0.0, 12.0, 8.0]], 8, 8)
@example([[0.0, 8.9, 12.0, 9.0, 12.0, 12.0]], 8, 8)
@example([[1.0, 1.0, 1.0, 1.0, 1.0, 1.0]], 8, 8)
def test_a_polygon_covers_the_pixels_that_pycocotools_gives_for_all_its_rings(rings, width, height):
    canvas = blank(width, height)
    paint_polygon(canvas, rings, 1)
    assert np.array_equal(canvas.T, peer_polygon(rings, width, height))


@given(SIZES, SIZES, st.integers(0, 2**32 - 1), st.floats(0, 1))
def test_a_mask_covers_its_own_pixels(width, height, seed, share):
    picture = (np.random.default_rng(seed).random((height, width)) < share).astype(np.uint8)
    rle = coco_mask.encode(np.asfortranarray(picture))
    canvas = blank(width, height)
    paint_mask(canvas, {"size": [height, width], "counts": rle["counts"].decode()}, 1)
    assert np.array_equal(canvas.T, picture)


def test_a_mask_of_another_size_is_refused():
    with pytest.raises(ValueError, match=r"size \[20, 10\] does not fit; expected \[10, 20\]"):
        paint_mask(blank(20, 10), {"size": [20, 10], "counts": "06R6"}, 1)


def test_a_mask_that_does_not_fill_its_picture_is_refused():
    with pytest.raises(ValueError, match="do not add up to 20 x 10"):
        paint_mask(blank(20, 10), {"size": [10, 20], "counts": "06"}, 1)


def test_an_endless_outline_is_refused_before_memory_is_spent_on_it():
    with pytest.raises(ValueError, match="longer than 2000000 pixels"):
        paint_polygon(blank(20, 10), [[0.0, 0.0, 1e9, 1e9, 5.0, 5.0]], 1)


def test_the_longest_outline_is_painted_and_a_pixel_more_is_refused():
    canvas = blank(20, 10)
    paint_polygon(canvas, [[2.0, 2.0, 1_000_002.0, 2.0, 2.0, 2.0]], 1)
    with pytest.raises(ValueError, match="its outline of 2000002 pixels is longer than 2000000 pixels"):
        paint_polygon(canvas, [[2.0, 2.0, 1_000_003.0, 2.0, 2.0, 2.0]], 1)


def test_shapes_far_outside_cover_nothing_and_cost_nothing():
    canvas = blank(20, 10)
    paint_polygon(canvas, [[1e12, 0.0, 2e12, 0.0, 2e12, 5e12]], 1)
    paint_polygon(canvas, [[-1e12, 0.0, -2e12, 0.0, -2e12, 5e12]], 1)
    paint_box(canvas, {"left": 1e12, "top": 1.0, "width": 1e12, "height": 1.0}, 1)
    paint_box(canvas, {"left": -1e15, "top": -1e15, "width": 1.0, "height": 1.0}, 1)
    assert not canvas.any()


def test_a_box_larger_than_what_c_can_count_covers_the_picture():
    canvas = blank(20, 10)
    paint_box(canvas, {"left": -1e15, "top": -1e15, "width": 2e15, "height": 2e15}, 1)
    assert canvas.all()


@pytest.mark.parametrize("ring", [[(1.0, 1.0), (5.0, 5.0)], [(1.0, 1.0)], []])
def test_a_ring_of_fewer_than_three_corners_covers_nothing(ring):
    canvas = blank(20, 10)
    POLYGON.paint(canvas, polygon("x", ring), 1)
    assert not canvas.any()


def test_a_later_shape_covers_an_earlier_one():
    canvas = blank(4, 2)
    BOX.paint(canvas, box("x", 0, 0, 3, 2), 5)
    MASK.paint(canvas, mask("y", [2, 4], "224"), 9)
    assert canvas.T.tolist() == [[5, 9, 5, 0], [5, 9, 5, 0]]
