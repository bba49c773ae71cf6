"""The area of a polygon of several rings: that of their union, as COCO's own tools have it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycocotools import mask as coco_mask

from connections.rows.kinds import POLYGON
from connections.rows.painting import painted_area
from connections.rows.shapes import any_overlap, ring_area

Ring = list[float]
SQUARE = [10.0, 10.0, 90.0, 10.0, 90.0, 90.0, 10.0, 90.0]
INNER = [30.0, 30.0, 30.0, 70.0, 70.0, 70.0, 70.0, 30.0]


def rectangle(left: float, top: float, width: float, height: float) -> Ring:
    return [left, top, left + width, top, left + width, top + height, left, top + height]


def test_a_ring_within_another_adds_nothing():
    assert POLYGON.area([SQUARE, INNER]) == 6400.0
    assert POLYGON.area([INNER, SQUARE]) == 6400.0


def test_the_same_ring_twice_counts_once_whatever_way_round():
    assert POLYGON.area([SQUARE, SQUARE[6:] + SQUARE[:6]]) == 6400.0
    backwards = [number for corner in range(6, -1, -2) for number in SQUARE[corner : corner + 2]]
    assert POLYGON.area([SQUARE, backwards]) == 6400.0


def test_rings_that_only_touch_or_whose_boxes_overlap_keep_the_exact_sum():
    beside = rectangle(90.0, 10.0, 3.3, 3.3)
    assert POLYGON.area([SQUARE, beside]) == ring_area(SQUARE) + ring_area(beside)
    # two triangles with the slope between them: their boxes are the same
    low = [0.0, 0.0, 30.3, 0.0, 0.0, 30.3]
    for high in ([30.3, 30.3, 30.3, 0.1, 0.1, 30.3], [30.3, 30.3, 30.3, 0.0, 0.0, 30.3]):
        assert any_overlap([low, high])
        assert POLYGON.area([low, high]) == ring_area(low) + ring_area(high)


@pytest.mark.parametrize("scale", [1e-6, 1 / 640, 1.0, 1000.0, 1e6])
@pytest.mark.parametrize("moved", [0.0, -500.5, 1e5])
def test_neither_size_nor_place_matters(scale: float, moved: float):
    rings = [[number * scale + moved for number in ring] for ring in (SQUARE, INNER)]
    side = rings[0][2] - rings[0][0]  # as far as its digits go, out there
    assert POLYGON.area(rings) == pytest.approx(side * side, rel=2e-3)


def test_overlaps_of_large_rings_on_whole_pixels_are_measured_to_the_pixel():
    outer, inner = rectangle(11.0, 7.0, 4001.0, 2999.0), rectangle(13.0, 9.0, 1235.0, 777.0)
    assert POLYGON.area([outer, inner]) == 4001 * 2999
    shifted = rectangle(4000.0, 7.0, 50.0, 11.0)
    assert POLYGON.area([outer, shifted]) == 4001 * 2999 + 50 * 11 - 12 * 11


def test_a_star_that_is_walked_twice_is_measured_by_what_is_painted():
    outline = (
        [np.cos(0.8 * np.pi * corner) for corner in range(5)],
        [np.sin(0.8 * np.pi * corner) for corner in range(5)],
    )
    star = [float(100 + 80 * value) for point in zip(*outline, strict=True) for value in point]
    expected = coco_mask.area(coco_mask.merge(coco_mask.frPyObjects([star], 200, 200)))
    assert painted_area([star])[0] == pytest.approx(float(expected), rel=0.01)


def test_an_outline_without_an_end_is_measured_on_a_coarser_grid():
    """A comb of 20,000 teeth: each as long as the picture."""
    comb = [number for tooth in range(10_000) for number in (tooth / 10, 0.0, tooth / 10 + 0.05, 1000.0)]
    found, _ = painted_area([comb, rectangle(0.0, 0.0, 1000.0, 1000.0)])
    assert found == pytest.approx(1_000_000, rel=0.02)


def test_what_has_no_inside_has_no_area():
    assert painted_area([[3.0, 3.0]]) == (0.0, 0.0)
    assert POLYGON.area([[3.0, 3.0] * 3, [3.0, 3.0] * 3]) == 0
    assert POLYGON.area([[0.0, 0.0, 9.0, 9.0, 0.0, 0.0], [0.0, 0.0, 9.0, 9.0, 0.0, 0.0]]) == 0


RECTANGLES = st.lists(
    st.tuples(st.integers(0, 20), st.integers(0, 20), st.integers(1, 20), st.integers(1, 20)), min_size=2, max_size=5
)


@given(RECTANGLES)
def test_rectangles_cover_the_squares_that_a_grid_counts(sides):
    grid = np.zeros((40, 40), bool)
    for left, top, width, height in sides:
        grid[left : left + width, top : top + height] = True
    assert POLYGON.area([rectangle(*map(float, each)) for each in sides]) == grid.sum()
