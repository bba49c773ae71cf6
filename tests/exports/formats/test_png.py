"""The png format: class masks in a zip."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from typing import Any

import numpy as np
import pytest
from PIL import Image

from connections.rows.batch import BODY, OntologyClass
from connections.rows.coco import render_coco
from exportadmin.lib.errors import PermanentError, UserError
from exports.formats.base import RefusedRow
from tests.connections.rows.documents import box, document, label, line, mask, point, polygon, radio
from tests.exports.formats.running import ONTOLOGY, batch_of, run

ONLY_ROWS = frozenset({BODY})
ROWS = [
    document(label(box("can", 0, 0, 3, 2), mask("bag", [2, 4], "224")), size=(4, 2), global_key="a.jpg"),
    document(size=(3, 1), global_key='=b,"c".jpg', row_id="row2"),
]
CAN = box("can", 0, 0, 1, 1)


def export(tmp_path, rows, **more) -> zipfile.ZipFile:
    ontology = more.get("ontology", ONTOLOGY)
    data = run("png", [batch_of(rows, ONLY_ROWS, ontology=ontology)] if rows else [], tmp_path, **more)
    opened = zipfile.ZipFile(io.BytesIO(data))
    assert opened.testzip() is None
    return opened


def pixels(opened: zipfile.ZipFile, number: int) -> Any:
    return np.asarray(Image.open(io.BytesIO(opened.read(f"masks/{number:012d}.png")))).tolist()


@pytest.mark.parametrize(
    ("row", "code", "reason"),
    [
        (
            document(label(CAN), size=None, row_id="row7"),
            "no_size",
            "media_attributes say width None and height None; a PNG mask needs whole numbers from 1",
        ),
        (document(label(CAN), size=(0, 5), row_id="row7"), "no_size", "width 0 and height 5"),
        (document(label(CAN), size=(-3, 5)), "no_size", "width -3"),
        (document(label(CAN), size=(2.5, 5)), "no_size", "width 2.5"),  # type: ignore[arg-type]
        (document(label(CAN), size=("9", 5)), "no_size", "width '9'"),  # type: ignore[arg-type]
        (document(label(CAN), size=(20_001, 10_000)), "too_large", "20001 x 10000 is more than 200 megapixels"),
        (
            document(label(mask("can", [9, 9], "0", id="f8"))),
            "cannot_paint",
            r"annotation f8: its mask of size \[9, 9\] does not fit",
        ),
        (
            document(label(polygon("can", [(0, 0), (1e9, 1e9), (5, 5)], id="f8"))),
            "cannot_paint",
            "annotation f8: its outline",
        ),
        (
            document(label({**box("can", 0, 0, 1, 1, id="f8"), "bounding_box": {"left": 1}})),
            "cannot_paint",
            "annotation f8: 'top' is missing",
        ),
    ],
)
def test_a_row_that_cannot_be_painted_is_refused_with_its_reason_and_the_others_go_on(tmp_path, row, code, reason):
    rows = [*ROWS, row, *ROWS]
    refused: list[RefusedRow] = []
    content = run("png", [batch_of(rows, ONLY_ROWS)], tmp_path, refused=refused)
    assert [(one.index, one.row_id, one.global_key, one.code) for one in refused] == [
        (2, row["data_row"]["id"], row["data_row"]["global_key"], code)
    ]
    assert re.search(reason, refused[0].reason)
    with zipfile.ZipFile(io.BytesIO(content)) as opened:
        names = [f"masks/{number:012d}.png" for number in (1, 2, 4, 5)]
        assert opened.namelist() == ["classes.json", *names, "index.csv"]
        assert [opened.read(name) for name in names[:2]] == [opened.read(name) for name in names[2:]]
        index = csv.DictReader(io.StringIO(opened.read("index.csv").decode(), newline=""))
        assert [line["file"] for line in index] == [*names[:2], "", *names[2:]]


def test_what_was_painted_of_a_refused_row_is_not_in_the_next_one(tmp_path):
    half = document(label(box("can", 0, 0, 20, 10), mask("can", [9, 9], "0")))
    opened = export(tmp_path, [half, document()])
    assert opened.namelist()[1] == "masks/000000000002.png"
    assert not np.any(pixels(opened, 2))


@pytest.mark.parametrize("size", [None, (0, 5), (20_001, 10_000)])
def test_a_row_without_shapes_whose_mask_cannot_be_made_stands_in_the_index_and_is_not_refused(tmp_path, size):
    refused: list[RefusedRow] = []
    row = document(label(radio("quality", "good"), line("can", (0, 0), (1, 1))), size=size, row_id="row7")
    content = run("png", [batch_of([row], ONLY_ROWS)], tmp_path, refused=refused)
    assert refused == []
    with zipfile.ZipFile(io.BytesIO(content)) as opened:
        assert opened.namelist() == ["classes.json", "index.csv"]
        assert (
            opened.read("index.csv").splitlines()[1] == b"row7,photo.jpg,,,,https://pictures.test/a/photo.jpg,photo.jpg"
        )


def test_a_class_outside_the_ontology_stops_the_export_and_is_named(tmp_path):
    with pytest.raises(PermanentError, match=r"row row1: class 'unheard' is not in the ontology"):
        run("png", [batch_of([document(label(box("unheard", 0, 0, 1, 1)))], ONLY_ROWS)], tmp_path)


def test_more_classes_than_sixteen_bits_tell_apart_are_refused(tmp_path):
    many = tuple(OntologyClass(number, str(number)) for number in range(65_536))
    with pytest.raises(UserError, match="65536 classes"):
        run("png", [], tmp_path, ontology=many)


def test_a_mask_holds_the_place_of_each_class_in_the_ontology_and_later_covers_earlier(tmp_path):
    opened = export(tmp_path, ROWS)
    assert pixels(opened, 1) == [[1, 2, 1, 0], [1, 2, 1, 0]]
    assert pixels(opened, 2) == [[0, 0, 0]]


def test_what_is_no_area_is_not_painted(tmp_path):
    marks = label(line("can", (0, 0), (9, 9)), point("can", 1, 1), radio("quality", "good"))
    odd = {**box("can", 0, 0, 5, 5), "annotation_kind": "ImageCuboid"}
    opened = export(tmp_path, [document(marks, label(odd), size=(4, 4))])
    assert not np.any(pixels(opened, 1))


def test_the_class_map_says_what_a_value_means_and_by_which_rules(tmp_path):
    said = json.loads(export(tmp_path, ROWS).read("classes.json"))
    assert said["classes"] == [{"value": 1, "number": 7, "name": "can"}, {"value": 2, "number": 3, "name": "bag"}]
    assert (said["background"], said["bits"]) == (0, 8)
    assert {"edges", "overlaps"} <= said["rules"].keys()


def test_the_index_leads_from_file_to_row(tmp_path):
    opened = export(tmp_path, ROWS)
    address = "https://pictures.test/a/photo.jpg"
    assert list(csv.reader(io.StringIO(opened.read("index.csv").decode(), newline=""))) == [
        ["data_row_id", "global_key", "file", "width", "height", "row_data", "file_name"],
        ["row1", "a.jpg", "masks/000000000001.png", "4", "2", address, "a.jpg"],
        ["row2", '=b,"c".jpg', "masks/000000000002.png", "3", "1", address, "000000000002-photo.jpg"],
    ]


def test_the_index_says_which_picture_a_mask_is_of_as_coco_calls_it(tmp_path):
    rows = [document(global_key=f"task-{n}", row_data=f"s3://b/{n}/1.jpg") for n in (1, 2)]
    index = csv.DictReader(io.StringIO(export(tmp_path, rows).read("index.csv").decode(), newline=""))
    images = [
        json.loads(render_coco(row, number=number, annotation_start=1, class_numbers={})[0])
        for number, row in enumerate(rows, start=1)
    ]
    assert [(one["row_data"], one["file_name"]) for one in index] == [
        ("s3://b/1/1.jpg", images[0]["file_name"]),
        ("s3://b/2/1.jpg", images[1]["file_name"]),
    ]


def test_the_index_has_a_profile_for_people_and_further_columns(tmp_path):
    row = document(global_key="=1.jpg")
    row["metadata_fields"] = [{"schema_name": "tag", "value": "x;=1"}]
    options = {"profile": "spreadsheet-safe", "dataset": "yes", "metadata": "yes"}
    content = run("png", [batch_of([row], ONLY_ROWS)], tmp_path, options=options)
    with zipfile.ZipFile(io.BytesIO(content)) as opened:
        text = opened.read("index.csv").decode()
    assert text.startswith("\ufeffdata_row_id,")
    (line,) = csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""))
    assert (line["global_key"], line["dataset"]) == ("'=1.jpg", "set")
    assert line["metadata"] == '[{"schema_name":"tag","value":"x;\'=1"}]'


def test_names_inside_the_archive_are_never_taken_from_outside(tmp_path):
    rows = [document(global_key="../../x", row_id="a/b\r\nX: y"), document(global_key="\U0001f600" * 300)]
    names = export(tmp_path, rows).namelist()
    assert names == ["classes.json", "masks/000000000001.png", "masks/000000000002.png", "index.csv"]


@pytest.mark.parametrize(("classes", "bits", "mode"), [(255, 8, "L"), (256, 16, "I;16")])
def test_more_than_255_classes_take_sixteen_bits(tmp_path, classes, bits, mode):
    ontology = tuple(OntologyClass(number, f"c{number}") for number in range(classes))
    last = document(label(box(f"c{classes - 1}", 1, 0, 1, 1)), size=(3, 1))
    opened = export(tmp_path, [last], ontology=ontology)
    assert json.loads(opened.read("classes.json"))["bits"] == bits
    assert Image.open(io.BytesIO(opened.read("masks/000000000001.png"))).mode == mode
    assert pixels(opened, 1) == [[0, classes, 0]]


def test_an_export_without_rows_still_has_its_class_map_and_index(tmp_path):
    opened = export(tmp_path, [])
    assert opened.namelist() == ["classes.json", "index.csv"]
    assert opened.read("index.csv") == b"data_row_id,global_key,file,width,height,row_data,file_name\r\n"


def test_batches_and_second_runs_change_no_byte(tmp_path):
    whole = run("png", [batch_of(ROWS, ONLY_ROWS)], tmp_path)
    assert run("png", [batch_of(ROWS, ONLY_ROWS)], tmp_path) == whole
    parted = [batch_of(ROWS[:1], ONLY_ROWS), batch_of(ROWS[1:], ONLY_ROWS, first_number=2)]
    assert run("png", parted, tmp_path) == whole


def test_embeddings_and_left_out_parts_do_not_matter(tmp_path):
    rows = [{**row, "embeddings": [{"id": "e", "values": [{"value": [0.5] * 9}]}]} for row in ROWS]
    plain = run("png", [batch_of(ROWS, ONLY_ROWS)], tmp_path)
    assert run("png", [batch_of(rows, ONLY_ROWS)], tmp_path, parts=frozenset()) == plain
