"""The format of a file is told from its beginning, or the user is asked to name it."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from connections.store.importers import IMPORTERS
from connections.store.importers.detect import detect
from exportadmin.lib.errors import UserError
from tests.connections.store import test_import_coco_json, test_import_label_studio, test_import_ndjson
from tests.connections.store.importing import importer, read, write

TASK = test_import_label_studio.FULL
ROW = test_import_ndjson.FULL
COCO = test_import_coco_json.FULL
LONG = "x" * 3_000_000


def test_the_formats_are_known_by_these_keys():
    assert sorted(IMPORTERS) == [
        "coco_json",
        "coco_results",
        "diffgram_json",
        "label_studio_json",
        "labellerr_json",
        "ndjson",
    ]
    for key, found in IMPORTERS.items():
        assert found.key == key
        assert found.title
    known = ", ".join(IMPORTERS)
    with pytest.raises(UserError, match=f"unknown import format 'xml'; known: {known}"):
        IMPORTERS.pick("xml")


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize(
    ("content", "key"),
    [
        ([TASK], "label_studio_json"),
        ([{"data": {"image": "a"}, "annotations": []}], "label_studio_json"),
        ([{"annotations": [{"result": [], "x": LONG}], "data": {}}], "label_studio_json"),
        ([{"data": {"image": "a"}, "annotations": LONG}], "label_studio_json"),
        ([{"file_id": "1", "file_name": "a.jpg", "latest_answer": LONG}], "labellerr_json"),
        ([ROW], "ndjson"),
        ([{"data_row": {"id": LONG}}], "ndjson"),
        (COCO, "coco_json"),
        ({"images": [{"id": 1, "file_name": LONG}], "annotations": []}, "coco_json"),
        ({"annotations": [{"image_id": 1, "category_id": 2}], "images": LONG}, "coco_json"),
        ({"info": {"year": 2024}, "odd": LONG}, "coco_json"),
        ({"licenses": [], "annotations": [{"image_id": 1, "category_id": 2, "x": LONG}]}, "coco_json"),
        ({"categories": [], "images": []}, "coco_json"),
        ({"images": []}, "coco_json"),
    ],
)
def test_files_of_each_format_are_told_apart(tmp_path, content, key, indent):
    assert detect(write(tmp_path, json.dumps(content, indent=indent))) == key
    assert detect(write(tmp_path, "\ufeff \n" + json.dumps(content, indent=indent))) == key


@pytest.mark.parametrize(("value", "key"), [(TASK, "label_studio_json"), (ROW, "ndjson"), ({"data_row": {}}, "ndjson")])
def test_files_with_one_row_a_line_are_told_apart(tmp_path, value, key):
    line = json.dumps(value)
    for text in (line, f"{line}\n", f"\n\n{line}\n{line}\n", f"{line}\r\n{line}"):
        assert detect(write(tmp_path, text)) == key


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "file.json is empty; expected JSON"),
        (b" \n", "file.json is empty; expected JSON"),
        (b"id,name\n", "is no JSON that can be imported: it begins with b'id,name\\n', expected [ or {"),
        (b"\x1f\x8b\x08\x00", "is no JSON that can be imported: it begins with b'\\x1f\\x8b\\x08\\x00'"),
        (b'"text"', "is no JSON that can be imported"),
        (b"[]", "unclear (an array whose first entry is no object); name it: coco_json"),
        (b"[1, 2]", "unclear (an array whose first entry is no object)"),
        (b"[[1]]", "unclear (an array whose first entry is no object)"),
        (b"{}", "unclear (keys at the beginning are none)"),
        (b'{"a": 1, "b": []}', "unclear (keys at the beginning are a, b)"),
        (b'[{"image": "a.jpg"}]', "unclear (keys at the beginning are image)"),
        (
            b'[{"image_id": 1, "category_id": 2}]',
            "unclear (a list of COCO annotations (or results) without its",
        ),
        (b'{"data": 1}', "unclear (keys at the beginning are data)"),
    ],
)
def test_an_unclear_file_is_refused_with_what_was_found(tmp_path, content, reason):
    with pytest.raises(UserError) as caught:
        detect(write(tmp_path, content))
    assert reason in caught.value.message
    assert "\n" not in caught.value.message


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    for call in (detect, lambda path: importer("ndjson", path).survey()):
        with pytest.raises(UserError, match=r"missing\.json cannot be read: No such file"):
            call(tmp_path / "missing.json")
        with pytest.raises(UserError, match="cannot be read: Is a directory"):
            call(tmp_path)


def test_only_the_beginning_of_a_file_is_read(tmp_path, monkeypatch):
    path = write(tmp_path, "[" + json.dumps(TASK) + "," + " " * 20_000_000 + json.dumps(TASK) + "]")
    sizes: list[int] = []

    class Watched(io.FileIO):
        def read(self, size: int | None = -1) -> bytes:
            sizes.append(-1 if size is None else size)
            return super().read(-1 if size is None else size)

    monkeypatch.setattr(Path, "open", lambda self, *_, **__: Watched(self))
    assert detect(path) == "label_studio_json"
    assert sizes == [1024 * 1024]


@pytest.mark.parametrize(("value", "key"), [([TASK], "label_studio_json"), ([ROW], "ndjson"), (COCO, "coco_json")])
def test_every_format_refuses_every_cut_off_file_before_any_row(tmp_path, value, key):
    text = json.dumps(value)
    assert read(key, write(tmp_path, text))[0]
    for end in range(0, len(text), 7):
        path = write(tmp_path, text[:end])
        with pytest.raises(UserError) as caught:
            importer(key, path).survey()
        assert "line 1, byte" in caught.value.message or end == 0


@pytest.mark.parametrize(("value", "key"), [([TASK], "label_studio_json"), ([ROW], "ndjson"), (COCO, "coco_json")])
def test_bytes_that_are_no_text_are_refused_row_by_row(tmp_path, value, key):
    raw: Any = json.dumps(value).encode().replace(b'"car"', b'"c\xff"').replace(b'"a.jpg"', b'"\xed\xa0\x80.jpg"')
    rows, reading = read(key, write(tmp_path, raw))
    assert len(rows) == (1 if key == "coco_json" else 0)
    assert "not valid JSON" in reading.refused[0].reason
