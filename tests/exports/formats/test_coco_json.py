"""The coco_json format."""

from __future__ import annotations

import contextlib
import io
import json

import numpy as np
import orjson
import pytest
from pycocotools.coco import COCO as CocoFile

from connections.rows.batch import BODY, COCO, OntologyClass
from exportadmin.lib.errors import PermanentError
from tests.connections.rows.documents import box, document, label, line, mask, polygon, radio
from tests.exports.formats.running import FRAGMENTS, batch_of, run

TRIANGLE = [(1.0, 1.0), (9.0, 1.0), (1.0, 9.0)]
ROWS = [
    document(label(box("bag", 1, 2, 3, 4), line("can", (0, 0), (1, 1)), polygon("can", TRIANGLE)), global_key="a.jpg"),
    document(global_key="b.jpg", row_id="row2"),
    document(label(mask("can", [10, 20], "06R6"), radio("quality", "good")), global_key="c.jpg", row_id="row3"),
]


def load(text: bytes, folder) -> CocoFile:
    path = folder / "coco.json"
    path.write_bytes(text)
    with contextlib.redirect_stdout(io.StringIO()):
        return CocoFile(str(path))


def test_an_object_of_a_class_outside_the_ontology_fails_with_the_row_and_the_class(tmp_path):
    rows = [document(label(box("unheard", 0, 0, 1, 1)), row_id="row9")]
    batch = batch_of(rows, frozenset({BODY}))
    with pytest.raises(PermanentError, match=r"row row9: class 'unheard' is not in the ontology"):
        run("coco_json", [batch], tmp_path)


def test_a_source_that_gives_nothing_to_print_is_named_as_the_culprit(tmp_path):
    with pytest.raises(PermanentError, match="neither rows nor COCO JSON fragments"):
        run("coco_json", [batch_of(ROWS, frozenset())], tmp_path)


def test_the_bytes_of_a_file_are_these(tmp_path):
    assert run("coco_json", [batch_of(ROWS, FRAGMENTS)], tmp_path).decode() == (
        '{"info":{"description":"Litter","generator":"Export Admin"},\n'
        '"licenses":[],\n'
        '"categories":[\n'
        '{"id":7,"name":"can","supercategory":"metal"},\n'
        '{"id":3,"name":"bag","supercategory":"","keypoints":["a"]}\n'
        '],\n"annotations":[\n'
        '{"id":1,"image_id":1,"category_id":3,"segmentation":[],"area":12,"bbox":[1,2,3,4],"iscrowd":0},\n'
        '{"id":3,"image_id":1,"category_id":7,"segmentation":[[1.0,1.0,9.0,1.0,1.0,9.0]],"area":32.0,'
        '"bbox":[1.0,1.0,8.0,8.0],"iscrowd":0},\n'
        '{"id":4,"image_id":3,"category_id":7,"segmentation":{"size":[10,20],"counts":"06R6"},"area":6,'
        '"bbox":[0.0,0.0,1.0,6.0],"iscrowd":0}\n'
        '],\n"images":[\n'
        '{"id":1,"width":20,"height":10,"file_name":"a.jpg","coco_url":"https://pictures.test/a/photo.jpg"},\n'
        '{"id":2,"width":20,"height":10,"file_name":"b.jpg","coco_url":"https://pictures.test/a/photo.jpg"},\n'
        '{"id":3,"width":20,"height":10,"file_name":"c.jpg","coco_url":"https://pictures.test/a/photo.jpg"}\n'
        "]}\n"
    )


@pytest.mark.parametrize("columns", [FRAGMENTS, frozenset({BODY})])
def test_batches_and_second_runs_change_no_byte(tmp_path, columns):
    whole = run("coco_json", [batch_of(ROWS, FRAGMENTS)], tmp_path)
    parted = [
        batch_of(ROWS[1:2], columns, first_number=1),
        batch_of(ROWS[:1], columns, first_number=2, first_annotation=1),
        batch_of(ROWS[2:], columns, first_number=3, first_annotation=4),
    ]
    turned = run("coco_json", [batch_of([ROWS[1], ROWS[0], ROWS[2]], FRAGMENTS)], tmp_path)
    assert run("coco_json", parted, tmp_path) == turned
    assert run("coco_json", [batch_of(ROWS, columns)], tmp_path) == whole


@pytest.mark.parametrize("rows", [[], [document()], [document(), document()]])
def test_a_file_without_annotations_or_rows_is_still_json(tmp_path, rows):
    batches = [batch_of(rows, frozenset({COCO}))] if rows else []
    parsed = json.loads(run("coco_json", batches, tmp_path, ontology=()))
    assert (parsed["annotations"], parsed["categories"], len(parsed["images"])) == ([], [], len(rows))


def test_pycocotools_loads_it_and_sees_the_shapes(tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    coco = load(run("coco_json", [batch_of(ROWS, FRAGMENTS)], scratch), folder)
    assert sorted(coco.imgs) == [1, 2, 3]
    assert {one["name"]: one["id"] for one in coco.cats.values()} == {"can": 7, "bag": 3}
    assert {number: len(coco.getAnnIds(imgIds=[number])) for number in coco.imgs} == {1: 2, 2: 0, 3: 1}
    assert coco.annToMask(coco.anns[4])[:, 0].tolist() == [1] * 6 + [0] * 4
    assert int(np.sum(coco.annToMask(coco.anns[3]))) > 0


def test_hostile_names_come_back_exactly(tmp_path):
    for name in ('=HYPERLINK("x")', "a/b\r\nX: y", "\u2028", "\U0001f600" * 300, '"],"annotations":['):
        ontology = (OntologyClass(1, name),)
        rows = [document(label(box(name, 0, 0, 1, 1)), global_key=name)]
        text = run("coco_json", [batch_of(rows, FRAGMENTS, ontology=ontology)], tmp_path, ontology=ontology, name=name)
        parsed = json.loads(text)
        assert (parsed["info"]["description"], parsed["categories"][0]["name"]) == (name, name)
        assert len(parsed["annotations"]) == len(parsed["images"]) == 1


def test_every_object_stands_in_a_line_of_its_own_and_is_canonical(tmp_path):
    lines = run("coco_json", [batch_of(ROWS, FRAGMENTS)], tmp_path).splitlines()
    objects = [one.removesuffix(b",") for one in lines if one.startswith(b'{"id"')]
    assert len(objects) == 2 + 3 + 3
    assert all(orjson.dumps(orjson.loads(one)) == one for one in objects)
