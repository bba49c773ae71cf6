"""A row as COCO objects."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycocotools import mask as coco_mask

from connections.rows.coco import SEPARATOR, render_coco
from connections.rows.outlines import outlines
from connections.rows.shapes import bounds, polygon_rings, ring_area
from tests.connections.rows.documents import box, document, label, line, mask, point, polygon, radio

CLASSES = {"can": 0, "bag": 5, '"},{"': 7}
SQUARE = [(1.0, 1.0), (5.0, 1.0), (5.0, 5.0), (1.0, 5.0)]


def marks_of(row: dict[str, Any], start: int = 1) -> Any:
    rendered = render_coco(row, number=4, annotation_start=start, class_numbers=CLASSES)[1]
    return orjson.loads(b"[" + rendered + b"]")


def image(row: dict[str, Any], number: int = 4) -> Any:
    return orjson.loads(render_coco(row, number=number, annotation_start=1, class_numbers=CLASSES)[0])


def test_the_bytes_of_a_row_are_these():
    row = document(
        label(
            box("can", 1.5, 2.0, 4.0, 3.5),
            polygon("bag", SQUARE),
            mask("can", [10, 20], "06R6"),
        )
    )
    rendered = render_coco(row, number=12, annotation_start=100, class_numbers=CLASSES)
    assert rendered == (
        b'{"id":12,"width":20,"height":10,"file_name":"photo.jpg","coco_url":"https://pictures.test/a/photo.jpg"}',
        b'{"id":100,"image_id":12,"category_id":0,"segmentation":[],"area":14.0,"bbox":[1.5,2.0,4.0,3.5],"iscrowd":0},\n'
        b'{"id":101,"image_id":12,"category_id":5,"segmentation":[[1.0,1.0,5.0,1.0,5.0,5.0,1.0,5.0]],"area":16.0,'
        b'"bbox":[1.0,1.0,4.0,4.0],"iscrowd":0},\n'
        b'{"id":102,"image_id":12,"category_id":0,"segmentation":{"size":[10,20],"counts":"06R6"},"area":6,'
        b'"bbox":[0.0,0.0,1.0,6.0],"iscrowd":0}',
    )


def test_a_class_without_a_number_is_an_error():
    with pytest.raises(KeyError, match="unheard"):
        marks_of(document(label(box("unheard", 0, 0, 1, 1))))


def test_a_row_without_objects_has_an_image_and_no_annotations():
    assert marks_of(document(label(radio("quality", "good")))) == []
    assert marks_of(document()) == []
    assert image(document())["id"] == 4


def test_what_coco_cannot_hold_keeps_its_place_in_the_ids():
    row = document(
        label(line("can", (0, 0), (1, 1)), box("can", 0, 0, 1, 1)),
        label(point("can", 1, 1), {**box("can", 0, 0, 1, 1), "annotation_kind": "ImageCuboid"}, box("bag", 0, 0, 1, 1)),
    )
    assert [(one["id"], one["category_id"]) for one in marks_of(row, start=50)] == [(51, 0), (54, 5)]


def test_all_rings_are_printed_and_their_areas_added_whatever_way_round_they_go():
    near = [(6.0, 2.0), (6.0, 3.0), (7.0, 3.0), (7.0, 2.0), (6.0, 2.0)]
    far = [(100.0, 50.0), (104.0, 50.0), (100.0, 53.0)]
    (one,) = marks_of(document(label(polygon("bag", SQUARE, near, far))))
    assert [len(ring) for ring in one["segmentation"]] == [8, 10, 6]
    assert one["area"] == 16 + 1 + 6
    assert one["bbox"] == [1.0, 1.0, 103.0, 52.0]


def test_a_masks_area_and_box_are_those_of_pycocotools():
    picture = np.zeros((10, 20), np.uint8, order="F")
    picture[2:7, 4:9] = 1
    picture[9, 19] = 1
    counts = coco_mask.encode(picture)["counts"].decode()
    (one,) = marks_of(document(label(mask("can", [10, 20], counts))))
    assert (one["area"], one["bbox"]) == (26, [4.0, 2.0, 16.0, 8.0])
    assert np.array_equal(coco_mask.decode(one["segmentation"]), picture)


def test_what_the_source_said_in_coco_is_printed_again():
    source = {"id": 9, "bbox": [1, 1, 4, 4], "area": 15.5, "iscrowd": 1, "keypoints": [1, 2, 2], "num_keypoints": 1}
    (one,) = marks_of(document(label(polygon("bag", SQUARE, source_extra={"coco": source}))), start=33)
    assert one == {
        "id": 9,
        "image_id": 4,
        "category_id": 5,
        "segmentation": [[1.0, 1.0, 5.0, 1.0, 5.0, 5.0, 1.0, 5.0]],
        "area": 15.5,
        "bbox": [1, 1, 4, 4],
        "iscrowd": 1,
        "keypoints": [1, 2, 2],
        "num_keypoints": 1,
    }


@pytest.mark.parametrize(
    ("extra", "printed"),
    [
        ({"coco": {"id": 9}}, (9, None)),
        ({"coco": {"id": 2**63 - 1}}, (2**63 - 1, None)),
        ({"coco": {"id": 0}}, (0, None)),
        ({"coco": {"id": 9}, "coco_id": 12}, (12, 9)),
        ({"coco": {"id": "x"}, "coco_id": 12}, (12, "x")),
        ({"coco": {"id": 9}, "coco_id": 9}, (9, None)),
        ({"coco": {}, "coco_id": 12}, (12, None)),
        ({"coco_id": 12}, (12, None)),
        ({"coco": {"id": -1}}, (50, -1)),
        ({"coco": {"id": "x"}}, (50, "x")),
        ({"coco": {"id": 2**63}}, (50, 2**63)),
        ({"coco": {"id": True}}, (50, True)),
        ({"coco": {"area": 4}}, (50, None)),
        ({}, (50, None)),
    ],
)
def test_an_annotation_has_the_id_that_it_states_and_its_sources_beside_it_where_that_is_another(extra, printed):
    (one,) = marks_of(document(label(box("can", 0, 0, 2, 2, source_extra=extra))), start=50)
    assert (one["id"], one.get("source_id")) == printed
    assert "source_id" not in one or one["source_id"] is not None


@pytest.mark.parametrize(("source", "printed"), [({"id": 4}, None), ({"id": -1}, -1), ({"id": "x"}, "x"), ({}, None)])
def test_an_image_has_its_sources_id_beside_its_number_where_that_is_another(source, printed):
    row = document(coco=source)
    assert (image(row, number=4)["id"], image(row, number=4).get("source_id")) == (4, printed)


def test_a_source_cannot_smuggle_in_geometry():
    source = {"id": 1, "image_id": 8, "category_id": 7, "segmentation": [[0, 0]]}
    (one,) = marks_of(document(label(box("can", 0, 0, 2, 2, source_extra={"coco": source}))))
    assert (one["id"], one["image_id"], one["category_id"], one["segmentation"], one["area"]) == (1, 4, 0, [], 4)


def test_keys_of_a_coco_image_are_printed_again_in_their_order():
    source = {"id": 7, "file_name": "batch_1/000006.JPG", "width": 1, "license": None, "flickr_url": "https://f.test/x"}
    row = document(coco=source, global_key="other.jpg")
    assert list(image(row, number=7).items()) == [
        ("id", 7),
        ("width", 20),
        ("height", 10),
        ("file_name", "batch_1/000006.JPG"),
        ("license", None),
        ("flickr_url", "https://f.test/x"),
    ]


@pytest.mark.parametrize(
    ("global_key", "external_id", "row_data", "expected"),
    [
        ("set/photo 1.jpg", None, "x", "set/photo 1.jpg"),
        ("漢字.png", None, "x", "漢字.png"),
        ("../../etc/passwd.txt", None, "s3://bucket/a/photo.jpg", "000000000012-photo.jpg"),
        ("/etc/photo.jpg", None, "", "000000000012"),
        ("https://h.test/a/b.jpg", None, "https://h.test/a/b.jpg?sig=a/b#c", "000000000012-b.jpg"),
        ("a\r\nX: y.jpg", "frame=1;.jpg", "", "000000000012-frame=1;.jpg"),
        ("key-1", "../..", "", "000000000012"),
        ("key-1", None, "Two birds\nsee photo.jpg", "000000000012"),
    ],
)
def test_a_file_name_is_a_plain_relative_name_and_unique(global_key, external_id, row_data, expected):
    row = document(global_key=global_key, external_id=external_id, row_data=row_data)
    assert image(row, number=12)["file_name"] == expected


def test_a_picture_of_unknown_size_has_none():
    assert image(document(size=None)).keys() == {"id", "file_name", "coco_url"}


def test_text_that_looks_like_json_stays_text():
    row = document(label(box('"},{"', 0, 0, 1, 1), box("can", 0, 0, 1, 1)), global_key='a","id":1.jpg')
    rendered = render_coco(row, number=4, annotation_start=1, class_numbers=CLASSES)
    assert len(rendered[1].split(SEPARATOR)) == 2
    assert image(row)["id"] == 4


NUMBERS = (
    st.floats(-1e9, 1e9, width=32) | st.integers(-(10**9), 10**9) | st.sampled_from([1e-7, 1e-12, 0.1 + 0.2, -0.0])
)
SOURCES: st.SearchStrategy[Any] = st.none() | st.dictionaries(
    st.sampled_from(["area", "bbox", "image_id", "note", 'a"b']), st.none() | st.text(max_size=3) | st.just([])
)


@given(
    st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS, NUMBERS, SOURCES), max_size=3),
    st.lists(st.tuples(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=5), SOURCES), max_size=3),
)
def test_the_lines_are_what_a_json_writer_makes_of_the_objects(boxes, polygons):
    """Lines are put together from texts; their bytes are those of whole objects, written in one go. Figures of the
    source that are no figures are not printed."""
    marks = [box("can", *sides, source_extra={"coco": source}) for *sides, source in boxes]
    marks += [polygon("bag", ring, source_extra={"coco": source}) for ring, source in polygons]
    expected = []
    for identity, mark in enumerate(marks, start=7):
        source = mark["source_extra"]["coco"] or {}
        sides = mark.get("bounding_box")
        rings = [] if sides else polygon_rings(mark)
        area = sides["width"] * sides["height"] if sides else sum(ring_area(ring) for ring in rings)
        around = [sides[key] for key in ("left", "top", "width", "height")] if sides else bounds(rings)
        one = {
            "id": identity if source.get("id") is None else source["id"],
            "image_id": 4,
            "category_id": CLASSES[mark["name"]],
            "segmentation": rings,
            "area": area,
            "bbox": around,
            "iscrowd": 0,
        }
        expected.append(orjson.dumps({**one, **{key: value for key, value in source.items() if key not in one}}))
    row = document(label(*marks))
    rendered = render_coco(row, number=4, annotation_start=7, class_numbers=CLASSES)
    assert rendered[1] == SEPARATOR.join(expected)
    assert rendered == render_coco(row, number=4, annotation_start=7, class_numbers=CLASSES, drawn=outlines(row))
