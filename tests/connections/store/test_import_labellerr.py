"""Labellerr's json exports: what can only mean one thing is read, the rest is kept and counted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.connections.store.importing import read, write

# as their own exports have it, of a file that nobody has marked
EMPTY: dict[str, Any] = {
    "file_id": "0164af7c-1111-2222-3333-444455556666",
    "file_name": "1000384.jpg",
    "file_metadata": {
        "image_width": 1280,
        "image_height": 720,
        "file_size": 0.225,
        "file_format": "jpg",
        "additional_metadata": None,
    },
    "created_at": 1758605248989,
    "file_status": "review",
    "remarks": "",
    "activities": [],
    "latest_answer": [],
}
CORNERS = [{"x": 1, "y": 2}, {"x": 5.5, "y": 2}, {"x": 5, "y": 7}]


def file(*answers: Any, **more: Any) -> dict[str, Any]:
    return {**EMPTY, "latest_answer": list(answers), **more}


def entry(kind: str, *answer: Any, **more: Any) -> dict[str, Any]:
    return {"question_type": kind, "question_name": "car", "answer": list(answer), **more}


def test_a_file_without_marks_is_a_row_without_labels(tmp_path: Path):
    (row,), reading = read("labellerr_json", write(tmp_path, [EMPTY]))
    assert (row.key, row.row_id, row.row_data, row.status) == (
        EMPTY["file_id"],
        EMPTY["file_id"],
        "1000384.jpg",
        "review",
    )
    assert row.media_attributes == {"width": 1280, "height": 720}
    assert row.created_ms == 1758605248989
    assert row.labels == []
    kept = {"file_metadata": {"file_size": 0.225, "file_format": "jpg"}}
    assert row.source_extra == {"coco": {"file_name": "1000384.jpg"}, "labellerr": kept}
    assert not reading.notes and not reading.row_notes


@pytest.mark.parametrize(
    ("theirs", "ours"), [("None", "to_label"), ("accepted", "accepted"), ("cr_critical", "cr_critical")]
)
def test_their_words_for_statuses_are_ours(tmp_path: Path, theirs: str, ours: str):
    (row,), _ = read("labellerr_json", write(tmp_path, [file(file_status=theirs)]))
    assert row.status == ours
    (row,), _ = read("labellerr_json", write(tmp_path, [file(file_status=theirs)]), "skipped")
    assert row.status == "skipped"


def test_polygons_are_read_in_both_ways_that_they_can_be_written(tmp_path: Path):
    ours, theirs = entry("polygon", {"polygon": CORNERS}, answer_id="a1"), entry("polygon", *CORNERS)
    (row,), _ = read("labellerr_json", write(tmp_path, [file(ours, theirs)]))
    first, second = row.labels[0].objects
    assert first["polygon"] == second["polygon"] == [{"x": float(c["x"]), "y": float(c["y"])} for c in CORNERS]
    assert (first["feature_id"], first["name"], first["annotation_kind"]) == ("a1", "car", "ImagePolygon")


def test_what_is_not_known_is_kept_and_counted(tmp_path: Path):
    """The shape that their video pre-annotations have, a choice, and nonsense."""
    video = entry("polygon", {"startFrame": 1064, "frames": {"1064": {"frame": 1064, "answer": CORNERS}}})
    unknown = [video, entry("select", "yes"), "nonsense", {"question_name": "car"}]
    (row,), reading = read("labellerr_json", write(tmp_path, [file(*unknown, entry("polygon", *CORNERS))]))
    assert row.source_extra["labellerr"]["latest_answer"] == unknown
    assert len(row.labels[0].objects) == 1
    notes = {note["text"]: note["count"] for note in reading.row_notes.as_json()}
    assert notes == {
        "answers of type polygon, kept as they are": 1,
        "answers of type select, kept as they are": 1,
        "answers of type no object, kept as they are": 1,
        "answers of type None, kept as they are": 1,
    }


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"file_status": "lost"}, "unknown review status 'lost'"),
        ({"file_status": None}, "unknown review status None"),
        ({"file_id": 7}, "file_id 7 is no id"),
        ({"file_name": None}, "file_name None is no text"),
        ({"latest_answer": {"a": 1}}, "latest_answer"),
        ({"file_metadata": [1]}, "file_metadata"),
        ({"created_at": "yesterday"}, "created_at"),
        ({"latest_answer": [entry("box", {"bounding_box": {"left": 1}})]}, "answer 1: "),
    ],
)
def test_a_file_that_is_not_as_it_should_be_stays_out_whole(tmp_path: Path, change: dict[str, Any], reason: str):
    rows, reading = read("labellerr_json", write(tmp_path, [file(**change), file(file_id="good")]))
    assert [row.key for row in rows] == ["good"]
    assert reason in reading.refused[0].reason
    assert reading.refused[0].position.startswith("row 1 ")


def ours(**more: Any) -> dict[str, Any]:
    """As our own labellerr_json writes it."""
    carried = {
        "data_row": {"id": "abc", "global_key": "north/1.jpg", "row_data": "https://img.example/1.jpg"},
        "media_attributes": {"width": 1280, "height": 720},
        "projects": {
            "p": {
                "labels": [
                    {"id": "l1", "annotations": {"objects": [], "classifications": []}},
                    {
                        "id": "l2",
                        "label_details": {"created_by": "oscar"},
                        "annotations": {"objects": [{"value": "auto"}], "classifications": []},
                    },
                ],
                "project_details": {"workflow_status": "review"},
            }
        },
        "export_admin": {"image_id": 7, "category_ids": {"car": 3}, "annotation_range": [9, 9]},
    }
    metadata = {"additional_metadata": {"export_admin": carried}}
    answer = {**entry("polygon", {"polygon": CORNERS}), "question_id": "q", "answer_id": "a1"}
    return file(answer, **{"file_metadata": metadata, "file_status": "accepted", **more})


def test_a_row_of_our_own_comes_in_as_it_went_out(tmp_path: Path):
    (row,), reading = read("labellerr_json", write(tmp_path, [ours()]))
    assert (row.key, row.row_id, row.number, row.status) == ("north/1.jpg", "abc", 7, "accepted")
    assert [(label.label_id, label.created_by, len(label.objects)) for label in row.labels] == [
        ("l1", None, 0),
        ("l2", "oscar", 1),
    ]
    (mark,) = row.labels[1].objects
    assert (mark["name"], mark["value"], mark["feature_id"], len(mark["polygon"])) == ("car", "auto", "a1", 3)
    assert not reading.row_notes


def test_details_of_a_carried_row_that_are_no_object_stop_nothing(tmp_path: Path):
    value = ours()
    (project,) = value["file_metadata"]["additional_metadata"]["export_admin"]["projects"].values()
    project["project_details"] = None
    (row,), reading = read("labellerr_json", write(tmp_path, [value]))
    assert (row.status, reading.rows_refused) == ("accepted", 0)


def test_one_whose_answers_were_changed_is_read_as_labellerrs(tmp_path: Path):
    (row,), reading = read("labellerr_json", write(tmp_path, [ours(latest_answer=[])]))
    assert (row.key, row.row_id, row.labels) == ("north/1.jpg", EMPTY["file_id"], [])
    (note,) = reading.row_notes.as_json()
    assert "does not go with their answers" in note["text"]


@pytest.mark.parametrize("text", ["nobody knows", 7])
def test_a_status_that_nobody_knows_is_refused_whoever_wrote_the_row(tmp_path: Path, text: Any):
    rows, reading = read("labellerr_json", write(tmp_path, [ours(file_status=text)]))
    assert (rows, reading.rows_refused) == ([], 1)
    assert type(reading).keys_of(ours()) == {"north/1.jpg", EMPTY["file_id"]}
    assert type(reading).keys_of(EMPTY) == {EMPTY["file_id"]}
