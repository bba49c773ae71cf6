"""What other people's readers find in our zips for training, pictures and all: supervision and datumaro."""

from __future__ import annotations

import io
import math
import zipfile
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco_mask

from connections.models import Project
from connections.pictures import PictureFetcher
from connections.rows.batch import BODY, COCO
from tests.connections.rows.documents import box, document, label, mask, polygon
from tests.exports.formats.running import ONTOLOGY, batch_of
from tests.support.peers import PYTHON, Peers

pytestmark = pytest.mark.django_db
WIDTH, HEIGHT = 64, 48
Found = list[tuple[str, str, list[float]]]


@pytest.fixture(scope="module")
def peers() -> Iterator[Peers]:
    if not PYTHON.exists():
        pytest.skip("NOT RUN: supervision and datumaro are not in .venv-bench; `make test-platforms` installs them")
    asked = Peers()
    yield asked
    asked.close()


def address() -> str:
    stream = io.BytesIO()
    Image.new("RGB", (WIDTH, HEIGHT), "red").save(stream, "PNG")
    return f"data:image/png;base64,{b64encode(stream.getvalue()).decode()}"


def turned(left: float, top: float, width: float, height: float, degrees: float) -> list[tuple[float, float]]:
    angle = math.radians(degrees)
    return [
        (left + x * math.cos(angle) - y * math.sin(angle), top + x * math.sin(angle) + y * math.cos(angle))
        for x, y in ((0, 0), (width, 0), (width, height), (0, height))
    ]


def pixels() -> str:
    picture = np.zeros((HEIGHT, WIDTH), np.uint8)
    picture[10:20, 5:30] = 1
    return str(coco_mask.encode(np.asfortranarray(picture))["counts"].decode())


def rows() -> list[dict[str, Any]]:
    """Pictures of one name in two folders, one with nothing on it, a turned box, a polygon and a mask."""
    marks = [
        label(box("can", 10, 20, 30, 25), box("bag", 0, 0, WIDTH, HEIGHT)),
        label(),
        label(polygon("bag", turned(20, 10, 24, 12, 30))),
        label(mask("can", [HEIGHT, WIDTH], pixels()), box("bag", 1, 2, 3, 4)),
    ]
    keys = ["north/1.jpg", "south/2.jpg", "north_1.png", "b é.jpg"]
    return [
        document(one, row_id=f"r{place}", global_key=key, row_data=address(), size=(WIDTH, HEIGHT))
        for place, (one, key) in enumerate(zip(marks, keys, strict=True))
    ]


def unpacked(key: str, project: Project, tmp_path: Path, **options: str) -> Path:
    from exports.formats import FORMATS
    from exports.formats.base import FormatContext

    scratch, folder = tmp_path / "scratch", tmp_path / key
    scratch.mkdir()
    with closing(PictureFetcher(project, scratch)) as pictures:
        chosen = {"images": "with", **options}
        writer = FORMATS[key](FormatContext("p", "P", ONTOLOGY, frozenset(), scratch, chosen, pictures=pictures))
        batch = batch_of(rows(), frozenset({BODY, COCO}))
        content = b"".join([*writer.header(), *writer.rows(batch), *writer.footer()])
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        archive.extractall(folder)
    return folder


BOXES: Found = [
    ("b é", "bag", [1, 2, 4, 6]),
    ("b é", "can", [5, 10, 30, 20]),
    ("north_1", "bag", [0, 0, WIDTH, HEIGHT]),
    ("north_1", "can", [10, 20, 40, 45]),
]
# around the turned one
_COS, _SIN = math.cos(math.radians(30)), math.sin(math.radians(30))
AROUND = [20 - 12 * _SIN, 10.0, 20 + 24 * _COS, 10 + 24 * _SIN + 12 * _COS]
TURNED_NAME = "000000000003-north_1"


def tidied(found: Any) -> Found:
    assert isinstance(found, list), found
    return sorted((Path(name).stem, each, place) for name, each, place in found)


def same(found: Found, right: Found, within: float) -> None:
    assert [one[:2] for one in found] == [one[:2] for one in sorted(right)]
    for one, other in zip(found, sorted(right), strict=True):
        assert one[2] == pytest.approx(other[2], abs=within), one


def test_yolo_is_read_as_it_was_meant(peers, project, tmp_path):
    found = peers.read_training(unpacked("yolo", project, tmp_path), "yolo")
    right = [*BOXES, (TURNED_NAME, "bag", AROUND)]
    same(tidied(found["supervision"]), right, 1e-3)
    same(tidied(found["datumaro"]), right, 0.01)  # which keeps two digits


def test_outlines_of_yolo_are_read_with_the_boxes_around_them(peers, project, tmp_path):
    found = peers.read_training(unpacked("yolo", project, tmp_path, shapes="segments"), "yolo")
    same(tidied(found["supervision"]), [*BOXES, (TURNED_NAME, "bag", AROUND)], 1e-3)


def test_corners_of_turned_boxes_are_exactly_those_that_were_set(peers, project, tmp_path):
    found = tidied(peers.read_training(unpacked("yolo_obb", project, tmp_path), "yolo_obb")["supervision"])
    corners = [side for point in turned(20, 10, 24, 12, 30) for side in point]
    right = [(name, each, [x1, y1, x2, y1, x2, y2, x1, y2]) for name, each, (x1, y1, x2, y2) in BOXES]
    same(found, [*right, (TURNED_NAME, "bag", corners)], 1e-3)


def test_pixels_of_voc_are_those_of_the_devkit(peers, project, tmp_path):
    found = peers.read_training(unpacked("voc", project, tmp_path), "voc")
    left, top, right, bottom = AROUND
    around = [math.floor(left), math.floor(top), math.ceil(right), math.ceil(bottom)]
    boxes: Found = [*BOXES, (TURNED_NAME, "bag", [float(side) for side in around])]
    same(tidied(found["supervision"]), boxes, 0)  # takes 1 from the first pixel, as the devkit means it
    # takes the numbers as they are
    raw = [(name, each, [x1 + 1, y1 + 1, x2, y2]) for name, each, (x1, y1, x2, y2) in boxes]
    same(tidied(found["datumaro"]), raw, 0)


def test_from_zero_readers_that_take_numbers_as_they_are_find_the_boxes(peers, project, tmp_path):
    found = peers.read_training(unpacked("voc", project, tmp_path, origin="0"), "voc")
    left, top, right, bottom = AROUND
    around = [float(math.floor(left)), float(math.floor(top)), float(math.ceil(right)), float(math.ceil(bottom))]
    same(tidied(found["datumaro"]), [*BOXES, (TURNED_NAME, "bag", around)], 0)
