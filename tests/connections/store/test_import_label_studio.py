"""Label Studio's tasks come in whole, in pixels, with nothing of them lost."""

from __future__ import annotations

import importlib.util
import json
import math
import random
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.connections.store.importing import HOSTILE_NAMES, JUNK, places_in, read, replaced, write
from tests.connections.store.test_import_brush_masks import decode_step_by_step, encode

MASK = encode([value for pixel in range(200) for value in (9, 9, 9, 255 * (pixel % 5 == 0))], random.Random(2))


def region(kind: str, value: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "id": "r1",
        "type": kind,
        "from_name": "tool",
        "to_name": "image",
        "origin": "manual",
        "original_width": 20,
        "original_height": 10,
        "image_rotation": 0,
        "value": value,
        **more,
    }


def box(x: Any = 10, y: Any = 20, width: Any = 30.5, height: Any = 40, **more: Any) -> dict[str, Any]:
    value = {"x": x, "y": y, "width": width, "height": height, "rotation": 0, "rectanglelabels": ["car"], **more}
    return region("rectanglelabels", value)


def polygon(points: Any) -> dict[str, Any]:
    return region("polygonlabels", {"points": points, "closed": True, "polygonlabels": ["road"]})


def brush(rle: Any = MASK, **more: Any) -> dict[str, Any]:
    return region("brushlabels", {"format": "rle", "rle": rle, "brushlabels": ["sky"]}, **more)


def choices(*chosen: str, **more: Any) -> dict[str, Any]:
    made = {"id": "c1", "type": "choices", "from_name": "quality", "to_name": "image", "origin": "manual"}
    return {**made, "value": {"choices": list(chosen)}, **more}


def task(*result: Any, **more: Any) -> dict[str, Any]:
    return {"data": {"image": "https://img.example.test/1.jpg"}, "annotations": [{"result": list(result)}], **more}


@pytest.fixture
def take(tmp_path: Path) -> Any:
    def take(*tasks: Any, status: str | None = None) -> Any:
        return read("label_studio_json", write(tmp_path, list(tasks)), status)

    return take


@pytest.fixture
def mark(take: Any) -> Any:
    """The one object of a task with one region."""

    def mark(*result: Any) -> dict[str, Any]:
        (row,), reading = take(task(*result))
        assert not reading.refused
        (found,) = row.labels[0].objects
        return found

    return mark


@pytest.fixture
def why(take: Any) -> Any:
    """The reason why a task is refused, while its good neighbour goes in."""

    def why(bad: Any) -> str:
        rows, reading = take(bad, task(box(), id=77))
        assert [row.key for row in rows] == ["task-77"]
        (refused,) = reading.refused
        assert refused.position == "row 1 (line 1, byte 1)"
        return refused.reason

    return why


# --- bad rows --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (box(width=-1), "annotation 1: region 1: the box has the negative size -1 x 40"),
        (box(height=-0.5), "annotation 1: region 1: the box has the negative size 30.5 x -0.5"),
        (box(x="1"), "annotation 1: region 1: the box: '1' is not a number"),
        (box(x=True), "annotation 1: region 1: the box: True is not a number"),
        (box(x=1e300), "annotation 1: region 1: the box: 1e+300 is no place in a picture"),
        (box(rotation="x"), "annotation 1: region 1: rotation: 'x' is not a number"),
        (box(rectanglelabels=[3]), "annotation 1: region 1: rectanglelabels is not a list of texts"),
        (region("rectanglelabels", {"x": 1, "y": 1, "width": 1}), "annotation 1: region 1: has no height"),
        (region("rectanglelabels", []), "annotation 1: region 1: value is not an object"),
        (polygon([[1, 2], [3, 4]]), "annotation 1: region 1: a polygon has 2 points; at least 3 make one"),
        (polygon([[1, 2], [3, 4], [5]]), "annotation 1: region 1: points is not a list of [x, y]"),
        (polygon([[1, 2], [3, 4], [5, None]]), "annotation 1: region 1: a polygon: None is not a number"),
        (polygon(["ab", "cd", "ef"]), "annotation 1: region 1: a polygon: 'a' is not a number"),
        (polygon(7), "annotation 1: region 1: points is not a list of [x, y]"),
        (brush(original_height=11), "annotation 1: region 1: a brush's rle holds 200 pixels; the picture has 220"),
        (brush(MASK[:-4]), "annotation 1: region 1: a brush's rle breaks off"),
        (brush("text"), "annotation 1: region 1: a brush has no list of bytes under rle"),
        (brush(original_width=None), "annotation 1: region 1: percent without original_width and original_height"),
        (brush(original_width=0), "annotation 1: region 1: the original_width 0 is not a whole number of pixels"),
        (choices(), None),
        (choices("a", value={"choices": "a"}), "annotation 1: region 1: choices is not a list of texts"),
        (choices("a", from_name=None), "annotation 1: region 1: an answer has no from_name, which is its question"),
        ({"type": "relation", "from_id": "a"}, "annotation 1: region 1: a relation does not say from which region"),
        ({"value": {}}, "annotation 1: region 1: has no type"),
        ("region", "annotation 1: region 1: is not an object"),
    ],
)
def test_a_bad_region_refuses_its_task_whole(why, take, bad, reason):
    if reason is None:
        assert not take(task(bad))[1].refused
        return
    assert why(task(bad)).startswith(reason)
    if type(bad) is not dict or bad.get("original_width", 1):  # else the box has the size
        assert "region 2" in why(task(box(), bad))


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ([], "a row is an object; this is a list"),
        (3, "a row is an object; this is a number"),
        (None, "a row is an object; this is null"),
        ({}, "a task has its media under data; this one has none"),
        ({"data": []}, "a task has its media under data; this one has none"),
        ({"data": {}, "annotations": [1, 2]}, "annotations is not a list of annotations with their results"),
        ({"data": {}, "annotations": {"a": 1}}, "annotations is not a list of annotations with their results"),
        ({"data": {}, "annotations": [{"result": 3}]}, "annotation 1: result is not a list of regions"),
        (task(id=True), "the task's id True is neither a number nor a text"),
        (task(created_at="yesterday"), "created_at: 'yesterday' is not a time"),
        (task(updated_at=["x"]), "updated_at: ['x'] is not a time"),
        ({"data": {}, "annotations": [{"created_at": ""}]}, "annotation 1: created_at: '' is not a time"),
        ({"data": {}, "annotations": [{"id": 1.5}]}, "annotation 1: the id 1.5 is neither a number nor a text"),
        ({"data": {}, "annotations": [{"reviews": ["good"]}]}, "annotation 1: reviews is not a list of objects"),
    ],
)
def test_a_task_that_is_none_is_refused(why, bad, reason):
    assert why(bad).startswith(reason)


def test_the_same_key_again_is_refused_and_names_the_first(take):
    rows, reading = take(task(box(), id=5), task(box()), task(box(), id="5"), task(choices("a")))
    assert [row.key for row in rows] == ["task-5", "https://img.example.test/1.jpg"]
    first, second = reading.refused
    assert first.reason == "the key 'task-5' was already used by row 1 (line 1, byte 1)"
    assert second.reason.startswith("the key 'https://img.example.test/1.jpg' was already used by row 2 (line 1, byte")


def test_keys_are_told_apart_and_found_again_in_a_long_file(tmp_path):
    lines = [json.dumps({"data": {}, "id": number}) for number in range(5_000)]
    lines += [json.dumps({"data": {}, "id": number}) for number in range(0, 5_000, 3)]
    rows, reading = read("label_studio_json", write(tmp_path, "\n".join(lines)))
    assert len(rows) == 5_000
    assert reading.refused_count == 1_667
    assert len(reading.refused) == 1_000
    assert reading.refused[4].reason == "the key 'task-12' was already used by row 13 (line 13, byte 266)"


FULL = {
    "id": 4,
    "data": {"image": "https://img.example.test/1.jpg", "note": "n", "external_id": "e"},
    "meta": {"a": 1},
    "predictions": [{"result": []}],
    "created_at": "2024-01-01T00:00:00Z",
    "annotations": [
        {
            "id": 1,
            "completed_by": {"id": 1, "email": "a@example.test"},
            "lead_time": 3.2,
            "was_cancelled": False,
            "ground_truth": False,
            "created_at": "2024-01-01T00:00:00Z",
            "result": [
                box(),
                {**box(rotation=30), "id": "r2"},
                polygon([[1, 2], [3, 4], [5, 6]]),
                brush(),
                region("keypointlabels", {"x": 1, "y": 2, "width": 0.1, "keypointlabels": ["nose"]}),
                choices("a", "b"),
                region("textarea", {"text": ["t"]}),
                {"type": "relation", "from_id": "r1", "to_id": "r2", "direction": "left", "labels": ["near"]},
                region("labels", {"labels": ["x"], "x": 1}),
                region("ellipselabels", {"x": 1, "ellipselabels": ["e"]}),
            ],
        }
    ],
}
PLACES = places_in(FULL)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(place=st.sampled_from(PLACES), junk=JUNK, take_out=st.booleans())
def test_whatever_stands_anywhere_in_a_task_it_goes_in_or_is_refused(tmp_path, place, junk, take_out):
    rows, reading = read("label_studio_json", write(tmp_path, [replaced(FULL, place, junk, take_out=take_out)]))
    for row in rows:
        for label in row.labels:
            text = orjson.dumps([label.objects, label.classifications, label.relationships, label.performance])
            assert json.loads(text) == [label.objects, label.classifications, label.relationships, label.performance]
    assert len(rows) + reading.refused_count == 1


# --- regions ---------------------------------------------------------------------------------------------------------


def test_a_box_becomes_pixels_and_keeps_what_label_studio_said(mark):
    found = mark(box(x=10, y=20, width=30.5, height=40))
    assert found == {
        "feature_id": "r1",
        "name": "car",
        "value": "car",
        "annotation_kind": "ImageBoundingBox",
        "classifications": [],
        "bounding_box": {"top": 2.0, "left": 2.0, "height": 4.0, "width": 6.1},
        "source_extra": {"label_studio": {"from_name": "tool", "to_name": "image"}},
    }


def test_a_turned_box_becomes_a_polygon_about_its_top_left_corner(mark):
    found = mark(box(x=50, y=50, width=20, height=20, rotation=90))  # 4 x 2 pixels at (10, 5)
    assert found["annotation_kind"] == "ImagePolygon"
    expected = [(10, 5), (10, 9), (8, 9), (8, 5)]
    for point, (x, y) in zip(found["polygon"], expected, strict=True):
        assert math.isclose(point["x"], x, abs_tol=1e-9)
        assert math.isclose(point["y"], y, abs_tol=1e-9)
    assert found["source_extra"]["label_studio"]["rotation"] == 90


def test_a_polygon_and_a_point_become_pixels(mark):
    assert mark(polygon([[10, 10], [20.5, 10], [20, 30]]))["polygon"] == [
        {"x": 2.0, "y": 1.0},
        {"x": 4.1, "y": 1.0},
        {"x": 4.0, "y": 3.0},
    ]
    point = mark(region("keypointlabels", {"x": 25, "y": 10, "width": 0.3, "keypointlabels": ["nose"]}))
    assert (point["annotation_kind"], point["point"]) == ("ImagePoint", {"x": 5.0, "y": 1.0})
    assert point["source_extra"]["label_studio"]["value"] == {"width": 0.3}


def test_a_brush_becomes_a_mask(mark):
    found = mark(brush())
    assert found["annotation_kind"] == "ImageSegmentationMask"
    assert found["mask"] == {"size": [10, 20], "counts": decode_step_by_step(MASK, 10, 20)}


@pytest.mark.parametrize(
    "raw",
    [
        region("ellipselabels", {"x": 1, "y": 2, "radiusX": 3, "radiusY": 4, "ellipselabels": ["egg"]}),
        region("videorectangle", {"sequence": [{"frame": 1, "x": 2}], "labels": ["car"]}),
        {"id": "s", "type": "labels", "from_name": "ner", "to_name": "text", "value": {"start": 1, "labels": ["PER"]}},
        {"type": "something new", "value": {"x": 1}},
    ],
)
def test_an_unknown_region_is_carried_whole(mark, raw):
    found = mark(raw)
    assert found["annotation_kind"] == "LabelStudio:" + raw["type"]
    assert found["source_extra"] == {"label_studio": raw}
    assert found["name"] == {"ellipselabels": "egg", "videorectangle": "car", "labels": "PER"}.get(raw["type"], "")


def test_unknown_keys_of_a_region_are_kept(mark):
    raw = {**box(score=0.5), "meta": {"text": ["hm"]}, "origin": "prediction", "image_rotation": 90, "score": 0.9}
    assert mark(raw)["source_extra"]["label_studio"] == {
        "from_name": "tool",
        "to_name": "image",
        "origin": "prediction",
        "image_rotation": 90,
        "meta": {"text": ["hm"]},
        "score": 0.9,
        "value": {"score": 0.5},
    }


def test_answers(take):
    text = region("textarea", {"text": ["one", "two"]}, id="t1", from_name="why")
    (row,), _ = take(task(choices("good"), choices("a", "b", id="c2", from_name="many"), text))
    radio, checklist, written, more = row.labels[0].classifications
    assert radio["name"] == "quality"
    assert radio["radio_answer"] == {"name": "good", "value": "good", "classifications": []}
    assert [answer["name"] for answer in checklist["checklist_answers"]] == ["a", "b"]
    assert (written["feature_id"], written["text_answer"]) == ("t1", {"content": "one"})
    assert (more["feature_id"], more["name"], more["text_answer"]) == ("t1-2", "why", {"content": "two"})
    assert written["source_extra"]["label_studio"]["text"] == ["one", "two"]
    assert row.labels[0].objects == []


@pytest.mark.parametrize("order", [1, -1])
def test_an_answer_about_a_region_stands_in_that_region(take, order):
    about = choices("yes", id="r1", from_name="occluded")
    (row,), _ = take(task(*[box(), about][::order], choices("good")))
    (found,) = row.labels[0].objects
    assert [answer["name"] for answer in found["classifications"]] == ["occluded"]
    assert [answer["name"] for answer in row.labels[0].classifications] == ["quality"]


@pytest.mark.parametrize(
    ("direction", "kind", "ends"),
    [
        ("right", "unidirectional", ("a", "b")),
        ("left", "unidirectional", ("b", "a")),
        ("bi", "bidirectional", ("a", "b")),
    ],
)
def test_relations_are_carried(take, direction, kind, ends):
    raw = {"type": "relation", "from_id": "a", "to_id": "b", "direction": direction, "labels": ["near"]}
    (row,), _ = take(task(raw))
    (found,) = row.labels[0].relationships
    assert found["name"] == "near"
    assert found[f"{kind}_relationship"] == {"source": ends[0], "target": ends[1]}
    assert found["source_extra"] == {"label_studio": raw}


# --- tasks -----------------------------------------------------------------------------------------------------------


def annotation(**more: Any) -> dict[str, Any]:
    return {"result": [choices("good")], **more}


@pytest.mark.parametrize(
    ("annotations", "status"),
    [
        ([], "to_label"),
        (None, "to_label"),
        ([annotation()], "review"),
        ([annotation(was_cancelled=True)], "skipped"),
        ([annotation(was_cancelled=True), annotation()], "review"),
        ([annotation(), annotation(ground_truth=True)], "accepted"),
        ([annotation(was_cancelled=True, ground_truth=True)], "skipped"),
    ],
)
def test_the_review_status_follows_from_the_annotations(take, annotations, status):
    raw = {"data": {"image": "a.jpg"}, "annotations": annotations}
    assert take(raw)[0][0].status == status
    assert take(raw, status="client_review")[0][0].status == "client_review"


def test_an_annotation_becomes_a_label_with_who_and_when(take):
    given = annotation(
        id=9,
        completed_by={"id": 3, "email": "ann@example.test"},
        lead_time=12.5,
        ground_truth=True,
        created_at="2024-01-02T03:04:05.678901Z",
        updated_at="2024-01-02T03:04:06Z",
        unique_id="u",
        reviews=[{"accepted": True}],
    )
    (row,), _ = take({"data": {"image": "a.jpg"}, "annotations": [given, annotation(completed_by=7, lead_time=None)]})
    label, second = row.labels
    assert (label.label_id, label.reviews) == ("9", [{"accepted": True}])
    assert (label.created_ms, label.updated_ms) == (1704164645678, 1704164646000)
    assert (row.activity_ms, row.updated_ms) == (1704164646000, None)
    assert label.created_by == "ann@example.test"
    assert label.performance == {"seconds_to_create": 12, "skipped": False, "benchmark_reference_label": True}
    kept = label.extra["source_extra"]["label_studio"]
    assert (kept["ground_truth"], kept["lead_time"], kept["id"], kept["unique_id"]) == (True, 12.5, 9, "u")
    assert (second.created_by, second.performance) == ("7", {"skipped": False})


@pytest.mark.parametrize("seconds", [1_599_666_061, 1_599_666_061.0])
def test_times_of_before_1_0_are_seconds(take, seconds):
    task = {"data": {"image": "a.jpg"}, "created_at": seconds, "completions": [{"result": [], "created_at": seconds}]}
    (row,), _ = take(task)
    assert row.created_ms == row.labels[0].created_ms == row.activity_ms == 1_599_666_061_000


def test_a_task_keeps_all_that_was_said_of_it(take):
    (row,), _ = take(FULL)
    assert row.key == "task-4"
    assert (row.number, row.row_id) == (4, "4")
    assert row.external_id == "e"
    assert row.row_data == "https://img.example.test/1.jpg"
    assert row.media_attributes == {"height": 10, "width": 20, "asset_type": "image", "mime_type": "image/jpeg"}
    assert row.created_ms == 1704067200000
    assert row.source_extra == {
        "label_studio": {key: value for key, value in FULL.items() if key != "annotations"},
    }


@pytest.mark.parametrize(
    ("data", "address", "kind"),
    [
        ({"image": "x", "pdf": "https://e.test/a.pdf"}, "x", None),
        ({"note": "a text", "video": "s3://bucket/v.mp4"}, "s3://bucket/v.mp4", "video"),
        ({"sound": "/data/upload/1/a.wav"}, "/data/upload/1/a.wav", "audio"),
        ({"text": "Just words."}, "Just words.", "text"),
        ({"a": 1}, '{"a":1}', "text"),
    ],
)
def test_the_media_address_is_found(take, data, address, kind):
    (row,), _ = take({"data": data})
    assert row.row_data == address
    assert row.media_attributes.get("asset_type") == kind


def test_a_task_without_id_or_media_has_a_key_of_its_data(take):
    (one, two), _ = take({"data": {"text": "a", "n": 1}}, {"data": {"text": "b"}})
    assert one.key != two.key
    assert one.key == take({"data": {"n": 1, "text": "a"}})[0][0].key


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_hostile_names_are_carried_as_text(take, name):
    raw = {"data": {"image": name, name: name}, "annotations": [{"result": [box(rectanglelabels=[name])]}]}
    (row,), _ = take(raw)
    assert row.key == row.row_data == name
    assert row.labels[0].objects[0]["name"] == name
    assert row.source_extra["label_studio"]["data"][name] == name


def test_an_address_too_long_for_a_key_is_digested(take):
    (row,), _ = take({"data": {"image": "data:image/png;base64," + "A" * 10_000}})
    assert row.key.startswith("media-")
    assert len(row.key) < 40


def test_one_task_a_line_reads_the_same_as_an_array(tmp_path, take):
    tasks = [FULL, task(box()), task(choices("a"), id=9)]
    from_array, _ = take(*tasks)
    from_lines, _ = read("label_studio_json", write(tmp_path, "\n".join(map(json.dumps, tasks)), "tasks.jsonl"))
    for one, other in zip(from_array, from_lines, strict=True):
        other.position = one.position
        assert one == other


# --- real size -------------------------------------------------------------------------------------------------------


def generator(shared: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("gen", shared / "tools" / "gen_label_studio_tasks.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_task_of_the_edge_mix_is_accounted_for(tmp_path, shared):
    tasks = [generator(shared).task(index, mix="edge") for index in range(200)]
    rows, reading = read("label_studio_json", write(tmp_path, tasks))
    assert len(rows) == 200
    assert not reading.refused_count
    expected: Counter[str] = Counter()
    found: Counter[str] = Counter()
    for index, (raw, row) in enumerate(zip(tasks, rows, strict=True)):
        by_index = {3: "to_label", 5: "skipped", 7: "accepted"}
        assert row.status == by_index.get(index % 10, "review")
        assert len(row.labels) == len(raw["annotations"])
        for each in raw["annotations"]:
            expected.update(result["type"] for result in each["result"])
        for label in row.labels:
            found.update(mark["annotation_kind"] for mark in label.objects)
            found.update("choices" for _ in label.classifications)
    assert found == {
        "ImageBoundingBox": expected["rectanglelabels"],
        "ImagePolygon": expected["polygonlabels"],
        "ImageSegmentationMask": expected["brushlabels"],
        "choices": expected["choices"],
    }
    brushes = [result["value"]["rle"] for result in tasks[4]["annotations"][0]["result"] if "rle" in result["value"]]
    masks = [mark["mask"]["counts"] for mark in rows[4].labels[0].objects if "mask" in mark]
    assert masks == [decode_step_by_step(rle, 480, 640) for rle in brushes]
