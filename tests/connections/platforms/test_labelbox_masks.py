"""Masks of Labelbox: pictures behind addresses that end, put into the rows of a sync as runs of pixels."""

from __future__ import annotations

import io
import json
import struct
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from PIL import Image
from pycocotools import mask as coco_mask

from connections.platforms.base import RemoteFile
from connections.platforms.labelbox import masks
from connections.platforms.labelbox.platform import LabelboxPlatform
from exportadmin.lib.errors import TransientError
from tests.support.far_side import Answer, redirect
from tests.support.labelbox_server import LabelboxServer, labelled_row, picture, with_mask

RED, BLUE = (200, 10, 20), (10, 20, 200)
AREAS = {RED: (2, 3, 20, 30), BLUE: (20, 30, 48, 64)}


def address(side: LabelboxServer, name: str = "t/masks/m/index/1") -> str:
    return f"{side.url}/api/v1/tasks/{name}"


def composite(side: LabelboxServer, colour: tuple[int, int, int], name: str = "t/masks/m/index/1") -> dict[str, Any]:
    return {"composite_mask": {"url": address(side, name), "color_rgb": list(colour)}}


def synced(platform: LabelboxPlatform, folder: Path) -> RemoteFile:
    asking = platform.for_sync("sync", None)
    made = platform.ask("one", asking)
    (file,) = platform.fetch("one", made.remote_id, asking, folder, lambda count: None)
    return file


def objects(file: RemoteFile) -> list[dict[str, Any]]:
    """Those that are masks."""
    rows = map(orjson.loads, file.path.read_bytes().splitlines())
    found = [
        one for row in rows for label in row["projects"]["one"]["labels"] for one in label["annotations"]["objects"]
    ]
    return [one for one in found if one["annotation_kind"] == "ImageSegmentationMask"]


def expected(box: tuple[int, int, int, int]) -> dict[str, Any]:
    """By pycocotools, of a rectangle."""
    pixels = np.zeros((64, 48), np.uint8, order="F")
    pixels[box[1] : box[3], box[0] : box[2]] = 1
    rle = coco_mask.encode(pixels)
    return {"size": [64, 48], "counts": rle["counts"].decode()}


def test_each_colour_of_a_picture_is_a_mask_and_the_picture_is_fetched_once(labelbox, labelbox_side, tmp_path):
    row = with_mask(with_mask(labelled_row(0), composite(labelbox_side, RED)), composite(labelbox_side, BLUE))
    labelbox_side.serve("one", [row, labelled_row(3)])
    labelbox_side.habits.masks["tasks/t/masks/m/index/1"] = picture(AREAS)
    file = synced(labelbox, tmp_path)
    red, blue = objects(file)
    assert (red["mask"], blue["mask"]) == (expected(AREAS[RED]), expected(AREAS[BLUE]))
    assert "composite_mask" not in red
    assert labelbox_side.count("mask") == 1
    assert (file.rows, dict(file.notes)) == (2, {})
    (task,) = labelbox_side.tasks.values()
    assert file.path.read_bytes().splitlines()[1] == task.streams["RESULT"].splitlines()[1]


@pytest.mark.parametrize("mode", ["L", "1", "P", "RGBA", "LA", "I;16"])
def test_a_picture_of_one_mask_is_whatever_is_not_black_in_it(labelbox, labelbox_side, tmp_path, mode):
    url = f"{labelbox_side.url}/api/v1/projects/p/annotations/f/index/1/mask"
    labelbox_side.serve("one", [with_mask(labelled_row(0), {"mask": {"url": url}})])
    white = picture({(255, 255, 255): (5, 6, 7, 9)})
    made = Image.open(io.BytesIO(white)).convert("L")
    out = io.BytesIO()
    (Image.fromarray(np.asarray(made).astype(np.uint16) * 257) if mode == "I;16" else made.convert(mode)).save(
        out, "PNG"
    )
    labelbox_side.habits.masks["projects/p/annotations/f/index/1/mask"] = out.getvalue()
    (mask,) = objects(synced(labelbox, tmp_path))
    assert mask["mask"] == expected((5, 6, 7, 9))


def test_a_mask_of_each_frame_of_a_video_is_put_in(labelbox, labelbox_side, tmp_path):
    row = labelled_row(0)
    frames = {
        str(number): {
            "objects": {
                "f1": {
                    "feature_id": "f1",
                    "name": "water",
                    "annotation_kind": "VideoSegmentationMask",
                    **composite(labelbox_side, RED, f"t/masks/m/index/{number}"),
                }
            },
            "classifications": [],
        }
        for number in (1, 2)
    }
    row["projects"]["one"]["labels"][0]["annotations"] = {"frames": frames, "segments": {}, "classifications": []}
    labelbox_side.serve("one", [row])
    for number in (1, 2):
        shown = picture({RED: (number, 1, 9, 9)})
        labelbox_side.habits.masks[f"tasks/t/masks/m/index/{number}"] = shown
    (line,) = synced(labelbox, tmp_path).path.read_bytes().splitlines()
    found = orjson.loads(line)["projects"]["one"]["labels"][0]["annotations"]["frames"]
    for number in (1, 2):
        assert found[str(number)]["objects"]["f1"]["mask"] == expected((number, 1, 9, 9))


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer(401, b"no key"), "answered 401"),
        (Answer(404, b"gone"), "answered 404"),
        (Answer(200, b"<html>"), "what came is no whole PNG picture"),
        (Answer(200, picture(AREAS)[:-40]), "what came is no whole PNG picture"),
        (Answer(200, picture({BLUE: AREAS[BLUE]})), "its picture has no pixel of that colour"),
        (redirect("http://10.1.2.3/mask"), "10.1.2.3 is"),
    ],
)
def test_what_cannot_be_had_stays_as_it_is_and_is_counted_with_its_reason(
    labelbox, labelbox_side, tmp_path, answer, reason
):
    labelbox_side.serve("one", [with_mask(labelled_row(0), composite(labelbox_side, RED)), labelled_row(3)])
    labelbox_side.habits.masks["tasks/t/masks/m/index/1"] = answer
    file = synced(labelbox, tmp_path)
    (mask,) = objects(file)
    assert mask["composite_mask"] == composite(labelbox_side, RED)["composite_mask"]
    ((text, count),) = file.notes.items()
    assert (text.startswith("masks that could not be had ("), count) == (True, 1)
    assert reason in text
    assert text.endswith(f"such as that of row 'row-00000' at {address(labelbox_side)}")
    assert file.rows == 2


def test_a_row_that_will_be_refused_for_its_depth_stays_as_it_came(labelbox, labelbox_side, tmp_path):
    deep: dict[str, Any] = {}
    for _ in range(300):
        deep = {"a": deep}
    line = json.dumps({**with_mask(labelled_row(0), composite(labelbox_side, RED)), "metadata_fields": [deep]}) + "\n"
    path, made = tmp_path / "fetched", tmp_path / "made"
    path.write_text(line)
    labelbox_side.habits.masks["tasks/t/masks/m/index/1"] = picture(AREAS)
    not_had = masks.put_in(labelbox.client, "task", path, made, lambda count: None)
    assert made.read_text() == line
    assert not_had.notes() == {}, "whoever reads the row refuses it"


def test_pictures_of_another_host_are_asked_for_without_the_key(labelbox, labelbox_side, tmp_path):
    """``localhost`` is another host than ``127.0.0.1``."""
    elsewhere = address(labelbox_side).replace("127.0.0.1", "localhost")
    mask = {"composite_mask": {"url": elsewhere, "color_rgb": list(RED)}}
    labelbox_side.serve("one", [with_mask(labelled_row(0), mask)])
    assert "answered 401" in next(iter(synced(labelbox, tmp_path).notes))
    (call,) = (one for one in labelbox_side.calls if one.route == "mask")
    assert call.headers["host"].startswith("localhost:")
    assert "authorization" not in call.headers


def test_where_many_fail_one_after_another_it_is_tried_again_later(labelbox, labelbox_side, tmp_path, monkeypatch):
    monkeypatch.setattr(masks, "MOST_FAILURES", 3)
    row = labelled_row(0)
    for number in range(5):
        row = with_mask(row, composite(labelbox_side, RED, f"t/masks/{number}/index/1"))
        labelbox_side.habits.masks[f"tasks/t/masks/{number}/index/1"] = Answer(503, headers={"Retry-After": "99"})
    labelbox_side.serve("one", [row, with_mask(labelled_row(3), composite(labelbox_side, RED))])
    labelbox_side.habits.masks["tasks/t/masks/m/index/1"] = Answer(503, headers={"Retry-After": "99"})
    asking = labelbox.for_sync("sync", None)
    made = labelbox.ask("one", asking)
    for _ in range(2):
        with pytest.raises(TransientError, match=r"3 masks, one after another: .* answered 503"):
            labelbox.fetch("one", made.remote_id, asking, tmp_path, lambda count: None)
    (file,) = labelbox.fetch("one", made.remote_id, asking, tmp_path, lambda count: None)
    assert (file.rows, file.deferred, file.deferred_rows) == (2, 6, ["row-00000", "row-00003"])
    assert any("3 masks, one after another" in text for text in file.notes), "the last of them was not asked for"


def test_pictures_that_are_too_large_are_not_unpacked(monkeypatch):
    monkeypatch.setattr(masks, "MOST_PIXELS", 100)
    reason = "its picture of 48 x 64 pixels has more than 100"
    assert masks.runs_of(picture(AREAS), [RED, None]) == [reason] * 2


def test_a_picture_that_is_broken_behind_its_pixels_is_one_that_cannot_be_had():
    """Where Pillow raises whatever its reader of a chunk comes upon."""
    whole, end = picture(AREAS)[:-12], picture(AREAS)[-12:]
    empty = b"iCCP"
    broken = whole + struct.pack(">I", 0) + empty + struct.pack(">I", zlib.crc32(empty)) + end
    assert masks.runs_of(broken, [RED]) == ["what came is no whole PNG picture"]


def test_a_picture_of_noise_is_said_to_be_one(monkeypatch):
    monkeypatch.setattr(masks, "MOST_RUNS", 20)
    assert masks.runs_of(picture({RED: (2, 3, 20, 30)}), [RED])[0] == expected((2, 3, 20, 30))
    assert masks.runs_of(picture({RED: (2, 3, 23, 30)}), [RED]) == [
        "its picture is noise: the masks in it have more than 20 runs"
    ]


@pytest.mark.parametrize("band", [1, 130, 1 << 20])
def test_the_runs_are_those_of_pycocotools_whatever_the_bands(monkeypatch, band):
    monkeypatch.setattr(masks, "_BAND", band)
    dice = np.random.default_rng(7)
    pixels = dice.choice(np.array([0, 1, 255], np.uint8), (40, 30, 4), p=[0.6, 0.2, 0.2]).repeat(2, axis=0)
    pixels[:, :4, :3] = (1, 255, 0)  # a colour across bands, of which opacity alone differs
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    colours = [(1, 255, 0), (0, 0, 0), (255, 255, 255), None, (9, 9, 9)]
    *found, none = masks.runs_of(out.getvalue(), colours)
    assert none == "its picture has no pixel of that colour"
    for colour, mask in zip(colours, found, strict=False):
        rgb = pixels[..., :3]
        there = (rgb == colour).all(axis=2) if colour else rgb.any(axis=2) & (pixels[..., 3] != 0)
        rle = coco_mask.encode(np.asfortranarray(there, np.uint8))
        assert mask == {"size": [80, 30], "counts": rle["counts"].decode()}, colour


def test_looking_at_a_picture_takes_little_memory_beside_it():
    shown = picture({(n, 1, 2): (n * 100, 5, n * 100 + 90, 1900) for n in range(1, 20)}, (2000, 2000))
    tracemalloc.start()
    found = masks.runs_of(shown, [(n, 1, 2) for n in range(1, 20)])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert all(isinstance(one, dict) for one in found)
    assert peak < 25_000_000, "less than 7 bytes a pixel"


def test_masks_of_rows_that_are_done_are_not_fetched_anew(labelbox, labelbox_side, tmp_path, monkeypatch):
    monkeypatch.setattr(masks, "MOST_FAILURES", 1)
    rows = [with_mask(labelled_row(n * 3), composite(labelbox_side, RED, f"{n}/index/1")) for n in range(3)]
    rows[0] = with_mask(rows[0], composite(labelbox_side, BLUE, "gone/index/1"))
    labelbox_side.serve("one", rows)
    shown = {f"tasks/{n}/index/1": picture(AREAS) for n in range(3)}
    gone = {"tasks/gone/index/1": Answer(404)}
    labelbox_side.habits.masks = shown | gone | {"tasks/1/index/1": Answer(503, headers={"Retry-After": "99"})}
    asking, told = labelbox.for_sync("sync", None), []
    made = labelbox.ask("one", asking)
    with pytest.raises(TransientError, match="answered 503"):
        labelbox.fetch("one", made.remote_id, asking, tmp_path, told.append)
    before, fetched = sum(told), len([one for one in labelbox_side.calls if one.route == "mask"])
    labelbox_side.habits.masks = shown
    told.clear()
    (file,) = labelbox.fetch("one", made.remote_id, asking, tmp_path, told.append)
    assert [one["mask"] for one in objects(file) if "mask" in one] == [expected(AREAS[RED])] * 3
    assert file.rows == len(file.path.read_bytes().splitlines()) == 3
    ((text, count),) = file.notes.items()
    assert ("answered 404" in text, count) == (True, 1)
    again = [one.path for one in labelbox_side.calls if one.route == "mask"][fetched:]
    assert sorted(again) == ["/api/v1/tasks/1/index/1", "/api/v1/tasks/2/index/1"]
    assert sum(told) > before, "it is seen to come further"
