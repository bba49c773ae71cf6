"""Masks as files of their own, called as Label Studio calls them."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco_mask

from connections.rows.batch import BODY
from exports.formats.base import RefusedRow
from exports.formats.brush_to_numpy import npy_header
from tests.connections.rows.documents import box, document, label, mask, polygon, radio
from tests.exports.formats.running import batch_of, run

ONLY_ROWS = frozenset({BODY})
KEYS = {"brush_to_png": ".png", "brush_to_numpy": ".npy"}


def brush(name: str, pixels: Any, *, control: str = "brush", **more: Any) -> dict[str, Any]:
    runs = coco_mask.encode(np.asfortranarray(pixels, np.uint8))
    kept = {"label_studio": {"from_name": control, "to_name": "image"}}
    return mask(name, list(runs["size"]), runs["counts"].decode(), source_extra=kept, **more)


def by(label: dict[str, Any], completed_by: Any, id: str) -> dict[str, Any]:
    return {**label, "id": id, "source_extra": {"label_studio": {"completed_by": completed_by}}}


def shape(seed: int, height: int = 9, width: int = 14) -> Any:
    return np.random.default_rng(seed).integers(0, 2, (height, width), np.uint8)


SKY, SEA = shape(1), shape(2)
ROWS = [
    document(label(box("can", 0, 0, 1, 1), radio("quality", "good"))),
    document(
        by(label(brush("sky", SKY), box("can", 0, 0, 1, 1), brush("sky", SEA)), 1, "33"),
        by(label(brush("sea", SEA, control="tool")), {"id": 7, "email": "a+n_n@example.test"}, "34"),
        row_id="row2",
    ),
]


def archive(tmp_path, rows, key: str, **more: Any) -> zipfile.ZipFile:
    data = run(key, [batch_of(rows[:1], ONLY_ROWS), batch_of(rows[1:], ONLY_ROWS, first_number=2)], tmp_path, **more)
    opened = zipfile.ZipFile(io.BytesIO(data))
    assert opened.testzip() is None
    return opened


def index(opened: zipfile.ZipFile) -> list[dict[str, Any]]:
    return [json.loads(one) for one in opened.read("index.ndjson").splitlines()]


def pixels(opened: zipfile.ZipFile, name: str) -> Any:
    data = io.BytesIO(opened.read(name))
    if name.endswith(".npy"):
        return np.load(data, allow_pickle=False)
    picture = Image.open(data)
    assert picture.mode == "L"
    return np.asarray(picture)


def names(tmp_path, *labels: dict[str, Any]) -> list[str]:
    return archive(tmp_path, [document(*labels)], "brush_to_png").namelist()[:-1]


@pytest.mark.parametrize(("key", "suffix"), KEYS.items())
def test_each_mask_is_a_file_with_its_very_pixels_and_their_name(tmp_path, key, suffix):
    opened = archive(tmp_path, ROWS, key)
    expected = {
        f"task-2-annotation-33-by-1-brush-sky-0{suffix}": SKY,
        f"task-2-annotation-33-by-1-brush-sky-1{suffix}": SEA,
        f"task-2-annotation-34-by-ann@example.test-tool-sea-0{suffix}": SEA,
    }
    assert opened.namelist() == [*expected, "index.ndjson"]
    for name, mask_pixels in expected.items():
        found = pixels(opened, name)
        assert found.dtype == np.uint8
        assert np.array_equal(found, mask_pixels * 255)


def test_the_index_says_which_row_and_picture_a_file_is_of(tmp_path):
    first, *_ = index(archive(tmp_path, ROWS, "brush_to_png"))
    assert first == {
        "file": "task-2-annotation-33-by-1-brush-sky-0.png",
        "data_row_id": "row2",
        "global_key": "photo.jpg",
        "task": 2,
        "annotation": "33",
        "by": "1",
        "control": "brush",
        "region": "f3",
        "labels": ["sky"],
        "width": 14,
        "height": 9,
        "row_data": "https://pictures.test/a/photo.jpg",
        "file_name": "photo.jpg",
    }


def test_an_array_is_as_numpy_itself_would_write_it(tmp_path):
    opened = archive(tmp_path, ROWS, "brush_to_numpy")
    ours = opened.read("task-2-annotation-33-by-1-brush-sky-0.npy")
    theirs = io.BytesIO()
    np.save(theirs, SKY * np.uint8(255))
    assert ours == theirs.getvalue()


@pytest.mark.parametrize("size", [(1, 1), (1, 99_999), (8_000, 12_345), (10**9, 10**9)])
def test_a_header_is_that_of_numpy_for_every_size(size):
    theirs = io.BytesIO()
    np.lib.format.write_array_header_1_0(theirs, {"descr": "|u1", "fortran_order": False, "shape": size})  # type: ignore[no-untyped-call]
    assert npy_header(*size) == theirs.getvalue()


def test_masks_that_would_be_called_alike_have_different_names(tmp_path):
    found = names(
        tmp_path,
        by(
            label(brush("b-c", SKY, control="a"), brush("c", SKY, control="a-b"), brush("A-B-C", SKY, control="")),
            1,
            "1",
        ),
        by(label(brush("C", SKY, control="A-b")), 1, "1"),
    )
    assert found == [
        "task-1-annotation-1-by-1-a-b-c-0.png",
        "task-1-annotation-1-by-1-a-b-c-1.png",
        "task-1-annotation-1-by-1-brush-A-B-C-0.png",
        "task-1-annotation-1-by-1-A-b-C-2.png",
    ]
    assert len({name.casefold() for name in found}) == len(found)


@pytest.mark.parametrize("name", ["../../etc/passwd", "a\\..\\b", "C:\\x", "\x00\u202egnp.exe", "/", "é" * 300, "."])
def test_no_class_makes_a_name_that_leads_elsewhere_or_is_too_long(tmp_path, name):
    (found,) = names(tmp_path, by(label(brush(name, SKY, control=name)), name, name))
    assert not set(found) & set('/\\:*?"<>|\x00\u202e')
    assert found.startswith("task-1-annotation-")
    assert found.endswith("-0.png")
    assert len(found.encode()) <= 255


def test_a_mask_with_several_classes_is_one_file_and_one_without_is_called_no_label(tmp_path):
    further = brush("wet", SKY, id="f3-2", is_further_label=True)
    found = names(tmp_path, by(label(further, brush("sky", SKY), brush("", SEA, id="f9")), 5, "8"))
    assert found == ["task-1-annotation-8-by-5-brush-sky-wet-0.png", "task-1-annotation-8-by-5-brush-no_label-0.png"]


def test_who_made_it_is_unknown_where_that_was_not_asked_for(tmp_path):
    row = document(label(brush("sky", SKY)))
    assert (
        archive(tmp_path, [row], "brush_to_png").namelist()[0]
        == "task-1-annotation-l1-by-ann@example.test-brush-sky-0.png"
    )
    without = archive(tmp_path, [row], "brush_to_png", parts=frozenset())
    assert without.namelist()[0] == "task-1-annotation-l1-by-unknown-brush-sky-0.png"


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize(
    ("size", "counts", "code"),
    [([9, 9], "0", "cannot_paint"), ([20_001, 10_000], "0", "too_large"), ([2, 2], "P", "cannot_paint")],
)
def test_a_row_with_a_mask_that_cannot_be_painted_is_refused_whole(tmp_path, key, size, counts, code):
    bad = document(label(brush("sky", SKY), mask("sky", size, counts, id="f8")), row_id="row7")
    refused: list[RefusedRow] = []
    opened = archive(tmp_path, [bad, *ROWS], key, refused=refused)
    assert [(one.index, one.row_id, one.code) for one in refused] == [(0, "row7", code)]
    assert [one["task"] for one in index(opened)] == [3, 3, 3]
    assert len(opened.namelist()) == 4


def test_what_is_no_mask_is_no_file(tmp_path):
    row = document(label(polygon("can", [(0, 0), (5, 0), (5, 5)]), box("can", 0, 0, 1, 1)))
    assert archive(tmp_path, [row], "brush_to_png").namelist() == ["index.ndjson"]


@pytest.mark.parametrize(
    "kept", [{"label_studio": {"from_name": 5}}, {"label_studio": {"from_name": ["a"]}}, {"label_studio": [1]}, [1], 7]
)
def test_what_is_no_text_is_no_control_and_what_is_no_object_says_nothing(tmp_path, kept):
    one = label({**brush("sky", SKY), "source_extra": kept})
    one = {**one, "source_extra": kept}
    assert names(tmp_path, one) == ["task-1-annotation-l1-by-ann@example.test-brush-sky-0.png"]
