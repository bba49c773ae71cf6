"""A COCO source's own bbox, area and iscrowd: printed while they fit the geometry, and not a moment longer."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycocotools import mask as coco_mask

from connections.rows.coco import render_coco
from connections.rows.csv import COLUMNS, render_csv
from tests.connections.rows.documents import box, document, label, mask, polygon

SIZE = (64, 48)
ROOF = [(10.0, 20.0), (40.0, 20.0), (40.0, 60.0), (10.0, 60.0)]  # 30 x 40


def printed(mark: dict[str, Any]) -> tuple[Any, Any, Any]:
    """``(bbox, area, iscrowd)``, after a look that CSV says the same box to half a pixel."""
    row = document(label(mark), size=SIZE)
    one = orjson.loads(render_coco(row, number=1, annotation_start=1, class_numbers={"roof": 1})[1])
    cells = render_csv(row, number=1)[0].decode().splitlines()[0].split(",")
    sides = [float(cells[COLUMNS.index(name)]) for name in ("left", "top", "box_width", "box_height")]
    assert np.allclose(one["bbox"], sides, rtol=0, atol=1.0)
    return one["bbox"], one["area"], one["iscrowd"]


def said(**coco: Any) -> dict[str, Any]:
    return {"source_extra": {"coco": coco}}


def pixels(left: int, top: int, width: int, height: int) -> str:
    picture = np.zeros((48, 64), np.uint8, order="F")
    picture[top : top + height, left : left + width] = 1
    counts: str = coco_mask.encode(picture)["counts"].decode()
    return counts


# --- the geometry that they came with --------------------------------------------------------------------------------


def test_figures_of_the_geometry_are_printed_as_the_source_wrote_them():
    assert printed(box("roof", 10, 20, 30, 40, **said(bbox=[10, 20, 30, 40], area=1200))) == ([10, 20, 30, 40], 1200, 0)
    found = printed(polygon("roof", ROOF, **said(bbox=[10, 20, 30, 40], area=1200.0, iscrowd=1)))
    assert (repr(found), found[2]) == ("([10, 20, 30, 40], 1200.0, 1)", 1)


def test_a_polygons_box_in_whole_pixels_and_an_area_in_pixels_are_its_own():
    corners = [(10.4, 20.3), (40.4, 20.3), (40.4, 60.3), (10.4, 60.3)]
    assert printed(polygon("roof", corners, **said(bbox=[10, 20, 30, 40], area=1223))) == ([10, 20, 30, 40], 1223, 0)


def test_a_box_keeps_the_area_of_what_it_was_drawn_around():
    assert printed(box("roof", 10, 20, 30, 40, **said(bbox=[10, 20, 30, 40], area=700.5)))[1] == 700.5


def test_a_crossed_rings_own_area_is_that_of_what_is_painted():
    """The shoelace takes the right half from the left one and finds nothing."""
    tie = [(0.0, 0.0), (40.0, 40.0), (40.0, 0.0), (0.0, 40.0)]
    assert printed(polygon("roof", tie, **said(bbox=[0, 0, 40, 40], area=801)))[1] == 801


# --- another geometry ------------------------------------------------------------------------------------------------

ONCE = {"id": 3, "bbox": [10, 20, 30, 40], "area": 1200, "iscrowd": 0}


@pytest.mark.parametrize(
    ("sides", "area"),
    [
        ((2, 1, 6, 5), 30),  # smaller: what was stated would stick out
        ((10, 20, 60, 50), 3000),  # larger: the old area would have a place in it
        ((11, 20, 30, 40), 1200),  # moved by a pixel
        ((10, 20, 30, 40.01), 1200.3),
    ],
)
def test_a_corrected_box_has_its_own_figures(sides: tuple[float, ...], area: float):
    assert printed(box("roof", *sides, **said(**ONCE))) == (list(sides), pytest.approx(area), 0)


@pytest.mark.parametrize(
    ("rings", "around", "area"),
    [
        ([[(30.0, 30.0), (40.0, 30.0), (40.0, 40.0)]], [30, 30, 10, 10], 50),
        ([[(x + 1, y) for x, y in ROOF]], [11, 20, 30, 40], 1200),
        # the box around it stays
        ([[(10.0, 20.0), (40.0, 20.0), (40.0, 60.0)]], [10, 20, 30, 40], 600),
        ([ROOF, [(50.0, 20.0), (54.0, 20.0), (54.0, 24.0), (50.0, 24.0)]], [10, 20, 44, 40], 1216),
    ],
)
def test_a_corrected_polygon_has_its_own_figures(rings: Any, around: list[float], area: float):
    assert printed(polygon("roof", *rings, **said(**ONCE))) == (around, area, 0)


@pytest.mark.parametrize("sides", [(2, 1, 6, 5), (10, 20, 30, 21), (11, 20, 30, 20), (10, 20, 31, 20)])
def test_a_corrected_mask_has_its_own_figures(sides: tuple[int, int, int, int]):
    mark = mask("roof", [48, 64], pixels(*sides), **said(bbox=[10, 20, 30, 20], area=600, iscrowd=1))
    assert printed(mark) == (list(sides), sides[2] * sides[3], 1)


def test_a_mask_whose_pixels_changed_within_its_box_has_another_area():
    picture = np.zeros((48, 64), np.uint8, order="F")
    picture[20:40, 10:40] = 1
    picture[30, 20] = 0
    counts = coco_mask.encode(picture)["counts"].decode()
    mark = mask("roof", [48, 64], counts, **said(bbox=[10, 20, 30, 20], area=600))
    assert printed(mark) == ([10, 20, 30, 20], 599, 0)


def test_a_box_that_became_a_polygon_is_measured_as_one():
    assert printed(polygon("roof", [(10.0, 20.0), (40.0, 20.0), (40.0, 60.0)], **said(**ONCE)))[1] == 600


# --- what never fitted -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "stated",
    [[10, 20, 40, 60], [0, 0, 1, 1], [10, 20, 30], [10, 20, 30, "40"], [10, 20, 30, True], [], "10,20,30,40", None],
)
def test_a_box_of_another_place_or_of_no_place_is_not_printed(stated: Any):
    assert printed(polygon("roof", ROOF, **said(bbox=stated))) == ([10, 20, 30, 40], 1200, 0)


@pytest.mark.parametrize("stated", [-5, -1, 0, 999, 2400, 1e300, "1200", True, [1200], None])
def test_an_area_of_something_else_is_not_printed(stated: Any):
    assert printed(polygon("roof", ROOF, **said(bbox=[10, 20, 30, 40], area=stated)))[1] == 1200


@pytest.mark.parametrize("stated", [-5, 0, 1201, "1200", None])
def test_an_area_that_has_no_place_in_the_box_is_not_printed(stated: Any):
    assert printed(box("roof", 10, 20, 30, 40, **said(bbox=[10, 20, 30, 40], area=stated)))[1] == 1200


# --- iscrowd ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("stated", "expected"), [(None, 0), (0, 0), (1, 1), (False, 0), (True, 1), (0.0, 0), (1.0, 1)])
def test_iscrowd_is_printed_as_a_whole_number(stated: Any, expected: int):
    found = printed(box("roof", 10, 20, 30, 40, **said(iscrowd=stated)))[2]
    assert (found, type(found)) == (expected, int)


@pytest.mark.parametrize("stated", ["0", "1", "false", [0], 2, -1, 0.5, {}])
def test_an_iscrowd_that_is_neither_is_an_error_with_its_value(stated: Any):
    with pytest.raises(ValueError, match="expected 0 or 1") as found:
        printed(box("roof", 10, 20, 30, 40, **said(iscrowd=stated)))
    assert repr(stated) in str(found.value)


# --- any of them -----------------------------------------------------------------------------------------------------

SIDES = st.tuples(st.integers(0, 40), st.integers(0, 30), st.integers(1, 24), st.integers(1, 18))


@given(SIDES, SIDES, st.sampled_from(["box", "polygon", "mask"]))
def test_coco_says_the_place_of_the_geometry_whatever_was_stated_beside_it(now, before, kind):
    left, top, width, height = now
    stated = said(bbox=list(before), area=before[2] * before[3])
    corners = [(left, top), (left + width, top), (left + width, top + height), (left, top + height)]
    mark = {
        "box": lambda: box("roof", *now, **stated),
        "polygon": lambda: polygon("roof", corners, **stated),
        "mask": lambda: mask("roof", [48, 64], pixels(*now), **stated),
    }[kind]()
    found, area, _ = printed(mark)
    assert found == list(now)
    # one side of two boxes in the same place is not enough to tell: then the areas are the same
    assert area == width * height or (now == before and area == before[2] * before[3])
