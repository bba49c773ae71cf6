"""Annotations as SVG paths: the same pixels as pycocotools gives, bounded, and nothing trusted."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from connections.rows.kinds import KINDS
from connections.rows.masks import MASK_PIECES
from exports.results.previews import drawing
from exports.results.previews.drawing import BROKEN, TOO_MANY, UNKNOWN, Budget, Colour, draw
from tests.support.rows import box, mask, point, polygon

RECTANGLE = re.compile(r"M(\d+) (\d+)h(\d+)v(\d+)h-(\d+)z")


def mask_of(pixels: np.ndarray) -> dict[str, Any]:
    encoded = coco_mask.encode(np.asfortranarray(pixels, np.uint8))
    counts = {"size": list(pixels.shape), "counts": encoded["counts"].decode()}
    return {"name": "sky", "annotation_kind": "ImageSegmentationMask", "mask": counts}


def painted(d: str, height: int, width: int) -> np.ndarray:
    """The pixels of a path of rectangles; fails where two overlap."""
    pixels = np.zeros((height, width), np.uint8)
    for x, y, across, down, _ in (map(int, found) for found in RECTANGLE.findall(d)):
        pixels[y : y + down, x : x + across] += 1
    assert pixels.max(initial=0) <= 1
    assert RECTANGLE.sub("", d) == ""
    return pixels


@pytest.mark.parametrize("seed", range(12))
def test_a_mask_is_drawn_pixel_by_pixel(seed: int):
    random = np.random.default_rng(seed)
    height, width = random.integers(1, 40, 2)
    pixels = (random.random((height, width)) < random.choice([0.02, 0.5, 0.98, 1.0, 0.0])).astype(np.uint8)
    (shape,) = draw([mask_of(pixels)], Budget()).shapes
    assert (painted(shape.d, height, width) == pixels).all()


def test_a_mask_of_too_many_pieces_is_drawn_coarser_not_without_end():
    pixels = (np.indices((300, 400)).sum(axis=0) % 2).astype(np.uint8)  # a chessboard: 60,000 runs
    (shape,) = draw([mask_of(pixels)], Budget()).shapes
    assert shape.d.count("M") <= MASK_PIECES
    assert 0.3 < painted(shape.d, 300, 400).mean() < 0.7


def test_rings_of_one_polygon_are_drawn_in_one_direction_so_that_they_unite():
    clockwise, back = [(0, 0), (9, 0), (9, 9)], [(5, 5), (5, 8), (8, 8)]
    rings = [[{"x": x, "y": y} for x, y in ring] for ring in (clockwise, back)]
    mark = {"name": "a", "annotation_kind": "ImagePolygon", "polygon": rings[0], "polygons": rings}
    (shape,) = draw([mark], Budget()).shapes
    assert shape.d == "M0 0L9 0L9 9zM8 8L5 8L5 5z"


def test_each_kind_is_a_path_and_what_is_small_lies_on_top():
    line = {"name": "road", "annotation_kind": "ImagePolyline", "line": [{"x": 1.239, "y": 2}, {"x": 3, "y": 4}]}
    found = draw([point(), line, box(), polygon(), mask()], Budget())
    assert [shape.kind.key for shape in found.shapes] == ["mask", "polygon", "box", "polyline", "point"]
    assert [shape.d for shape in found.shapes[2:]] == ["M10 20h30v40h-30z", "M1.24 2L3 4", "M3 4h0"]
    assert found.extent == (160, 120)
    assert [(shape.name, count) for shape, count in found.legend] == [
        ("nose", 1), ("road", 2), ("car", 1), ("sky", 1)
    ]  # fmt: skip


@pytest.mark.parametrize(
    "broken",
    [
        None, 3, [], {"annotation_kind": "ImageBoundingBox"},
        {"annotation_kind": "ImageBoundingBox", "bounding_box": {"top": "1", "left": 0, "width": 1, "height": 1}},
        {"annotation_kind": "ImageBoundingBox", "bounding_box": {"top": 1e300, "left": 0, "width": 1, "height": 1}},
        {"annotation_kind": "ImagePolygon", "polygon": []}, {"annotation_kind": "ImagePolygon", "polygon": 7},
        {"annotation_kind": "ImagePoint", "point": {"x": float("nan"), "y": 1}},
        {"annotation_kind": "ImagePoint", "point": {"x": True, "y": 1}},
        {"annotation_kind": "ImageSegmentationMask", "mask": {"size": [10**9, 10**9], "counts": "0"}},
        {"annotation_kind": "ImageSegmentationMask", "mask": {"size": [4, 4], "counts": "\"><script>"}},
        {"annotation_kind": "ImageSegmentationMask", "mask": {"size": ["a", 4], "counts": ""}},
    ],
)  # fmt: skip
def test_geometry_that_cannot_be_read_is_counted_not_drawn(broken: Any):
    found = draw([broken, box()], Budget())
    assert (len(found.shapes), found.left_out[BROKEN]) == (1, 1)


def test_kinds_that_are_not_drawn_are_counted():
    found = draw([{"name": "sign", "annotation_kind": "ImageEllipse", "ellipse": {}}], Budget())
    assert (found.shapes, dict(found.left_out)) == ([], {UNKNOWN: 1})


def test_pictures_of_one_page_share_one_budget_and_their_colours():
    budget = Budget()
    first = draw([box("car"), box("bus")], budget)
    second = draw([box("bus")] * 3000, budget)
    assert (len(second.shapes), second.left_out[TOO_MANY]) == (drawing.MOST_SHAPES - 2, 1002)
    assert second.shapes[0].colour == first.shapes[1].colour == Colour(1)
    assert draw([box("x")] * 2, budget).left_out[TOO_MANY] == 2


def test_twenty_four_classes_look_different():
    shapes = draw([box(f"class {number}") for number in range(24)], Budget()).shapes
    assert len({(shape.colour.hue, shape.colour.is_dashed) for shape in shapes}) == 24


def test_a_mark_beyond_the_budget_is_not_even_worked_out(monkeypatch: pytest.MonkeyPatch):
    """One mask may take longer to work out than a page of them to draw."""
    worked_out: list[Any] = []
    monkeypatch.setattr(type(KINDS.of("ImageBoundingBox")), "draw", lambda self, mark: worked_out.append(mark))
    for budget in (Budget(shapes=0), Budget(points=0), Budget(until=0.0)):
        assert draw([box(), box()], budget).left_out == {TOO_MANY: 2}
    assert worked_out == []


def test_a_mask_in_few_columns_of_a_wide_picture_is_drawn_where_it_is():
    pixels = np.zeros((3, 5_000), np.uint8)
    pixels[1, 4_000:4_003] = 1
    found = draw([mask_of(pixels)], Budget())
    assert [shape.d for shape in found.shapes] == ["M4000 1h3v1h-3z"]
