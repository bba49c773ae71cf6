"""Where Label Studio says how large a picture is, when something was done, by whom, and that it was not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from connections.store.import_row import IncomingRow
from tests.connections.store.importing import read, write
from tests.connections.store.test_import_label_studio import MASK, box, region

Json = dict[str, Any]
Take = Callable[[Json], IncomingRow]
IMAGE = {"image": "https://img.example.test/1.jpg"}


@pytest.fixture
def take(tmp_path: Path) -> Take:
    def take(task: Json) -> IncomingRow:
        (row,), reading = read("label_studio_json", write(tmp_path, [{"data": IMAGE, **task}]))
        assert not reading.refused
        return row

    return take


# --- sizes -----------------------------------------------------------------------------------------------------------

SAYING_A_SIZE = [
    region("choices", {"choices": ["night"]}),
    region("textarea", {"text": ["night"]}),
    region("rating", {"rating": 3}),
    region("taxonomy", {"taxonomy": [["a"]]}),
    region("labels", {"x": 1, "y": 1, "width": 1, "height": 1, "labels": ["car"]}),
    region("ellipselabels", {"x": 1, "y": 1, "radiusX": 1, "radiusY": 1, "ellipselabels": ["egg"]}),
    region("bitmasklabels", {"imageDataURL": "data:image/png;base64,AA==", "bitmasklabels": ["egg"]}),
    region("a control of tomorrow", {"a": 1}),
]


@pytest.mark.parametrize("saying", SAYING_A_SIZE, ids=lambda one: one["type"])
@pytest.mark.parametrize(
    "where",
    [
        lambda result: {"annotations": [{"result": result}]},
        lambda result: {"completions": [{"result": result}]},
        lambda result: {"annotations": [{"result": []}, {"result": result}]},
        lambda result: {"annotations": [], "drafts": [{"result": result}]},
        lambda result: {"annotations": [], "predictions": [3, {"result": result}]},
        lambda result: {"annotations": [{"result": []}], "predictions": [{"score": 1, "result": result}]},
    ],
)
def test_any_region_that_says_a_size_gives_it_to_the_picture(take: Take, saying: Json, where: Callable[..., Json]):
    attributes = take(where([{"id": "no size", "type": "choices", "from_name": "q", "value": {"choices": []}}, saying]))
    assert attributes.media_attributes == {
        "height": 10,
        "width": 20,
        "asset_type": "image",
        "mime_type": "image/jpeg",
    }


def test_a_size_that_is_none_is_no_reason_to_refuse_an_answer(take: Take):
    for wrong in (0, -1, "20", True, 1.5, None):
        saying = region("choices", {"choices": ["night"]}, original_width=wrong)
        assert "width" not in take({"annotations": [{"result": [saying]}]}).media_attributes


def test_a_shape_without_a_size_lies_in_the_picture_that_another_result_on_it_says(take: Take):
    bare = {key: value for key, value in box().items() if not key.startswith("original")}
    other = {**bare, "type": "choices", "from_name": "q", "value": {"choices": ["a"]}}
    sized = {**other, "original_width": 20, "original_height": 10}
    row = take({"annotations": [{"result": [bare, sized]}]})
    assert row.labels[0].objects[0]["bounding_box"] == {"top": 2.0, "left": 2.0, "height": 4.0, "width": 6.1}
    brush = {**bare, "id": "b", "type": "brush", "value": {"format": "rle", "rle": MASK}}
    assert take({"annotations": [{"result": [brush, sized]}]}).labels[0].objects[0]["mask"]["size"] == [10, 20]


@pytest.mark.parametrize("beside", ["annotations", "drafts", "predictions"])
def test_another_annotation_a_draft_or_a_prediction_may_say_the_size_of_a_shape(take: Take, beside: str):
    bare = {key: value for key, value in box().items() if not key.startswith("original")}
    task: Json = {"annotations": [{"result": [bare]}]}
    task[beside] = [*task.get(beside, []), {"result": [box()]}]
    row = take(task)
    assert row.labels[0].objects[0]["bounding_box"] == {"top": 2.0, "left": 2.0, "height": 4.0, "width": 6.1}
    assert (row.media_attributes["width"], row.media_attributes["height"]) == (20, 10)


def test_a_shape_without_a_size_beside_other_pictures_is_refused(tmp_path: Path):
    bare = {key: value for key, value in box().items() if not key.startswith("original")}
    two = {"image": "https://img.example.test/1.jpg", "second": "https://img.example.test/2.jpg"}
    layers = {"image": list(two.values())}
    for data, elsewhere in ((two, {"to_name": "second"}), (layers, {"item_index": 1})):
        bare["item_index"] = 0
        tasks = [{"data": data, "annotations": [{"result": [bare, box() | elsewhere]}]}]
        (rows, reading) = read("label_studio_json", write(tmp_path, tasks))
        assert rows == []
        assert "region 1: percent without original_width and original_height" in reading.refused[0].reason


def test_a_film_stays_a_film_when_a_region_says_its_size(take: Take):
    sequence = {"sequence": [{"frame": 1, "x": 1, "y": 1, "width": 1, "height": 1}], "labels": ["car"]}
    row = take(
        {
            "data": {"video": "https://img.example.test/1.mp4"},
            "annotations": [{"result": [region("videorectangle", sequence)]}],
        }
    )
    assert row.media_attributes["asset_type"] == "video"


# --- times -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "ms"),
    [
        (1_599_661_431, 1_599_661_431_000),
        ("1599661431", 1_599_661_431_000),
        ("1599661431.25", 1_599_661_431_250),
        (1_599_661_431.25, 1_599_661_431_250),
        (99_999_999_999, 99_999_999_999_000),
        (100_000_000_000, 100_000_000_000),
        (1_599_661_431_000, 1_599_661_431_000),
        ("1599661431000", 1_599_661_431_000),
        ("2020-09-09T14:23:51Z", 1_599_661_431_000),
    ],
)
@pytest.mark.parametrize("word", ["annotations", "completions"])
def test_a_bare_number_is_seconds_below_ten_to_the_eleventh(take: Take, word: str, written: Any, ms: int):
    row = take(
        {
            "created_at": written,
            "updated_at": written,
            word: [{"result": [], "created_at": written, "updated_at": written}],
        }
    )
    label = row.labels[0]
    assert {row.created_ms, row.updated_ms, row.activity_ms, label.created_ms, label.updated_ms} == {ms}


# --- people ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("completed_by", "who"),
    [
        ({"id": 3, "email": "ann@example.test"}, "ann@example.test"),
        ({"id": 3, "email": ""}, "3"),
        ({"id": 3, "email": None}, "3"),
        ({"id": 3}, "3"),
        ({"username": "ann"}, "ann"),
        ({}, None),
        (3, "3"),
        ("ann", "ann"),
        (None, None),
    ],
)
def test_who_it_was_is_the_address_else_the_id(take: Take, completed_by: Any, who: str | None):
    row = take({"annotations": [{"result": [], "completed_by": completed_by}]})
    assert row.labels[0].created_by == who


# --- skipped ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["was_cancelled", "skipped"])
def test_skipped_is_the_older_word_for_cancelled(take: Take, word: str):
    done, left = {"result": [box()], word: False}, {"result": [box()], word: True}
    row = take({"completions": [left, left]})
    assert (row.status, [label.performance["skipped"] for label in row.labels]) == ("skipped", [True, True])
    row = take({"completions": [left, done]})
    assert (row.status, [label.performance["skipped"] for label in row.labels]) == ("review", [True, False])


def test_tasks_with_predictions_or_drafts_only_are_noted(tmp_path: Path):
    beside = [{"result": [box()]}]
    tasks = [
        {"data": {"image": "a.jpg"}, "annotations": [], "predictions": beside},
        {"data": {"image": "b.jpg"}, "drafts": beside},
        {"data": {"image": "c.jpg"}, "annotations": beside, "drafts": beside},
        {"data": {"image": "d.jpg"}, "annotations": [], "predictions": [], "drafts": []},
    ]
    rows, reading = read("label_studio_json", write(tmp_path, tasks))
    assert [row.status for row in rows] == ["to_label", "to_label", "review", "to_label"]
    assert [(note["kind"], note["count"], note["text"]) for note in reading.row_notes.take()] == [
        ("carried", 1, "predictions, kept with their tasks"),
        ("carried", 2, "drafts, kept with their tasks"),
        ("unfinished", 2, "tasks that hold only predictions or drafts"),
    ]
