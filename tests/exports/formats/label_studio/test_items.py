"""JSON_MIN, CSV and TSV: what Label Studio's own converters make of the same tasks, an item an annotation."""

from __future__ import annotations

import csv
import io
import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from exportadmin.lib.errors import PermanentError
from exports.formats.label_studio import table
from exports.formats.label_studio.items import items_of
from tests.support.label_studio import noted, rows_of, written

SIZE = {"original_width": 640, "original_height": 480, "image_rotation": 0}
BOX = {"x": 12.5, "y": 25, "width": 5.123456, "height": 50, "rotation": 0, "rectanglelabels": ["car"]}
REGION = {"id": "a", "type": "rectanglelabels", "from_name": "box", "to_name": "image", "origin": "manual", **SIZE}
ANNOTATION = {
    "completed_by": 1,
    "was_cancelled": False,
    "created_at": "2026-11-22T01:26:16.628062Z",
    "updated_at": "2026-11-22T01:26:17.628062Z",
    "lead_time": 12.5,
}


def choice(*chosen: str, name: str = "quality") -> dict[str, Any]:
    return {"id": "q", "type": "choices", "from_name": name, "to_name": "image", "value": {"choices": list(chosen)}}


def text(*texts: str, name: str = "note") -> dict[str, Any]:
    return {"id": "t", "type": "textarea", "from_name": name, "to_name": "image", "value": {"text": list(texts)}}


TASKS: list[dict[str, Any]] = [
    {
        "id": 3,
        "data": {"image": "https://img.invalid/a.jpg", "note": '=1+1, "x"\nnew; ünï', "list": [1, "b"], "n": 1.5},
        "annotations": [
            {"id": 9, **ANNOTATION, "result": [choice("good"), {**REGION, "value": BOX}]},
            {"id": 10, **ANNOTATION, "was_cancelled": True, "result": [choice("bad")]},
            {
                "id": 11,
                **ANNOTATION,
                "completed_by": {"id": 4, "email": "ann@example.test", "first_name": "", "last_name": ""},
                "created_at": "2026-11-23T01:26:16.628062Z",
                "result": [
                    choice("a", "b"),
                    {"type": "relation", "from_id": "a", "to_id": "b", "direction": "right"},
                    {**REGION, "value": BOX},
                    {**REGION, "id": "b", "value": {**BOX, "x": 1}},
                    text("one", "two", name="words"),
                    {**text("plate", name="plate"), **SIZE, "id": "a"},
                ],
            },
        ],
    },
    {"id": 4, "data": {"image": "https://img.invalid/b.jpg", "more": None, "yes": True}, "annotations": []},
    {
        "id": 5,
        "data": {"image": "https://img.invalid/c.jpg"},
        "annotations": [{"id": 12, **ANNOTATION, "result": [text("=2")]}],
    },
]
WITH_SIZE = {"original_width": 640, "original_height": 480}
# made by label-studio-sdk 2.1.2 of these tasks, with controls of the right types
BOX_ITEM = {**BOX, **WITH_SIZE}
ITEMS: list[dict[str, Any]] = [
    {
        **TASKS[0]["data"],
        "id": 3,
        "quality": {"choices": ["a", "b"]},
        "box": [BOX_ITEM, {**BOX_ITEM, "x": 1}],
        "words": {"text": ["one", "two"]},
        "plate": "plate",
        "annotator": "ann@example.test",
        "annotation_id": 11,
        "created_at": "2026-11-23T01:26:16.628062Z",
        "updated_at": "2026-11-22T01:26:17.628062Z",
        "lead_time": 12.5,
    },
    {
        **TASKS[0]["data"],
        "id": 3,
        "quality": "good",
        "box": [BOX_ITEM],
        "annotator": 1,
        "annotation_id": 9,
        "created_at": "2026-11-22T01:26:16.628062Z",
        "updated_at": "2026-11-22T01:26:17.628062Z",
        "lead_time": 12.5,
    },
    {
        **TASKS[1]["data"],
        "id": 4,
        "annotator": None,
        "annotation_id": None,
        "created_at": None,
        "updated_at": None,
        "lead_time": None,
    },
    {
        **TASKS[2]["data"],
        "id": 5,
        "note": "=2",
        "annotator": 1,
        "annotation_id": 12,
        "created_at": "2026-11-22T01:26:16.628062Z",
        "updated_at": "2026-11-22T01:26:17.628062Z",
        "lead_time": 12.5,
    },
]


def test_json_min_has_an_item_an_annotation_the_newest_first(tmp_path: Path):
    # the skipped one stays in the row here; the choice of labels takes it out before, where it is asked
    found = json.loads(written(rows_of(TASKS, tmp_path), tmp_path, "label_studio_json_min"))
    assert found == ITEMS


def read(data: bytes, separator: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode(), newline=""), delimiter=separator, strict=True))


@pytest.mark.parametrize(("key", "separator"), [("label_studio_csv", ","), ("label_studio_tsv", "\t")])
def test_a_table_has_the_same_cells(key: str, separator: str, tmp_path: Path):
    data = written(rows_of(TASKS, tmp_path), tmp_path, key)
    found = read(data, separator)
    names = ["_data_note", "annotation_id", "annotator", "box", "created_at", "id", "image", "lead_time", "list"]
    assert list(found[0]) == [*names, "more", "n", "note", "plate", "quality", "updated_at", "words", "yes"]
    for item, cells in zip(ITEMS, found, strict=True):
        for name, cell in cells.items():
            said = item.get(name)
            if name == "_data_note":
                said = TASKS[0]["data"]["note"] if item["id"] == 3 else None
            elif name == "note" and item["id"] == 3:
                said = None
            if isinstance(said, list | dict):
                assert json.loads(cell) == said
            else:
                assert cell == ("" if said is None else str(said)), name


def test_texts_are_quoted_and_numbers_are_not_byte_by_byte(tmp_path: Path):
    tasks = [
        {"id": 1, "data": {"image": "a/b.jpg"}, "annotations": []},
        {
            "id": 2,
            "data": {"image": "b.jpg", "n": 2},
            "annotations": [{"id": 5, **ANNOTATION, "result": [choice("x")]}],
        },
    ]
    assert written(rows_of(tasks, tmp_path), tmp_path, "label_studio_csv") == (
        b'"annotation_id","annotator","created_at","id","image","lead_time","n","quality","updated_at"\r\n'
        b'"","","",1,"a/b.jpg","","","",""\r\n'
        b'5,"1","2026-11-22T01:26:16.628062Z",2,"b.jpg",12.5,2,"x","2026-11-22T01:26:17.628062Z"\r\n'
    )


def test_formulas_get_an_apostrophe_in_the_safe_profile_alone(tmp_path: Path):
    rows = rows_of(TASKS, tmp_path)
    exact = read(written(rows, tmp_path, "label_studio_csv"), ",")
    safe = written(rows_of(TASKS, tmp_path), tmp_path, "label_studio_csv", {"profile": "spreadsheet-safe"})
    assert safe.startswith(b"\xef\xbb\xbf")
    cells = read(safe[3:], ",")
    assert (exact[3]["note"], cells[3]["note"]) == ("=2", "'=2")
    assert cells[0]["_data_note"] == "'" + exact[0]["_data_note"]


def test_columns_that_appear_late_are_empty_before(tmp_path: Path):
    """Each task brings a column of its own, and cells with line ends and quotes go through being cut again."""
    tasks = [
        {"id": number, "data": {"image": "a.jpg", f"k{number}": f'"{number}",\r\n\t{number}'}, "annotations": []}
        for number in range(1, 30)
    ]
    found = read(written(rows_of(tasks, tmp_path), tmp_path, "label_studio_tsv"), "\t")
    assert len(found) == 29
    for number, line in enumerate(found, 1):
        filled = {name: cell for name, cell in line.items() if name.startswith("k") and cell}
        assert filled == {f"k{number}": f'"{number}",\r\n\t{number}'}


def test_a_header_is_no_formula_either(tmp_path: Path):
    tasks = [{"id": 1, "data": {"image": "a.jpg", "=1+1": "x"}, "annotations": []}]
    data = written(rows_of(tasks, tmp_path), tmp_path, "label_studio_csv", {"profile": "spreadsheet-safe"})
    assert "'=1+1" in read(data[3:], ",")[0]
    assert "=1+1" in read(written(rows_of(tasks, tmp_path), tmp_path, "label_studio_csv"), ",")[0]


def test_a_long_cell_is_cut_again_in_room_of_its_own_size(tmp_path: Path):
    text = '{"a": "b",\r\n"\n' * 20_000
    tasks = [
        {"id": 1, "data": {"image": "a.jpg", "n": 1, "text": text}, "annotations": []},
        {"id": 2, "data": {"image": "b.jpg", "m": 1}, "annotations": []},
    ]
    rows = rows_of(tasks, tmp_path)
    found = read(written(rows, tmp_path, "label_studio_csv"), ",")
    assert (found[0]["text"], found[0]["n"], found[0]["m"]) == (text, "1", "")
    line = b'1,"' + b'""' * 200_000 + b'",""'
    tracemalloc.start()
    cells = list(table.cells_of(line, b","))
    assert tracemalloc.get_traced_memory()[1] < 2 * len(line)
    tracemalloc.stop()
    assert cells == [b"1", line[2:-3], b'""']


def test_more_columns_than_a_table_has_room_for_are_refused_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(table, "MOST_COLUMNS", 20)
    tasks = [{"id": n, "data": {"image": "a.jpg", f"k{n}": n}, "annotations": []} for n in range(1, 30)]
    with pytest.raises(PermanentError, match=r"more than 20 different keys .* choose label_studio_json"):
        written(rows_of(tasks, tmp_path), tmp_path, "label_studio_csv")


@pytest.mark.parametrize("key", ["label_studio_csv", "label_studio_tsv", "label_studio_json_min"])
def test_values_that_another_of_their_name_covers_are_counted(key: str, tmp_path: Path):
    data = {"image": "a.jpg", "id": "mine", "annotator": "me", "created_at": None, "history": "h", "q": 1, "_data_q": 2}
    tasks: list[dict[str, Any]] = [
        {"id": 1, "data": data, "annotations": [{"id": 5, **ANNOTATION, "result": [choice("x", name="q")]}]},
        {"id": 2, "data": {"image": "b.jpg"}, "annotations": []},
    ]
    notes = noted(rows_of(tasks, tmp_path), tmp_path, key)
    # id and annotator; beside them q is shown as _data_q, which one of the two has in a table, and nobody in JSON
    assert notes == {"covered": 3}


@pytest.mark.parametrize("name", [5, ["a"], {"a": 1}])
def test_a_control_that_is_no_text_is_none(name: Any):
    task = {"id": 1, "data": {}, "annotations": [{"result": [choice("x"), {**choice("y"), "from_name": name}]}]}
    assert [item.outputs for item in items_of(task)] == [{"quality": "x"}]
