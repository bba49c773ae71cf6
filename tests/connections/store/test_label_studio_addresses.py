"""Of several addresses in a task's data that is taken which the picture's control is called after, or the one picture;
where it cannot be told, none is, and the import says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from connections.store.importers.detect import detect
from connections.store.notes import OTHER
from exportadmin.lib.errors import UserError
from tests.connections.store.importing import read, write

SHOP, CDN = "https://shop.test/item/5", "https://cdn.test/5.jpg"


def box(control: str = "image") -> dict:
    value = {"x": 1, "y": 2, "width": 3, "height": 4, "rectanglelabels": ["shoe"]}
    size = {"original_width": 10, "original_height": 10}
    return {"id": "r", "type": "rectanglelabels", "from_name": "l", "to_name": control, "value": value, **size}


def task(data: dict, *results: dict) -> dict:
    return {"id": 1, "data": data, "annotations": [{"id": 9, "result": list(results)}]}


@pytest.fixture
def take(tmp_path: Path) -> Any:
    def take(data: dict, *results: dict) -> Any:
        (row,), reading = read("label_studio_json", write(tmp_path, [task(data, *results)]))
        return row, reading.row_notes.as_json()

    return take


@pytest.mark.parametrize(
    ("data", "control", "address"),
    [
        ({"page": SHOP, "photo": CDN}, "photo", CDN),
        ({"page": SHOP, "photo": CDN}, "image", CDN),
        ({"thumb": "https://cdn.test/t.jpg", "photo": CDN}, "photo", CDN),
        ({"image": "https://cdn.test/t.jpg", "photo": CDN}, "photo", CDN),
        ({"image": SHOP, "photo": CDN}, "image", SHOP),
        ({"image": CDN, "mask": "https://cdn.test/m.png"}, "img", CDN),
        ({"manual": "https://h.test/a.pdf", "photo": CDN}, "img", CDN),
        ({"page": "https://h.test/a.html", "photo": "https://cdn.test/5"}, "img", "https://cdn.test/5"),
        ({"sound": "a.wav", "photo": "https://cdn.test/5"}, "img", "https://cdn.test/5"),
        ({"a": CDN, "b": CDN}, "img", CDN),
        ({"meta": {"photo": CDN}}, "img", CDN),
        ({"page": SHOP}, "img", SHOP),
    ],
)
def test_the_picture_is_taken(take, data, control, address):
    row, notes = take(data, box(control))
    assert (row.row_data, row.key, notes) == (address, "task-1", [])


@pytest.mark.parametrize(
    ("data", "keys"),
    [
        ({"thumb": "https://cdn.test/t.jpg", "photo": CDN}, "photo, thumb"),
        ({"page": SHOP, "photo": "https://cdn.test/5"}, "page, photo"),
    ],
)
def test_where_it_cannot_be_told_none_is_taken_and_the_import_says_so(take, data, keys):
    row, (note,) = take(data, box("img"))
    assert not row.row_data.startswith("https")
    assert row.source_extra["label_studio"]["data"] == data
    assert (note["kind"], note["count"]) == (OTHER, 1)
    assert note["example"].endswith(keys)


def test_a_control_of_text_is_no_picture(take):
    row, notes = take(
        {"text": "A bird", "image": "a.jpg"},
        {"type": "choices", "from_name": "q", "to_name": "text", "value": {"choices": ["x"]}},
    )
    assert (row.row_data, notes) == ("a.jpg", [])


def test_a_film_is_found_beside_its_picture_when_it_is_what_was_worked_on(take):
    data = {"poster": "p.jpg", "film": "f.mp4"}
    track = {"id": "v", "type": "videorectangle", "from_name": "b", "to_name": "film", "value": {"sequence": []}}
    assert take(data, track)[0].row_data == "f.mp4"


MINIFIED = {
    "id": 1,
    "image": "/data/upload/1/a.jpg",
    "label": [{"x": 1, "y": 2, "width": 3, "height": 4, "rectanglelabels": ["car"], "original_width": 10}],
    "annotator": 1,
    "annotation_id": 5,
    "lead_time": 3.2,
}


@pytest.mark.parametrize(
    "line",
    [
        MINIFIED,
        {key: value for key, value in MINIFIED.items() if key != "label"},
        {"text": "A bird", "sentiment": "good", "id": 3, "annotator": "ann@example.test", "annotation_id": 7},
        {"annotation_id": 7, "id": 3, "image": "a.jpg"},
    ],
)
@pytest.mark.parametrize("as_lines", [False, True])
def test_json_min_is_recognised_and_refused_with_what_to_export_instead(tmp_path, line, as_lines):
    path = write(tmp_path, line if as_lines else [line, line])
    with pytest.raises(UserError) as caught:
        detect(path)
    assert "JSON-MIN" in caught.value.message and "export it there as JSON" in caught.value.message
    rows, reading = read("label_studio_json", path)
    assert rows == []
    assert all("JSON-MIN" in refused.reason for refused in reading.refused)


def test_a_task_is_not_taken_for_json_min(tmp_path):
    assert detect(write(tmp_path, [{"annotation_id": 5, **task({"image": "a.jpg"})}])) == "label_studio_json"


def test_a_file_of_no_known_kind_is_told_formats_that_there_are(tmp_path):
    with pytest.raises(UserError) as caught:
        detect(write(tmp_path, [{"a": 1}]))
    assert "label_studio_json" in caught.value.message
