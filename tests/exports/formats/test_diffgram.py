"""Diffgram's own shape: an entry a file by its id, whole pixels, sequences of videos, what its import asks for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from connections.rows.diffgram import carried_by, is_still
from connections.store.import_row import IncomingLabel
from connections.store.upsert import write_rows
from exports import actions
from exports.spec.spec import ExportSpec
from tests.rest.world import SHELL
from tests.support.deliveries import delivery_folder
from tests.support.diffgram_rules import METADATA, complaints
from tests.support.rows import answer, box, mask, point, polygon, row

pytestmark = pytest.mark.django_db(transaction=True)
LINE = {"name": "lane", "annotation_kind": "ImagePolyline", "line": [{"x": 0.0, "y": 1.5}, {"x": 9.0, "y": 2.0}]}
ELLIPSE = {
    "name": "car",
    "annotation_kind": "Diffgram:ellipse",
    "feature_id": "5006",
    "source_extra": {"diffgram": {"center_x": 300, "center_y": 200, "width": 40, "height": 25}},
}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, settings: Any) -> None:
    settings.EXPORTADMIN_HOME = tmp_path
    settings.ARTIFACTS_DIR = tmp_path / "artifacts"


@pytest.fixture
def exported(project: Any) -> Any:
    def exported(*rows: Any, **more: Any) -> tuple[Any, dict[str, Any]]:
        write_rows(project, list(rows), now_ms=1_700_000_000_000)
        spec = ExportSpec.parse({"format": "diffgram_json", **more}, project)
        report = actions.run_now(project=project, spec=spec, actor=SHELL, name="Weekly")
        assert report.status == "completed", report.error
        return report, json.loads((delivery_folder(report) / report.artifacts.get().name).read_bytes())

    return exported


def entry_of(document: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = (one for key, one in document.items() if key.isdecimal() and one["file"]["original_filename"] == name)
    return dict(found)


def video(*objects: tuple[int, dict[str, Any]], key_frames: Any = None, **more: Any) -> Any:
    frames: dict[str, Any] = {}
    for frame, mark in objects:
        frames.setdefault(str(frame), {"objects": {}, "classifications": []})["objects"][mark["feature_id"]] = mark
    beside: dict[str, Any] = {"frames": frames} | ({"key_frame_feature_map": key_frames} if key_frames else {})
    label = IncomingLabel(more_annotations=beside, label_id="l1", **more)
    made = row("clip.mp4", labels=[label])
    made.media_attributes = {"height": 480, "width": 640, "asset_type": "video", "frame_count": 40, "frame_rate": 10}
    return made


def in_frame(left: float, identity: str = "t1", name: str = "car") -> dict[str, Any]:
    return {**box(name, left=left), "annotation_kind": "VideoBoundingBox", "feature_id": identity}


def test_an_entry_a_file_and_what_is_beside_them(exported: Any):
    report, document = exported(
        row("one.jpg", box("car"), polygon("road"), point("nose"), LINE, answer(), status="accepted"),
        row("two.jpg"),
    )
    assert complaints(document) == []
    assert list(document)[:2] == ["1", "2"], "in the order of the rows"
    assert list(document)[2:] == sorted(METADATA)
    about = document["export_info"]
    assert (about["id"], about["report_id"], about["file_list_length"]) == (report.pk, report.report_id, 2)
    assert about["check_values"] == {
        "files": 2,
        "files_complete": 1,
        "instances": 5,
        "instances_by_type": {"box": 1, "global": 1, "line": 1, "point": 1, "polygon": 1},
        "left_out": 0,
    }
    one = entry_of(document, "one.jpg")
    assert (one["file"]["type"], one["file"]["ann_is_complete"]) == ("image", True)
    assert (one["image"]["width"], one["image"]["height"]) == (160, 120)
    labels = {name: int(key) for key, name in document["label_map"].items()}
    by_type = {each["type"]: each for each in one["instance_list"]}
    assert {each: by_type["box"][each] for each in ("label_file_id", "x_min", "y_min", "x_max", "y_max")} == {
        "label_file_id": labels["car"],
        "x_min": 10,
        "y_min": 20,
        "x_max": 40,
        "y_max": 60,
    }
    assert by_type["line"]["points"] == [{"x": 0, "y": 1.5}, {"x": 9, "y": 2}]
    (group,) = document["attribute_groups_reference"]
    assert (group["name"], group["kind"], group["is_global"]) == ("quality", "radio", True)
    assert by_type["global"]["attribute_groups"][str(group["id"])]["name"] == "good"
    assert report.check_values["left_out_by_format"] == {}


def test_answers_about_an_object_are_its_attributes(exported: Any):
    asked = [
        {"name": "ripe", "radio_answer": {"name": "yes", "value": "yes"}},
        {"name": "spots", "checklist_answers": [{"name": "red", "value": "red"}, {"name": "big", "value": "big"}]},
        {"name": "words", "text_answer": {"content": "soft"}},
        {"name": "grade", "number_answer": {"content": 4}},
    ]
    _, document = exported(row("one.jpg", box("car") | {"classifications": asked}))
    assert complaints(document) == []
    groups = {one["name"]: one for one in document["attribute_groups_reference"]}
    assert {name: one["kind"] for name, one in groups.items()} == {
        "ripe": "radio",
        "spots": "multiple_select",
        "words": "text",
        "grade": "slider",
    }
    (mark,) = entry_of(document, "one.jpg")["instance_list"]
    found = {name: mark["attribute_groups"][str(one["id"])] for name, one in groups.items()}
    assert (found["ripe"]["name"], found["words"], found["grade"]) == ("yes", "soft", 4)
    assert [one["name"] for one in found["spots"]] == ["red", "big"]
    assert [one["label"]["name"] for one in groups["ripe"]["label_file_list"]] == ["car"]


def test_a_box_is_whole_pixels_and_keeps_one(exported: Any):
    _, document = exported(row("one.jpg", box("car", left=0.2, top=0.2, width=0.2, height=10.4)))
    assert complaints(document) == []
    (mark,) = entry_of(document, "one.jpg")["instance_list"]
    assert [mark[side] for side in ("x_min", "y_min", "x_max", "y_max")] == [0, 0, 1, 11]


def test_the_objects_of_frames_are_sequences(exported: Any):
    marks = [(3, in_frame(30.0)), (1, in_frame(10.0)), (2, in_frame(20.0)), (2, in_frame(5.0, "t2", "dog"))]
    _, document = exported(video(*marks, key_frames={"t1": [1, 3]}))
    assert complaints(document) == []
    entry = entry_of(document, "clip.mp4")
    assert entry["video"]["frame_rate"] == entry["video"]["original_fps"] == 10
    car, dog = entry["sequence_list"]
    assert (car["number"], dog["number"]) == (1, 2)
    assert [(one["frame_number"], one["x_min"], one["interpolated"]) for one in car["instance_list"]] == [
        (0, 10, None),
        (1, 20, True),
        (2, 30, None),
    ]
    assert (car["keyframe_list"], car["single_frame"]) == ([0, 2], False)
    assert (dog["keyframe_list"], dog["single_frame"]) == ([1], True)


def test_what_diffgram_has_no_place_for_is_counted(exported: Any):
    rings = polygon("road") | {"polygons": [polygon()["polygon"], polygon("x", (60, 0), (70, 0), (70, 9))["polygon"]]}
    nothing = box("car", left=0.0, top=0.0, width=0.0, height=0.0)
    report, document = exported(
        row("one.jpg", rings, nothing, box("car")),
        row("two.jpg", mask("sky")),
        video((1, in_frame(1.0)), classifications=[answer()], objects=[box("car")]),
    )
    assert complaints(document) == []
    assert report.check_values["left_out_by_format"] == {"mask": 1}
    assert report.check_values["notes"] == {"no_place": 3}
    assert document["export_info"]["check_values"]["left_out"] == 3
    assert document["export_info"]["check_values"]["instances_by_type"] == {"box": 2, "global": 1}


def test_what_came_from_diffgram_goes_out_as_it_came(exported: Any):
    _, document = exported(row("one.jpg", ELLIPSE))
    assert complaints(document) == []
    (mark,) = entry_of(document, "one.jpg")["instance_list"]
    assert mark == {
        "id": 5006,
        "type": "ellipse",
        "attribute_groups": None,
        "label_file_id": int(next(iter(document["label_map"]))),
        "center_x": 300,
        "center_y": 200,
        "width": 40,
        "height": 25,
    }


def test_an_entry_carries_its_row_until_somebody_changes_it(exported: Any):
    marks = (box("car") | {"classifications": [answer("ripe", "yes")]}, polygon("road"), mask("sky"), answer())
    _, document = exported(row("one.jpg", *marks), video((1, in_frame(1.0)), (2, in_frame(2.0))))
    for name in ("one.jpg", "clip.mp4"):
        entry = entry_of(document, name)
        carried = carried_by(entry)
        assert carried is not None
        assert carried["data_row"]["global_key"] == name
        assert is_still(carried, entry)
        lists = [entry[key] for key in ("instance_list", "sequence_list") if key in entry]
        for one in lists:
            one.reverse()
        assert is_still(carried, entry), "order may not be preserved"
        lists[0][0]["label_file_id"] = 77
        assert not is_still(carried, entry)


def test_without_the_backup_nothing_is_carried(exported: Any):
    _, document = exported(row("one.jpg", box("car"), status="accepted"), include=[])
    entry = entry_of(document, "one.jpg")
    assert carried_by(entry) is None
    assert (entry["file"]["ann_is_complete"], entry["file"]["created_time"]) == (None, None)
    assert document["export_info"]["check_values"]["files_complete"] is None


def test_completed_only_says_so(exported: Any):
    rows = [row("one.jpg", box("car"), status="accepted"), row("two.jpg", box("car"), status="review")]
    _, document = exported(*rows, filter={"workflow_status": ["Done"]})
    assert document["export_info"]["ann_is_complete"] is True
    assert [one["file"]["ann_is_complete"] for key, one in document.items() if key.isdecimal()] == [True]


def test_a_text_that_is_the_row_itself_has_an_address(exported: Any):
    token = {"name": "who", "annotation_kind": "TextEntity", "location": {"start": 0, "end": 3}}
    made = row("a.txt", token)
    made.row_data, made.media_attributes = "Ann was here", {"asset_type": "text"}
    _, document = exported(made)
    entry = next(one for key, one in document.items() if key.isdecimal())
    assert entry["file"]["blob_url"] == "data:text/plain;charset=utf-8,Ann%20was%20here"
    (mark,) = entry["instance_list"]
    assert (mark["type"], mark["start_char"], mark["end_char"]) == ("text_token", 0, 3)
