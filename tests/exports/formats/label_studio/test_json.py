"""``label_studio_json``: what came from Label Studio goes out as it came in; rows of other sources are valid tasks."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from connections.rows.kinds import KINDS
from connections.rows.label_studio.brush import pack
from connections.rows.label_studio.percents import percent
from connections.rows.label_studio.tasks import MOST_FRAMES
from connections.rows.masks import compressed
from connections.store.importers.brush import brush_mask
from exports.formats import FORMATS
from exports.formats.base import FormatContext
from exports.formats.label_studio.tasks import NOTE_TEXTS
from tests.support.label_studio import batch_of, differences, noted, rows_of, written
from tests.support.rows import answer, box, mask, point, polygon, row

SIZE = {"original_width": 1000, "original_height": 500, "image_rotation": 0}
BOX = {"x": 23.466666666666665, "y": 100 / 3, "width": 1e-3 / 7, "height": math.pi, "rotation": 0}
HEAD = {
    "completed_by": {"id": 3, "email": "ann@example.test", "first_name": "Ann", "last_name": ""},
    "was_cancelled": False,
    "ground_truth": False,
    "created_at": "2026-11-22T01:26:16.628062Z",
    "updated_at": "2026-11-22T01:26:17.628000Z",
    "lead_time": 12.345,
    "unique_id": "7f5c1a0e-1111-4222-8333-444455556666",
    "prediction": {},
    "result_count": 3,
}


def region(kind: str, value: dict[str, Any], **more: Any) -> dict[str, Any]:
    head = {"id": "a1", "type": kind, "from_name": "tool", "to_name": "image", "origin": "manual"}
    return {**head, **SIZE, "value": value, **more}


def answered(kind: str, value: Any, **more: Any) -> dict[str, Any]:
    key = {"textarea": "text", "pairwise": "selected"}.get(kind, kind)
    head = {"id": "q1", "type": kind, "from_name": f"the {kind}", "to_name": "image", "origin": "manual"}
    return {**head, "value": {key: value}, **more}


def task(*results: dict[str, Any], data: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    annotation = {"id": 71, **HEAD, "result": list(results)}
    return {"id": 7, "data": data or {"image": "https://img.invalid/a.jpg"}, "annotations": [annotation], **more}


def again(tasks: list[Any], folder: Path, **options: str) -> list[Any]:
    found: list[Any] = json.loads(written(rows_of(tasks, folder), folder, "label_studio_json", options))
    return found


# results of every form by name, on a picture and elsewhere
FORMS = json.loads((Path(__file__).parent / "results.json").read_text("utf-8"))
RESULTS: dict[str, list[dict[str, Any]]] = FORMS["pictures"]
OTHERS: dict[str, dict[str, Any]] = FORMS["others"]


@pytest.mark.parametrize("name", RESULTS)
def test_every_result_goes_out_as_it_came_in(name: str, tmp_path: Path):
    tasks = [task(*RESULTS[name])]
    assert list(differences(tasks, again(tasks, tmp_path))) == []


@pytest.mark.parametrize("name", OTHERS)
def test_what_lies_in_time_or_text_goes_out_as_it_came_in(name: str, tmp_path: Path):
    tasks = [task(*OTHERS[name]["results"], data=OTHERS[name]["data"])]
    assert list(differences(tasks, again(tasks, tmp_path))) == []


def test_a_brush_keeps_its_own_bytes(tmp_path: Path):
    """Half a pixel's alpha is more than a mask says."""
    rle = _literal([0, 0, 0, 0, 9, 8, 7, 1, 255, 255, 255, 128, 0, 0, 0, 0])
    size = {"original_width": 2, "original_height": 2}
    tasks = [task(region("brushlabels", {"format": "rle", "rle": rle, "brushlabels": ["sky"]}, **size))]
    assert list(differences(tasks, again(tasks, tmp_path))) == []


def _literal(words: list[int]) -> list[int]:
    """A stream of one run of literal words, as no mask of ours would be packed."""
    bits = f"{len(words):032b}{7:05b}" + "".join(f"{size - 1:04b}" for size in (3, 4, 8, 16))
    bits += f"010{len(words) - 1:04b}" + "".join(f"{word:08b}" for word in words)
    bits += "0" * (-len(bits) % 8)
    return list(int(bits, 2).to_bytes(len(bits) // 8, "big"))


def test_what_a_task_and_its_annotations_say_beside_goes_out_too(tmp_path: Path):
    one = task(
        region("rectanglelabels", {**BOX, "rectanglelabels": ["car"]}),
        meta={"batch": 3},
        inner_id=12,
        file_upload="a-b.json",
        created_at="2026-11-22T01:26:16.628062Z",
        updated_at="2026-11-22T01:26:18.000001Z",
        total_annotations=2,
        cancelled_annotations=1,
        project=4,
        comment_authors=[1],
        predictions=[{"id": 5, "score": 0.75, "model_version": "v1", "result": [region("rectanglelabels", BOX)]}],
        drafts=[{"id": 6, "user": "ann", "result": []}],
    )
    skipped = {"id": 72, **HEAD, "completed_by": 4, "was_cancelled": True, "result": [], "history": [{"id": 1}]}
    reviewed = {"id": 73, **HEAD, "ground_truth": True, "reviews": [{"id": 1, "accepted": True}], "result": []}
    one["annotations"] += [skipped, reviewed]
    assert list(differences([one], again([one], tmp_path))) == []


def test_a_task_has_the_keys_of_an_export_in_their_order(tmp_path: Path):
    (found,) = again([{"data": {"image": "a.jpg"}, "annotations": [{"result": []}]}], tmp_path)
    assert list(found) == [
        "id",
        "annotations",
        "drafts",
        "predictions",
        "data",
        "meta",
        "created_at",
        "updated_at",
        "allow_skip",
        "inner_id",
        "total_annotations",
        "cancelled_annotations",
        "total_predictions",
        "comment_count",
        "unresolved_comment_count",
        "last_comment_updated_at",
        "project",
        "updated_by",
        "comment_authors",
    ]
    assert list(found["annotations"][0]) == [
        "id",
        "completed_by",
        "result",
        "was_cancelled",
        "ground_truth",
        "created_at",
        "updated_at",
        "draft_created_at",
        "lead_time",
        "prediction",
        "result_count",
        "unique_id",
        "import_id",
        "last_action",
        "bulk_created",
        "task",
        "project",
        "updated_by",
        "parent_prediction",
        "parent_annotation",
        "last_created_by",
    ]
    assert found["annotations"][0]["task"] == found["id"] == found["inner_id"]


def test_the_pictures_of_a_task_are_one_task_again(tmp_path: Path):
    value = {"x": 1, "y": 2, "width": 3, "height": 4, "rotation": 0, "rectanglelabels": ["car"]}
    results = [
        region("rectanglelabels", value, id="c", item_index=2),
        region("rectanglelabels", value, id="a", item_index=0),
        {"type": "relation", "from_id": "c", "to_id": "a", "direction": "right"},
        answered("choices", ["good"]),
        region(
            "choices",
            {"x": 1, "y": 2, "width": 3, "height": 4, "rotation": 0, "choices": ["wet"]},
            id="c",
            item_index=2,
        ),
    ]
    pages = {"pages": [f"https://img.invalid/{name}.jpg" for name in "abc"], "note": "long " * 300}
    one = task(*results, data=pages)
    one["annotations"].append({"id": 72, **HEAD, "result": [region("rectanglelabels", value, id="b", item_index=1)]})
    one["predictions"] = [{"id": 8, "score": 1, "result": [results[0], results[1]]}]
    named = task(
        region("rectanglelabels", value, to_name="left", id="l"),
        region("rectanglelabels", value, to_name="right", id="r"),
        region("rectanglelabels", value, to_name="left", id="m"),
        data={"left": "https://img.invalid/l.jpg", "right": "https://img.invalid/r.jpg", "more": {"a": 1}},
    )
    tasks = [one, {**named, "id": 8}]
    rows = rows_of(tasks, tmp_path)
    assert len(rows) == 5
    assert list(differences(tasks, again(tasks, tmp_path))) == []


@pytest.mark.parametrize("place", ["1 of 999999999", "2 of 1", "x", "0 of 2", 3])
def test_a_tasks_own_key_picture_is_none_of_ours(place: Any, tmp_path: Path):
    tasks = [task(*RESULTS["answers"], picture={"name": "a", "place": place})]
    assert list(differences(tasks, again(tasks, tmp_path))) == []


def test_options_are_those_of_label_studios_serialization(tmp_path: Path):
    one = task(predictions=[{"id": 5, "result": []}], drafts=[{"id": 6, "result": []}])
    one["annotations"][0]["history"] = [{"id": 1}]
    one["annotations"].append({"id": 72, **HEAD, "completed_by": 4, "result": []})
    (found,) = again([one], tmp_path, drafts="only_id", predictions="only_id", completed_by="only_id")
    assert (found["drafts"], found["predictions"]) == ([6], [5])
    assert [each["completed_by"] for each in found["annotations"]] == [3, 4]
    assert "history" in found["annotations"][0]
    (found,) = again([one], tmp_path, completed_by="full", annotation_history="no")
    assert [each["completed_by"]["id"] for each in found["annotations"]] == [3, 4]
    assert "history" not in found["annotations"][0]


@pytest.mark.parametrize(
    ("option", "kept"),
    [
        ("all", [1, 2, 3, 4]),
        ("usual", [1]),
        ("ground_truth", [2, 4]),
        ("skipped", [3, 4]),
        ("usual+skipped", [1, 3, 4]),
        ("usual+ground_truth+skipped", [1, 2, 3, 4]),
    ],
)
def test_annotations_of_some_sorts_are_written_and_the_task_stays(option: str, kept: list[int], tmp_path: Path):
    sorts = [(False, False), (True, False), (False, True), (True, True)]
    annotations = [
        {"id": number, "ground_truth": true, "was_cancelled": skipped, "result": [answered("choices", ["a"])]}
        for number, (true, skipped) in enumerate(sorts, 1)
    ]
    tasks = [{"id": 7, "data": {"image": "a.jpg"}, "annotations": annotations}, {"id": 8, "data": {"image": "b.jpg"}}]
    found = again(tasks, tmp_path, annotations=option)
    assert [[each["id"] for each in one["annotations"]] for one in found] == [kept, []]


def test_a_track_has_every_frame_when_that_is_asked_for(tmp_path: Path):
    """The numbers are those of Label Studio's own ``extract_key_frames``."""
    key = {"enabled": True, "y": 0, "width": 10, "height": 10, "rotation": 0}
    sequence = [
        {**key, "frame": 1, "x": 0, "time": 0.1},
        {**key, "frame": 4, "x": 30, "time": 0.4},
        {**key, "frame": 6, "x": 50, "time": 0.6, "enabled": False},
        {**key, "frame": 7, "x": 60, "time": 0.7},
    ]
    value = {"framesCount": 9, "duration": 0.9, "sequence": sequence, "labels": ["car"]}
    one = task(region("videorectangle", value), data={"video": "https://a.invalid/a.mp4"})
    (found,) = again([one], tmp_path, interpolate_key_frames="yes")
    told = found["annotations"][0]["result"][0]["value"]["sequence"]
    assert [(each["frame"], each["x"], each["time"], "auto" in each) for each in told] == [
        (1, 0, 0.1, False),
        (2, 10.0, 0.2, True),
        (3, 20.0, 0.3, True),
        (4, 30, 0.4, False),
        (5, 40.0, 0.5, True),
        (6, 50, 0.6, False),
        (7, 60, 0.7, False),
        (8, 60, 0.8, True),
        (9, 60, 0.9, True),
    ]


@pytest.mark.parametrize("key", ["label_studio_json", "label_studio_json_min", "label_studio_csv"])
def test_a_track_of_more_frames_than_are_written_refuses_its_row_alone(key: str, tmp_path: Path):
    sequence = [{"enabled": True, "frame": 1, "x": 0, "y": 0, "width": 10, "height": 10, "rotation": 0, "time": 0.1}]
    value = {"framesCount": MOST_FRAMES // 2 + 2, "sequence": sequence, "labels": ["car"]}
    endless = region("videorectangle", {**value, "framesCount": 10**9})
    halves = [region("videorectangle", value, id=name) for name in "ab"]
    short = region("videorectangle", {**value, "framesCount": 3})
    tasks = [
        {**task(*results, data={"video": f"https://a.invalid/{number}.mp4"}), "id": number}
        for number, results in enumerate(([endless], halves, [short]), 7)
    ]
    batch, ontology = batch_of(rows_of(tasks, tmp_path))
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    options = {"interpolate_key_frames": "yes"}
    writer = FORMATS[key](FormatContext("p", "P", ontology, frozenset(), scratch, options))
    content = b"".join([*writer.header(), *writer.rows(batch), *writer.footer()])
    refused = writer.take_refused()
    assert [(one.index, one.code) for one in refused] == [(0, "too_many_frames"), (1, "too_many_frames")]
    assert "more than 100,000 frames between key frames; interpolate_key_frames=no" in refused[0].reason
    assert b"9.mp4" in content and b"8.mp4" not in content
    assert "too_many_frames" in writer.refusals


def test_annotators_of_whom_no_number_is_known_are_counted_where_only_that_is_written(tmp_path: Path):
    one = task(answered("choices", ["a"]))
    one["annotations"][0]["completed_by"] = {"email": "ann@example.test"}
    one["annotations"].append({"id": 72, **HEAD, "completed_by": None, "result": []})
    rows = rows_of([one], tmp_path)
    assert noted(rows, tmp_path, "label_studio_json", {"completed_by": "only_id"}) == {"annotators_without_id": 1}
    assert noted(rows, tmp_path, "label_studio_json") == {}


def test_pictures_of_a_task_that_stand_apart_or_did_not_leave_are_counted(tmp_path: Path):
    pages = {"pages": [f"https://img.invalid/{name}.jpg" for name in "abcd"]}
    value = {"x": 1, "y": 2, "width": 3, "height": 4, "rotation": 0, "rectanglelabels": ["car"]}
    several = task(*(region("rectanglelabels", value, id=f"r{n}", item_index=n) for n in range(4)), data=pages)
    first, second, third, _, other = rows_of([several, {**task(), "id": 8}], tmp_path)
    assert noted([first, second, third, other], tmp_path, "label_studio_json") == {"missing_pictures": 1}
    apart = [first, other, second, third]
    assert noted(apart, tmp_path, "label_studio_json") == {"missing_pictures": 1, "parted_tasks": 1}
    assert set(NOTE_TEXTS) >= {"missing_pictures", "parted_tasks", "annotators_without_id"}


def test_rows_of_other_sources_are_tasks_that_are_read_back(tmp_path: Path):
    rows = [
        row("one.jpg", box("car"), polygon("road"), point("nose"), mask("sky"), answer(), answer("weather", "rain")),
        row("two.jpg"),
    ]
    found = json.loads(written(rows, tmp_path, "label_studio_json"))
    assert [one["data"] for one in found] == [
        {"image": "https://img.example.test/one.jpg.png"},
        {"image": "https://img.example.test/two.jpg.png"},
    ]
    (annotation,) = found[0]["annotations"]
    assert annotation["completed_by"] == {"email": "ann@example.test", "first_name": "", "last_name": ""}
    kinds = [each["type"] for each in annotation["result"]]
    assert kinds == ["choices", "choices", "rectanglelabels", "polygonlabels", "keypointlabels", "brushlabels"]
    (again_, _) = rows_of(found, tmp_path)
    for mine, theirs in zip(rows[0].labels[0].objects, again_.labels[0].objects, strict=True):
        kind = KINDS.of(mine["annotation_kind"])
        assert (theirs["name"], theirs["annotation_kind"]) == (mine["name"], mine["annotation_kind"])
        numbers = [_numbers(each[kind.geometry]) for each in (mine, theirs)]
        assert numbers[0] == pytest.approx(numbers[1], rel=1e-14)
    assert [each["radio_answer"]["name"] for each in again_.labels[0].classifications] == ["good", "rain"]


def test_a_span_of_text_ends_behind_its_last_character(tmp_path: Path):
    span = {"name": "Team", "annotation_kind": "TextEntity", "location": {"start": 0, "end": 5, "token": "Dallas"}}
    text = row("one", span, answer())
    text.row_data, text.media_attributes = "Dallas won", {"asset_type": "text"}
    (found,) = json.loads(written([text], tmp_path, "label_studio_json"))
    chosen, region_ = found["annotations"][0]["result"]
    assert found["data"] == {"text": "Dallas won"}
    assert (region_["type"], region_["to_name"], chosen["to_name"]) == ("labels", "text", "text")
    assert region_["value"] == {"start": 0, "end": 6, "text": "Dallas", "labels": ["Team"]}


def test_boxes_of_frames_are_tracks_and_what_has_no_place_is_noted(tmp_path: Path):
    def box_at(left: float, **more: Any) -> dict[str, Any]:
        sides = {"top": 12.0, "left": left, "height": 24.0, "width": 16.0}
        return {"name": "car", "annotation_kind": "VideoBoundingBox", "bounding_box": sides, **more}

    film = row("one", answer())
    film.row_data = "https://a.invalid/a.mp4"
    film.media_attributes |= {"asset_type": "video", "frame_rate": 10, "frame_count": 50}
    film.labels[0].more_annotations = {
        "frames": {
            "1": {"objects": {"a": box_at(16.0), "b": box_at(80.0)}},
            "2": {"objects": {"a": box_at(32.0)}, "classifications": [answer("weather", "rain")]},
            "5": {"objects": {"a": box_at(48.0), "c": {"name": "dot", "annotation_kind": "VideoPoint", "point": {}}}},
        }
    }
    (found,) = json.loads(written([film], tmp_path, "label_studio_json"))
    assert found["data"] == {"video": "https://a.invalid/a.mp4"}
    _, first, second = found["annotations"][0]["result"]
    assert (first["id"], second["id"], first["type"], first["to_name"]) == ("a", "b", "videorectangle", "video")
    assert first["value"]["labels"] == ["car"]
    assert (first["value"]["framesCount"], first["value"]["duration"]) == (50, 5.0)
    sequence = first["value"]["sequence"]
    assert [(each["frame"], each["x"], each["enabled"], each["time"]) for each in sequence] == [
        (1, 10.0, True, 0.1),
        (2, 20.0, False, 0.2),
        (5, 30.0, False, 0.5),
    ]
    batch, ontology = batch_of([film])
    writer = FORMATS["label_studio_json"](FormatContext("p", "n", ontology, frozenset(), tmp_path))
    list(writer.rows(batch))
    assert writer.notes() == {"no_region": 2}


def test_percent_of_a_picture_of_unknown_size_is_refused(tmp_path: Path):
    one = row("one.jpg", box())
    one.media_attributes = {}
    batch, ontology = batch_of([one, row("two.jpg", box())])
    writer = FORMATS["label_studio_json"](FormatContext("p", "n", ontology, frozenset(), tmp_path))
    text = b"".join([*writer.header(), *writer.rows(batch), *writer.footer()])
    (refused,) = writer.take_refused()
    assert (refused.code, refused.global_key) == ("no_size", "one.jpg")
    assert len(json.loads(text)) == 1


def _numbers(shape: Any) -> list[float]:
    if isinstance(shape, dict):
        shape = list(shape.values())
    if isinstance(shape, list):
        return [number for each in shape for number in _numbers(each)]
    return [shape] if isinstance(shape, int | float) else [float(ord(character)) for character in shape]


@pytest.mark.parametrize("size", [1, 3, 640, 1000, 4321])
def test_percent_gives_the_pixels_that_it_was_made_of(size: int):
    for number in range(400):
        for said in (number / 7, round(number * 0.123456, 6), number * math.e / 31):
            pixels = said * size / 100.0
            assert percent(pixels, size) * size / 100.0 == pixels
        short = round(number * 0.2512, 6)
        assert percent(short * size / 100.0, size) == short


def test_a_mask_is_packed_as_label_studio_reads_it():
    made = mask("sky")["mask"]
    assert brush_mask(pack(made), *made["size"]) == made
    assert brush_mask(pack({"size": [5, 5], "counts": "0i0"}), 5, 5) == {"size": [5, 5], "counts": "0i0"}
    assert brush_mask(pack({"size": [5, 5], "counts": "i0"}), 5, 5) == {"size": [5, 5], "counts": "i0"}


def test_a_mask_whose_brush_would_take_all_memory_has_none():
    """A few characters say so: of 64 K x 64 K pixels, and of one that changes at every pixel of its rows."""
    for counts, side, reason in (
        ([0, 65_535**2], 65_535, "has more than 200,000,000"),
        ([3000] * 3000, 3000, "pieces"),
    ):
        with pytest.raises(ValueError, match=reason):
            pack({"size": [side, side], "counts": compressed(counts, side, side)})
