"""The voc format: an XML file for each picture, read back by the standard library."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pycocotools import mask as coco_mask

from connections.rows.batch import COCO, OntologyClass
from exportadmin.lib.errors import UserError
from exports.formats import FORMATS
from exports.formats.base import FormatContext, RefusedRow
from tests.connections.rows.documents import box, document, label, mask, polygon
from tests.exports.formats.archives import entries, index_of
from tests.exports.formats.running import ONTOLOGY, batch_of, run

FRAGMENTS = frozenset({COCO})
WHOLE = coco_mask.encode(np.ones((80, 100), np.uint8, order="F"))["counts"].decode()
Found = tuple[str, tuple[int, ...]]


def files_of(
    tmp_path: Path,
    *rows: Any,
    options: dict[str, str] | None = None,
    refused: list[RefusedRow] | None = None,
    ontology: Sequence[OntologyClass] = ONTOLOGY,
) -> dict[str, bytes]:
    batch = batch_of(rows, FRAGMENTS, ontology=ontology)
    return entries(run("voc", [batch], tmp_path, options=options, refused=refused, ontology=ontology))


def read(xml: bytes) -> tuple[dict[str, str], list[Found]]:
    """``(file name, width, height …, (class, (xmin, ymin, xmax, ymax)) of each object)``."""
    root = ElementTree.fromstring(xml)
    head = {
        "file": root.findtext("filename") or "",
        **{str(one.tag): one.text or "" for one in root.iterfind("size/*")},
    }
    return head, [
        (
            one.findtext("name") or "",
            tuple(int(one.findtext(f"bndbox/{side}") or "") for side in ("xmin", "ymin", "xmax", "ymax")),
        )
        for one in root.iterfind("object")
    ]


def one(tmp_path: Path, *marks: Any, size: tuple[int, int] = (100, 80), **named: Any) -> list[Found]:
    return read(files_of(tmp_path, document(label(*marks), size=size), **named)["Annotations/photo.xml"])[1]


def test_pixels_count_from_one_and_the_last_is_the_box_s_own(tmp_path):
    assert one(tmp_path, box("can", 10, 20, 30, 40)) == [("can", (11, 21, 40, 60))]
    assert one(tmp_path, box("can", 10.5, 20.2, 30, 40)) == [("can", (11, 21, 41, 61))]
    # 30 of a hundred of 300, as shares of a picture become pixels
    assert one(tmp_path, box("can", 0.1 * 3 * 100, 0, 10 * 1.1, 40)) == [("can", (31, 1, 41, 40))]
    assert one(tmp_path, box("can", 0, 0, 100, 80)) == [("can", (1, 1, 100, 80))]


def test_from_zero_the_edges_of_a_box_stay_as_they_are(tmp_path):
    assert one(tmp_path, box("can", 10, 20, 30, 40), options={"origin": "0"}) == [("can", (10, 20, 40, 60))]
    assert one(tmp_path, box("can", 0, 0, 100, 80), options={"origin": "0"}) == [("can", (0, 0, 100, 80))]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(*[st.floats(-300, 300, allow_nan=False)] * 2, *[st.floats(0, 400)] * 2, st.sampled_from(["0", "1"]))
def test_a_box_is_never_turned_round_nor_outside_its_picture(tmp_path, left, top, width, height, origin):
    ((_, (xmin, ymin, xmax, ymax)),) = one(tmp_path, box("can", left, top, width, height), options={"origin": origin})
    assert int(origin) <= xmin <= xmax <= 100
    assert int(origin) <= ymin <= ymax <= 80


def test_the_picture_s_width_is_its_width_and_one_without_marks_has_a_file(tmp_path):
    files = files_of(tmp_path, document(size=(640, 480)), document(size=None, row_id="r2", global_key="b.jpg"))
    assert read(files["Annotations/photo.xml"]) == (
        {"file": "photo.jpg", "width": "640", "height": "480", "depth": "3"},
        [],
    )
    assert read(files["Annotations/b.xml"])[0]["width"] == "0"


def test_a_row_of_unknown_size_with_marks_is_refused(tmp_path):
    refused: list[RefusedRow] = []
    files_of(tmp_path, document(label(box("can", 1, 1, 1, 1)), size=None), refused=refused)
    assert [(each.row_id, each.code) for each in refused] == [("row1", "no_size")]


def test_boxes_around_polygons_and_masks_and_those_outside_are_told(tmp_path):
    marks = polygon("bag", [(2, 1), (12, 1), (2, 9)]), mask("can", [80, 100], WHOLE), box("can", 200, 5, 5, 5)
    writer = FORMATS["voc"](FormatContext("p", "P", ONTOLOGY, frozenset(), tmp_path, {}))
    batch = batch_of([document(label(*marks), size=(100, 80))], FRAGMENTS)
    files = entries(b"".join([*writer.header(), *writer.rows(batch), *writer.footer()]))
    assert read(files["Annotations/photo.xml"])[1] == [
        ("bag", (3, 2, 12, 9)),
        ("can", (1, 1, 100, 80)),
        ("can", (100, 6, 100, 10)),
    ]
    assert writer.notes() == {"boxes_around": 2, "outside": 1}


def test_names_are_escaped_and_counted_again(tmp_path):
    hostile = OntologyClass(1, '</name>&<x a="b">\r]]>'), OntologyClass(2, "Ünit")
    row = document(
        label(box(hostile[0].name, 1, 1, 2, 2), box("Ünit", 1, 1, 2, 2)), coco={"file_name": "a&<b.jpg", "id": 1}
    )
    files = files_of(tmp_path, row, ontology=hostile)
    head, found = read(files["Annotations/a&_b.xml"])
    assert head["file"] == "a&_b.jpg"
    assert [name for name, _ in found] == [hostile[0].name, "Ünit"]
    writer = FORMATS["voc"](FormatContext("p", "P", hostile, frozenset(), tmp_path, {}))
    list(writer.header()), list(writer.rows(batch_of([row], FRAGMENTS, ontology=hostile))), list(writer.footer())
    assert writer.read_back(0) == {("", hostile[0].name): 1, ("", "Ünit"): 1}


def test_a_class_that_no_xml_can_hold_is_refused_at_once(tmp_path):
    with pytest.raises(UserError, match=r"class 'a\\x01' has a U\+0001 in its name, which no XML file can hold"):
        files_of(tmp_path, document(), ontology=[OntologyClass(1, "a\x01")])


def test_lists_of_splits_hold_every_stem_once(tmp_path):
    rows = [document(row_id=f"row-{number}", global_key=f"{number}.jpg") for number in range(30)]
    files = files_of(tmp_path, *rows, options={"split": "60/20/20"})
    listed = {split: files[f"ImageSets/Main/{split}.txt"].decode().split() for split in ("train", "val", "test")}
    assert sorted(chain.from_iterable(listed.values())) == sorted(map(str, range(30)))
    for line in index_of(files).values():
        assert line["global_key"].removesuffix(".jpg") in listed[line["split"]]
    assert files_of(tmp_path, *rows)["ImageSets/Main/train.txt"].decode().split() == [str(each) for each in range(30)]


def test_the_label_map_has_the_order_of_the_classes_and_the_devkit_s_colours(tmp_path):
    files = files_of(tmp_path, document(), options={"classes": "alphabetical"})
    assert files["labelmap.txt"].decode().splitlines() == ["background:0,0,0::", "bag:128,0,0::", "can:0,128,0::"]
    assert "labelmap.txt" not in files_of(tmp_path, document(), ontology=[OntologyClass(1, "a:b")])
