"""Predictions as COCO's results: their pixels are those of pycocotools, and nothing that it cannot take gets to it."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pycocotools import mask as coco_mask

from connections.rows.results import results_of, runs_of
from tests.support.rows import box, mask

SIDES = st.floats(-30, 60)
SIZES = st.integers(1, 40)
HUGE = 1e7


def pixels(outline: Any, box: list[float], size: tuple[int, int]) -> Any:
    return coco_mask.decode(runs_of(outline, box, size))


@given(SIDES, SIDES, st.floats(0, 70), st.floats(0, 70), SIZES, SIZES)
@example(0.5, 0.5, 1.0, 1.0, 3, 3)
def test_a_box_has_the_pixels_of_cocos_reader_of_results(left, top, across, down, height, width):
    right, bottom = left + across, top + down
    ring = [left, top, left, bottom, right, bottom, right, top]
    expected = coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects([ring], height, width)))
    assert np.array_equal(pixels([], [left, top, across, down], (height, width)), expected)


def test_rings_are_united_and_those_outside_the_picture_or_without_three_corners_have_none():
    inside = [[1.0, 1.0, 5.0, 1.0, 5.0, 5.0, 1.0, 5.0], [4.0, 4.0, 9.0, 4.0, 9.0, 9.0]]
    outside = [[HUGE, HUGE, 2 * HUGE, HUGE, 2 * HUGE, 2 * HUGE], [2.0, 2.0, 3.0, 3.0]]
    expected = coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects(inside, 12, 10)))
    assert np.array_equal(pixels([*outside, *inside], [], (12, 10)), expected)
    nothing = runs_of(outside, [], (12, 10))
    assert nothing["size"] == [12, 10]
    assert not coco_mask.decode(nothing).any()


def test_a_box_as_large_as_a_coordinate_may_be_covers_the_picture():
    assert pixels([], [-1e9, -1e9, 2e9, 2e9], (12, 10)).all()


def test_a_ring_that_no_memory_holds_is_refused():
    with pytest.raises(ValueError, match="its outline of 40000000 pixels is longer than 2000000 pixels"):
        runs_of([[0.0, 0.0, HUGE, 0.0, HUGE, HUGE, 0.0, HUGE]], [], (120, 160))


@pytest.mark.parametrize(
    ("outline", "size", "why"),
    [
        (mask()["mask"], (120, 161), "a mask of 160 x 120 pixels in a picture of 161 x 120"),
        ({"size": [120, 160], "counts": ""}, (120, 160), "do not add up to 160 x 120 pixels"),
        ({"size": [120, 160], "counts": "0P"}, (120, 160), "break off"),
        ([[0.0, 0.0, 5.0, 0.0, 5.0, 5.0]], (70_000, 70_000), "a picture of 70,000 x 70,000 pixels has more than the"),
        ([[0.0, 0.0, 5.0, 0.0, 5.0, 5.0]], None, "without width and height"),
    ],
)
def test_what_cannot_be_painted_is_refused_in_words(outline, size, why):
    with pytest.raises(ValueError, match=why):
        runs_of(outline, [], size)


def test_a_mask_that_is_an_address_is_no_result_and_the_others_of_its_row_are():
    address = {**mask("sky"), "mask": {"url": "https://e.test/1.png"}}
    predictions = orjson.dumps([{"annotations": {"objects": [address, {**box("car"), "confidence": 0.5}]}}])
    assert [(one.name, one.score) for one in results_of(predictions)] == [("car", 0.5)]
