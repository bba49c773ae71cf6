"""A file of an export says which picture a row is: by the name that a file would have, and by the address."""

from __future__ import annotations

import base64
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connections.rows.coco import render_coco
from connections.rows.file_names import FileName, _leaf_of_any, file_name_of, leaf_of
from tests.connections.rows.documents import document

BUCKET = base64.urlsafe_b64encode(b"s3://bucket/north/0001.jpg").decode()


def image(number: int = 12, **row: Any) -> dict[str, Any]:
    return orjson.loads(render_coco(document(**row), number=number, annotation_start=1, class_numbers={})[0])


@pytest.mark.parametrize(
    ("address", "leaf"),
    [
        ("https://h.test/set/photo.jpg", "photo.jpg"),
        ("https://h.test/set/photo.jpg?X-Amz-Signature=a/b.png&x=1#top", "photo.jpg"),
        ("https://h.test/a%20b%2Bc.jpg", "a b+c.jpg"),
        ("https://h.test/o/set%2Fphoto.jpg?alt=media", "photo.jpg"),
        ("https://h.test/%E9.jpg", "%E9.jpg"),
        ("https://h.test/100%.jpg", "100%.jpg"),
        ("https://h.test/get?file=photo.jpg&token=1.2", "photo.jpg"),
        ("https://h.test/get?file=a/photo.jpg&token=1.2", "photo.jpg"),
        ("https://h.test/photo.jpg?d=200x200", "photo.jpg"),
        ("/data/local-files/?d=img.jpg", "img.jpg"),
        ("/data/local-files/?d=set/img%201.jpg", "img 1.jpg"),
        ("/data/local-files?d=set%2Fimg+1.jpg", "img 1.jpg"),
        ("http://ls.test:8080/data/local-files/?d=set\\img.jpg", "img.jpg"),
        ("/data/local-files/?d=set/scan", "scan"),
        ("/storage-data/uploaded/?filepath=upload/1/a.jpg", "a.jpg"),
        (f"/tasks/7/resolve/?fileuri={BUCKET}", "0001.jpg"),
        ("/data/upload/1/%E5%9B%BE%E7%89%87.jpg", "图片.jpg"),
        ("/data/upload/1/图片 一.jpg", "图片 一.jpg"),
        ("s3://bucket/dir/a b.jpg", "a b.jpg"),
        ("s3://bucket/dir/take #1, (left) & more.jpg", "take #1, (left) & more.jpg"),
        ("gs://b/x.PNG", "x.PNG"),
        ("C:\\data\\set\\x.jpg", "x.jpg"),
        ("photo.jpg", "photo.jpg"),
        ("https://h.test/item/5", "5"),
        ("https://h.test/", ""),
        ("https://h.test/a/..", ""),
        ('a/x"<y>|z*.jpg', "x_y_z_.jpg"),
        ("a/gpj.\u202egnp.exe", "gpj._gnp.exe"),
        ("a/" + "n" * 300 + ".jpg", "n" * 96 + ".jpg"),
    ],
)
def test_the_name_is_what_the_file_would_be_called(address, leaf):
    assert leaf_of(address) == leaf
    assert image(row_data=address, global_key="task-1")["file_name"] == (
        f"000000000012-{leaf}" if leaf else "0" * 10 + "12"
    )


@given(st.text(st.sampled_from("ab./?#\\\n:%2F &=d"), max_size=16))
def test_whatever_the_address_the_name_is_one_part_and_the_short_way_to_it_is_right(address):
    leaf = leaf_of(address)
    assert leaf == _leaf_of_any(address)
    assert not set(leaf) & set('/\\:*?"<>|\n')
    assert leaf == leaf.strip(". ")


@pytest.mark.parametrize(
    ("row_data", "beside"),
    [
        ("https://h.test/a.jpg", {"coco_url": "https://h.test/a.jpg"}),
        ("s3://b/north/0001.jpg", {"source": "s3://b/north/0001.jpg"}),
        ("/data/upload/1/图片 一.jpg", {"source": "/data/upload/1/图片 一.jpg"}),
        ("scans/17", {"source": "scans/17"}),
        ("data:image/png;base64,iVBORw0KGgo=", {"source": "data:image/png;base64,iVBORw0KGgo="}),
        ("data:image/png;base64," + "A" * 9_000, {}),
        ("A text of two words", {}),
        ('{"pages":["a.jpg"]}', {}),
        ("", {}),
    ],
)
def test_beside_a_name_that_we_made_stands_the_address(row_data, beside):
    found = image(row_data=row_data, global_key="task-1", size=None)
    assert {key: found[key] for key in found.keys() - {"id", "file_name"}} == beside


def test_pictures_of_one_name_in_two_folders_are_told_apart():
    north, south = (
        image(number, row_data=f"s3://b/{folder}/0001.jpg", global_key=f"task-{number}")
        for number, folder in ((1, "north"), (2, "south"))
    )
    assert (north["file_name"], north["source"]) == ("000000000001-0001.jpg", "s3://b/north/0001.jpg")
    assert (south["file_name"], south["source"]) == ("000000000002-0001.jpg", "s3://b/south/0001.jpg")


def test_a_picture_that_lies_in_its_address_is_named_by_its_key():
    inline = "data:image/jpeg;base64,/9j/4AAQ"
    assert image(row_data=inline, global_key="task-8")["file_name"] == "000000000012-task-8.jpeg"
    assert image(row_data=inline, global_key=inline)["file_name"] == "000000000012-picture.jpeg"


def test_text_gives_no_name():
    for text in ("Two birds\nsit here", "One bird sits here.", '{"text":"a.jpg"}'):
        assert image(row_data=text, global_key="task-1")["file_name"] == "000000000012"


def test_an_external_id_names_the_file_unless_only_the_address_has_an_extension():
    address = "https://h.test/x/photo.jpg"
    named = image(external_id="set/IMG 7.jpg", row_data=address, global_key="k")
    assert named["file_name"] == "000000000012-IMG 7.jpg"
    numbered = image(external_id="4711", row_data=address, global_key="k")
    assert numbered["file_name"] == "000000000012-photo.jpg"
    assert image(external_id="4711", row_data="https://h.test/x/1", global_key="k")["file_name"] == "000000000012-4711"


def test_where_the_source_gave_only_a_web_address_its_last_part_is_the_name():
    url = "http://images.test/train2017/000000391895.jpg"
    source = {"coco_url": url, "license": 1}
    found = image(coco=source, global_key=url, row_data=url)
    assert (found["file_name"], found["coco_url"], found["license"]) == ("000000391895.jpg", url, 1)
    assert file_name_of(document(coco=source, global_key=url, row_data=url), 1) == FileName("000000391895.jpg", False)


def test_such_a_name_gets_the_data_set_too():
    url = "http://images.test/train2017/1.jpg?x=1"
    names = [image(coco={"coco_url": url}, global_key=key, row_data=url)["file_name"] for key in (url, f"north/{url}")]
    assert names == ["1.jpg", "north/1.jpg"]


def test_a_name_of_the_source_stays_and_gets_the_data_set_that_its_key_has():
    source = {"file_name": "0001.jpg"}
    assert image(coco=source, global_key="0001.jpg")["file_name"] == "0001.jpg"
    assert image(coco=source, global_key="0001.jpg#7")["file_name"] == "0001.jpg"
    assert image(coco=source, global_key="north/0001.jpg")["file_name"] == "north/0001.jpg"
