"""COCO as Label Studio writes it, without what is lost there."""

from __future__ import annotations

import contextlib
import io
import json
import zipfile
from hashlib import md5
from typing import Any

import numpy as np
import pytest
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO as Reader

from connections.rows.batch import BODY, COCO, OntologyClass
from exports.formats.base import RefusedRow
from tests.connections.rows.documents import box, document, label, line, mask, polygon, radio
from tests.exports.formats.running import ONTOLOGY, batch_of, run

ADDRESS = "https://pictures.test/a/photo.jpg"
RING = np.asfortranarray(np.pad(np.pad(np.zeros((2, 2), np.uint8), 2, constant_values=1), ((1, 3), (2, 12))))
RUNS = coco_mask.encode(RING)["counts"].decode()
ROWS = [
    document(
        label(box("can", 1, 2, 3, 4), radio("quality", "good")),
        label(mask("bag", [10, 20], RUNS), polygon("bag", [(0, 0), (8, 0), (8, 2)]), line("can", (0, 0), (1, 1))),
    ),
    document(row_id="row2", global_key="plain.jpg", row_data="https://pictures.test/b/photo.jpg"),
    document(label(box("can", 0, 0, 2, 2)), row_id="row3", global_key="c.jpg", row_data="c.jpg", size=None),
]


def archive(tmp_path, rows, key="label_studio_coco", columns=frozenset({COCO}), **more: Any) -> zipfile.ZipFile:
    halves = [batch_of(rows[:1], columns), batch_of(rows[1:], columns, first_number=2, first_annotation=9)]
    opened = zipfile.ZipFile(io.BytesIO(run(key, halves, tmp_path, **more)))
    assert opened.testzip() is None
    return opened


def result(opened: zipfile.ZipFile, name: str = "result.json") -> Any:
    assert opened.namelist() == ["images/", name]
    return json.loads(opened.read(name))


def reader_of(coco: dict[str, Any]) -> Reader:
    reader = Reader()
    reader.dataset = coco
    with contextlib.redirect_stdout(io.StringIO()):
        reader.createIndex()
    return reader


def test_everything_counts_from_zero_and_categories_stand_by_name(tmp_path):
    coco = result(archive(tmp_path, ROWS))
    assert coco["categories"] == [{"id": 0, "name": "bag"}, {"id": 1, "name": "can"}]
    assert [one["id"] for one in coco["images"]] == [0, 1, 2]
    placed = [(one["id"], one["image_id"], one["category_id"]) for one in coco["annotations"]]
    assert placed == [(0, 0, 1), (1, 0, 0), (2, 0, 0), (3, 2, 1)]
    assert coco["annotations"][0] == {
        "id": 0,
        "image_id": 0,
        "category_id": 1,
        "ignore": 0,
        "segmentation": [],
        "area": 12.0,
        "bbox": [1.0, 2.0, 3.0, 4.0],
        "iscrowd": 0,
    }


def test_two_labels_of_a_row_are_one_image(tmp_path):
    coco = result(archive(tmp_path, ROWS))
    assert [one["file_name"] for one in coco["images"]] == [
        "images/" + md5(address.encode()).hexdigest()[:8] + "__" + name
        for address, name in [
            (ADDRESS, "photo.jpg"),
            ("https://pictures.test/b/photo.jpg", "photo.jpg"),
            ("c.jpg", "c.jpg"),
        ]
    ]


def test_a_picture_of_unknown_size_says_none_rather_than_null(tmp_path):
    first, _, last = result(archive(tmp_path, ROWS))["images"]
    assert (first["width"], first["height"]) == (20, 10)
    assert last.keys() == {"id", "file_name"}


@pytest.mark.parametrize("key", ["label_studio_coco", "brush_to_coco"])
def test_pycocotools_reads_the_very_pixels_of_a_brushed_mask(tmp_path, key):
    opened = archive(tmp_path, ROWS, key)
    coco = result(opened, opened.namelist()[1])
    reader = reader_of(coco)
    (bag,) = reader.getCatIds(catNms=["bag"])
    runs, outline = reader.loadAnns(reader.getAnnIds(catIds=[bag]))
    assert np.array_equal(reader.annToMask(runs), RING)
    assert runs["area"] == RING.sum()
    assert reader.annToMask(outline).any()


def test_a_turned_box_keeps_its_corners(tmp_path):
    """Our importer makes a polygon of it; Label Studio writes a level box that lies elsewhere."""
    corners = [(10.0, 0.0), (14.0, 4.0), (12.0, 6.0), (8.0, 2.0)]
    (mark,) = result(archive(tmp_path, [document(label(polygon("can", corners)))]))["annotations"]
    assert mark["segmentation"] == [[10.0, 0.0, 14.0, 4.0, 12.0, 6.0, 8.0, 2.0]]
    assert mark["bbox"] == [8.0, 0.0, 6.0, 6.0]
    assert mark["area"] == 16.0


def test_rows_are_written_equally_where_a_source_has_no_fragments(tmp_path):
    stored = archive(tmp_path, ROWS).read("result.json")
    assert archive(tmp_path, ROWS, columns=frozenset({BODY})).read("result.json") == stored


def test_a_row_that_cannot_be_read_is_refused_and_the_others_count_on(tmp_path):
    broken = document(label({**box("can", 0, 0, 1, 1), "bounding_box": {"left": 1}}), row_id="row9")
    rows, refused = [ROWS[0], broken, ROWS[2]], list[RefusedRow]()
    coco = result(archive(tmp_path, rows, columns=frozenset({BODY}), refused=refused))
    assert [(one.row_id, one.code) for one in refused] == [("row9", "unreadable")]
    assert [one["id"] for one in coco["images"]] == [0, 1]
    assert [one["image_id"] for one in coco["annotations"]] == [0, 0, 0, 1]


def test_a_source_that_says_ignore_is_heard(tmp_path):
    said = box("can", 0, 0, 2, 2, source_extra={"coco": {"ignore": 1}})
    opened = archive(tmp_path, [document(label(said))])
    assert opened.read("result.json").count(b'"ignore"') == 1
    assert result(opened)["annotations"][0]["ignore"] == 1


@pytest.mark.parametrize(
    "address", ["../../etc/passwd", "/data/local-files/?d=../../etc/passwd", "..\\..\\boot.ini", "/"]
)
def test_no_address_makes_a_name_that_leads_elsewhere(tmp_path, address):
    row = document(row_data=address, global_key="task-1")
    (image,) = result(archive(tmp_path, [row]))["images"]
    folder, _, leaf = image["file_name"].partition("/")
    assert folder == "images"
    assert not set(leaf) & set('/\\:*?"<>|')
    assert leaf.strip(".") == leaf


def test_categories_of_brush_to_coco_count_from_one_and_their_colours_stay(tmp_path):
    opened = archive(tmp_path, ROWS, "brush_to_coco")
    coco = result(opened, "result_coco.json")
    assert [(one["id"], one["name"]) for one in coco["categories"]] == [(1, "can"), (2, "bag")]
    first = {one["name"]: one["color"] for one in coco["categories"]}
    more = (OntologyClass(1, "new"), *ONTOLOGY)
    again = result(archive(tmp_path, ROWS, "brush_to_coco", ontology=more), "result_coco.json")
    assert {one["name"]: one["color"] for one in again["categories"]}.items() >= first.items()
    assert coco["images"][0]["path"] == ADDRESS
    assert coco["images"][0]["file_name"].endswith("__photo.jpg")
    assert "ignore" not in coco["annotations"][0]


GOLDEN = {
    "label_studio_coco": """\
{"categories":[
{"id":0,"name":"bag"},
{"id":1,"name":"can"}
],
"annotations":[
{"id":0,"image_id":0,"category_id":1,"ignore":0,"segmentation":[],"area":12,"bbox":[1,2,3,4],"iscrowd":0},
{"id":1,"image_id":0,"category_id":0,"ignore":0,"segmentation":{"size":[10,20],"counts":"e06400LN020N02400g3"},\
"area":32,"bbox":[2.0,1.0,6.0,6.0],"iscrowd":0},
{"id":2,"image_id":0,"category_id":0,"ignore":0,"segmentation":[[0,0,8,0,8,2]],"area":8.0,"bbox":[0,0,8,2],"iscrowd":0}
],
"images":[
{"width":20,"height":10,"id":0,"file_name":"images/9bdf46e5__photo.jpg"}
],
"info":{"year":null,"version":"1.0","description":"","contributor":"Export Admin","url":""}}
""",
    "brush_to_coco": """\
{"categories":[
{"id":1,"name":"can","supercategory":"","color":"#2c61eb","metadata":{}},
{"id":2,"name":"bag","supercategory":"","color":"#4a8271","metadata":{}}
],
"annotations":[
{"id":0,"image_id":0,"category_id":1,"segmentation":[],"area":12,"bbox":[1,2,3,4],"iscrowd":0},
{"id":1,"image_id":0,"category_id":2,"segmentation":{"size":[10,20],"counts":"e06400LN020N02400g3"},\
"area":32,"bbox":[2.0,1.0,6.0,6.0],"iscrowd":0},
{"id":2,"image_id":0,"category_id":2,"segmentation":[[0,0,8,0,8,2]],"area":8.0,"bbox":[0,0,8,2],"iscrowd":0}
],
"images":[
{"id":0,"file_name":"9bdf46e5__photo.jpg","path":"https://pictures.test/a/photo.jpg","width":20,"height":10}
],
"info":{"year":null,"version":"1.0","description":"","contributor":"Export Admin"}}
""",
}


@pytest.mark.parametrize("key", GOLDEN)
def test_the_same_rows_give_these_bytes(tmp_path, key):
    opened = archive(tmp_path, ROWS[:1], key)
    assert opened.read(opened.namelist()[1]).decode() == GOLDEN[key]


def test_a_project_without_rows_or_classes_is_a_file_too(tmp_path):
    opened = zipfile.ZipFile(io.BytesIO(run("label_studio_coco", [], tmp_path, ontology=())))
    coco = result(opened)
    assert (coco["images"], coco["categories"], coco["annotations"]) == ([], [], [])


# whose md5 begin with the same 8 digits
ALIKE = [f"https://pictures.test/{number}/photo.jpg" for number in (22968, 25755)]


@pytest.mark.parametrize("key", ["label_studio_coco", "brush_to_coco"])
def test_different_pictures_have_different_names_and_one_has_one(tmp_path, key):
    addresses = [ALIKE[0], ALIKE[1], ALIKE[0], ALIKE[1], ADDRESS]
    rows = [document(row_id=f"r{n}", global_key=f"task {n}", row_data=one) for n, one in enumerate(addresses)]
    opened = archive(tmp_path, rows, key)
    first, second, *rest, last = [
        one["file_name"].removeprefix("images/") for one in result(opened, opened.namelist()[1])["images"]
    ]
    assert (first, second) == ("7633af17__photo.jpg", md5(ALIKE[1].encode()).hexdigest() + "__photo.jpg")
    assert (rest, last) == ([first, second], "9bdf46e5__photo.jpg")


def test_an_address_that_is_no_text_is_none(tmp_path):
    row = document(global_key="k.jpg", coco={"file_name": "a.jpg", "coco_url": 5, "id": 1})
    (image,) = result(archive(tmp_path, [row]))["images"]
    assert image["file_name"].startswith("images/") and "__" in image["file_name"]


def test_no_name_is_longer_than_a_file_system_takes(tmp_path):
    row = document(row_data="https://pictures.test/" + "字" * 200 + ".jpg", global_key="task-1")
    (image,) = result(archive(tmp_path, [row]))["images"]
    assert len(image["file_name"].removeprefix("images/").encode()) <= 255 - len("000000000001-")
    assert image["file_name"].endswith("字.jpg")


def test_what_one_annotation_says_of_ignore_is_not_said_of_others(tmp_path):
    said = box("can", 0, 0, 2, 2, source_extra={"coco": {"ignore": 1, "attributes": {"a": 1}}})
    inside = box("can", 0, 0, 2, 2, source_extra={"coco": {"attributes": {"ignore": 5}}})
    marks = result(archive(tmp_path, [document(label(box("can", 0, 0, 1, 1), said, inside, box("can", 0, 0, 2, 2)))]))
    assert [one["ignore"] for one in marks["annotations"]] == [0, 1, 0, 0]
