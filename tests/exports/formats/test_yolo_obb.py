"""The yolo_obb format: four corners of every box, rotated ones as they are."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pycocotools import mask as coco_mask

from connections.rows.batch import COCO
from connections.store.importers.label_studio_regions import SHAPES
from exports.formats import FORMATS
from exports.formats.base import FormatContext
from exports.formats.yolo_obb import smallest_box
from tests.connections.rows.documents import box, document, label, mask, polygon
from tests.exports.formats.archives import entries
from tests.exports.formats.running import ONTOLOGY, batch_of

WIDTH, HEIGHT = 640, 480
numbers = st.integers(-50, 50).map(float)


def corners_of(tmp_path: Path, *marks: Any) -> tuple[list[tuple[int, list[float]]], dict[str, int]]:
    """``(class, [x1, y1, …] in pixels)`` of each line, and what was noted."""
    writer = FORMATS["yolo_obb"](FormatContext("p", "P", ONTOLOGY, frozenset(), tmp_path, {}))
    batch = batch_of([document(label(*marks), size=(WIDTH, HEIGHT))], frozenset({COCO}))
    files = entries(b"".join([*writer.header(), *writer.rows(batch), *writer.footer()]))
    assert yaml.safe_load(files["data.yaml"])["names"] == {0: "can", 1: "bag"}
    lines = [line.split() for line in files["labels/photo.txt"].decode().splitlines()]
    sides = (WIDTH, HEIGHT) * 4
    return [
        (int(place), [float(share) * side for share, side in zip(shares, sides, strict=True)])
        for place, *shares in lines
    ], writer.notes()


@pytest.mark.parametrize("rotation", [0.5, 30, 90, 123.4, 359, -45])
def test_a_rotated_box_of_label_studio_has_its_own_corners(tmp_path, rotation):
    value = {"x": 40.0, "y": 35.0, "width": 20.0, "height": 10.0, "rotation": rotation}
    region = {"id": "r1", "original_width": WIDTH, "original_height": HEIGHT, "value": value}
    ((place, found),), notes = corners_of(tmp_path, SHAPES["rectanglelabels"](region, value, ["bag"]))
    angle = math.radians(rotation)
    right = []
    for x, y in ((0, 0), (128, 0), (128, 48), (0, 48)):  # turned clockwise about the top left corner
        right += [256 + x * math.cos(angle) - y * math.sin(angle), 168 + x * math.sin(angle) + y * math.cos(angle)]
    assert (place, notes) == (1, {})
    assert found == pytest.approx(right, abs=WIDTH * 5e-7)


def test_an_upright_box_has_its_corners_clockwise_from_the_top_left_one(tmp_path):
    found, notes = corners_of(
        tmp_path, box("can", 10, 20, 30, 40), polygon("can", [(1, 1), (9, 3), (8, 7), (0, 5), (1, 1)])
    )
    assert found[0] == (0, pytest.approx([10, 20, 40, 20, 40, 60, 10, 60], abs=4e-4))
    # a polygon of four corners is a box whose corners somebody set; that it was closed adds none
    assert found[1] == (0, pytest.approx([1, 1, 9, 3, 8, 7, 0, 5], abs=4e-4))
    assert notes == {}


def test_corners_beyond_the_edge_stay_as_they_are_and_are_told(tmp_path):
    found, notes = corners_of(tmp_path, polygon("can", [(-10, 10), (20, -20), (40, 0), (10, 30)]))
    assert found == [(0, pytest.approx([-10, 10, 20, -20, 40, 0, 10, 30], abs=4e-4))]
    assert notes == {"beyond_edge": 1}


def test_around_other_polygons_and_masks_is_the_smallest_box_and_it_is_told(tmp_path):
    pixels = np.zeros((HEIGHT, WIDTH), np.uint8)
    pixels[100:150, 200:300] = pixels[120:150, 300:310] = 1
    counts = coco_mask.encode(np.asfortranarray(pixels))["counts"].decode()
    diamond = [(100.0, 50.0), (150.0, 100.0), (100.0, 150.0), (75.0, 125.0), (50.0, 100.0)]
    found, notes = corners_of(tmp_path, polygon("bag", diamond), mask("can", [HEIGHT, WIDTH], counts))
    assert sides(found[0][1]) == pytest.approx([math.hypot(50, 50)] * 2, abs=1e-3)
    assert bounds(found[1][1]) == pytest.approx((200, 100, 310, 150), abs=1e-3)
    assert notes == {"boxes_around": 2}


def sides(ring: list[float]) -> list[float]:
    points = list(zip(ring[0::2], ring[1::2], strict=True))
    return [math.dist(points[0], points[1]), math.dist(points[1], points[2])]


def bounds(ring: list[float]) -> tuple[float, float, float, float]:
    return min(ring[0::2]), min(ring[1::2]), max(ring[0::2]), max(ring[1::2])


@given(st.lists(st.tuples(numbers, numbers), min_size=3, max_size=12))
def test_no_rectangle_around_the_points_is_smaller(points):
    ring = smallest_box([side for point in points for side in point])
    corners = np.array(ring).reshape(4, 2)
    along, across = corners[1] - corners[0], corners[3] - corners[0]
    assert abs(along @ across) < 1e-6 * max(1.0, np.abs(corners).max() ** 2)  # a right angle
    assert np.allclose(corners[0] + along + across, corners[2])
    relative = np.array(points) - corners[0]
    for side in (along, across):
        if side @ side > 1e-9:
            shares = relative @ side / (side @ side)
            assert shares.min() >= -1e-6 and shares.max() <= 1 + 1e-6
    area = math.hypot(*along) * math.hypot(*across)
    for degrees in range(0, 90, 3):
        angle = math.radians(degrees)
        turned = np.array(points) @ np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
        assert area <= float(np.prod(np.ptp(turned, axis=0))) + 1e-6


@pytest.mark.parametrize(
    "ring",
    [
        [(0, 0), (100, 0), (80, 50), (20, 50)],  # a trapezium
        [(0, 0), (100, 0), (130, 50), (30, 50)],  # a parallelogram
        [(0, 0), (100, 50), (100, 0), (0, 50)],  # crosses itself
    ],
)
def test_four_corners_that_are_no_rectangle_s_get_the_smallest_box(tmp_path, ring):
    ((_, found),), notes = corners_of(tmp_path, polygon("can", [(x + 50.0, y + 50.0) for x, y in ring]))
    assert notes == {"boxes_around": 1}
    points = np.array(found).reshape(4, 2)
    assert abs((points[1] - points[0]) @ (points[3] - points[0])) < 1e-1


def test_corners_of_a_rectangle_in_whole_pixels_stay(tmp_path):
    ring = [(100.0, 100.0), (187.0, 150.0), (167.0, 185.0), (80.0, 134.0)]  # turned by 30 degrees
    ((_, found),), notes = corners_of(tmp_path, polygon("can", ring))
    assert (found, notes) == (pytest.approx([side for corner in ring for side in corner], abs=1e-3), {})
