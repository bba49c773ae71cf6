"""The yolo format: a text of lines for each picture, read back by a small reader of our own."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from connections.rows.batch import BODY, COCO, OntologyClass
from exportadmin.lib.errors import UserError
from exports.formats import FORMATS
from exports.formats.base import FormatContext, RefusedRow
from tests.connections.rows.documents import box, document, label, line, mask, polygon
from tests.exports.formats.archives import entries, index_of
from tests.exports.formats.running import ONTOLOGY, batch_of, run

FRAGMENTS = frozenset({COCO})
TRIANGLE = [(2.0, 1.0), (12.0, 1.0), (2.0, 9.0)]


def files_of(
    tmp_path: Path,
    *rows: Any,
    options: dict[str, str] | None = None,
    refused: list[RefusedRow] | None = None,
    columns: frozenset[str] = FRAGMENTS,
    ontology: Sequence[OntologyClass] = ONTOLOGY,
) -> dict[str, bytes]:
    batch = batch_of(rows, columns, ontology=ontology)
    return entries(run("yolo", [batch], tmp_path, options=options, refused=refused, ontology=ontology))


def lines_of(text: bytes) -> list[tuple[int, list[float]]]:
    """``(class, numbers)`` of each line."""
    return [(int(line.split()[0]), [float(each) for each in line.split()[1:]]) for line in text.decode().splitlines()]


def one(tmp_path: Path, *marks: Any, **named: Any) -> list[tuple[int, list[float]]]:
    return lines_of(files_of(tmp_path, document(label(*marks)), **named)["labels/photo.txt"])


# --- shapes ----------------------------------------------------------------------------------------------------------


def test_a_box_is_its_middle_and_its_size_as_shares_of_the_picture(tmp_path):
    assert one(tmp_path, box("bag", 2, 1, 10, 8), box("can", 0, 0, 20, 10)) == [
        (1, [0.35, 0.5, 0.5, 0.8]),
        (0, [0.5, 0.5, 1, 1]),
    ]


def test_around_a_polygon_and_a_mask_there_is_a_box(tmp_path):
    two, whole = polygon("can", TRIANGLE, [(15, 2), (19, 2), (19, 8)]), mask("can", [10, 20], "0X6")
    found = one(tmp_path, polygon("bag", TRIANGLE), two, whole)
    assert found == [(1, [0.35, 0.5, 0.5, 0.8]), (0, [0.525, 0.5, 0.85, 0.8]), (0, [0.5, 0.5, 1, 1])]


def test_segments_are_outlines_also_of_boxes(tmp_path):
    whole = mask("can", [10, 20], "0X6")
    found = one(tmp_path, polygon("bag", TRIANGLE), box("can", 2, 1, 10, 8), whole, options={"shapes": "segments"})
    assert found == [
        (1, [0.1, 0.1, 0.6, 0.1, 0.1, 0.9]),
        (0, [0.1, 0.1, 0.6, 0.1, 0.6, 0.9, 0.1, 0.9]),
        (0, [0, 0, 1, 0, 1, 1, 0, 1]),
    ]


def test_several_rings_are_one_outline_joined_by_ways_of_no_width(tmp_path):
    other = [(15, 2), (19, 2), (19, 8)]
    ((place, numbers),) = one(tmp_path, polygon("bag", TRIANGLE, other), options={"shapes": "segments"})
    points = [(round(x * 20, 3), round(y * 10, 3)) for x, y in zip(numbers[0::2], numbers[1::2], strict=True)]
    assert (place, points) == (1, [*TRIANGLE, TRIANGLE[0], *other, other[0], TRIANGLE[0]])


def test_mixed_is_as_label_studio_writes_it(tmp_path):
    found = one(tmp_path, box("can", 2, 1, 10, 8), polygon("bag", TRIANGLE), options={"shapes": "mixed"})
    assert [len(numbers) for _, numbers in found] == [4, 6]


def test_nothing_lies_outside_the_picture_and_what_has_no_extent_in_it_is_told(tmp_path):
    marks = box("can", -5, -5, 15, 30), box("can", 40, 2, 5, 5), polygon("can", [(-1, -1), (21, 5), (5, 30)])
    batch = batch_of([document(label(*marks))], FRAGMENTS)
    for shapes in ("boxes", "segments"):
        writer = FORMATS["yolo"](FormatContext("p", "P", ONTOLOGY, frozenset(), tmp_path, {"shapes": shapes}))
        content = b"".join([*writer.header(), *writer.rows(batch), *writer.footer()])
        found = lines_of(entries(content)["labels/photo.txt"])
        assert all(0 <= number <= 1 for _, numbers in found for number in numbers)
        assert writer.notes() == {"outside": 1} | ({"boxes_around": 1} if shapes == "boxes" else {})
        if shapes == "boxes":
            assert found == [(0, [0.25, 0.5, 0.5, 1]), (0, [1, 0.45, 0, 0.5]), (0, [0.5, 0.5, 1, 1])]


def test_a_row_of_unknown_size_is_refused_unless_there_is_nothing_on_it(tmp_path):
    refused: list[RefusedRow] = []
    rows = [
        document(label(box("can", 1, 1, 2, 2)), size=None, row_id="r1"),
        document(label(), size=None, row_id="r2", global_key="empty.jpg"),
        document(label(line("can", (1, 1), (2, 2))), size=None, row_id="r3", global_key="line.jpg"),
    ]
    files = files_of(tmp_path, *rows, refused=refused)
    assert [(each.row_id, each.code) for each in refused] == [("r1", "no_size")]
    assert "width None and height None" in refused[0].reason
    assert {name for name in files if name.startswith("labels/")} == {"labels/empty.txt", "labels/line.txt"}
    assert files["labels/empty.txt"] == b""
    assert index_of(files).keys() == {"r2", "r3"}


def test_a_mask_that_is_broken_is_the_row_s_fault(tmp_path):
    refused: list[RefusedRow] = []
    rows = document(label(box("can", 1, 1, 2, 2)), row_id="good"), document(row_id="bad", global_key="b.jpg")
    batch = batch_of(rows, FRAGMENTS)
    broken = b'{"id":1,"category_id":7,"segmentation":{"size":[10,20],"counts":"05"},"bbox":[0,0,1,1],"iscrowd":0}'
    batch.coco_annotations = [batch.coco_annotations[0], broken]
    files = entries(run("yolo", [batch], tmp_path, options={"shapes": "segments"}, refused=refused))
    assert [(each.row_id, each.index, each.code) for each in refused] == [("bad", 1, "unreadable")]
    assert set(index_of(files)) == {"good"}


def test_without_fragments_rows_are_looked_into_and_the_bytes_are_the_same(tmp_path):
    rows = [
        document(label(box("can", 1, 1, 2, 2), polygon("bag", TRIANGLE)), row_id=f"r{k}", global_key=f"{k}.jpg")
        for k in range(3)
    ]
    assert files_of(tmp_path, *rows) == files_of(tmp_path, *rows, columns=frozenset({BODY}))


# --- classes ---------------------------------------------------------------------------------------------------------

MANY = tuple(OntologyClass(number, name) for number, name in ((4, "van"), (9, "no"), (2, "a, b"), (5, "Ünit\u0085y")))


@pytest.mark.parametrize(
    ("order", "names"),
    [
        ("ontology", ["van", "no", "a, b", "Ünit\u0085y"]),
        ("alphabetical", ["a, b", "no", "van", "Ünit\u0085y"]),
        ('no, "a, b"', ["no", "a, b", "van", "Ünit\u0085y"]),
    ],
)
def test_classes_are_numbered_in_the_order_that_was_chosen(tmp_path, order, names):
    rows = document(label(box("no", 1, 1, 2, 2)))
    files = files_of(tmp_path, rows, options={"classes": order}, ontology=MANY)
    stated = yaml.safe_load(files["data.yaml"])
    assert (stated["nc"], stated["names"]) == (4, dict(enumerate(names)))
    assert [one["name"] for one in json.loads(files["notes.json"])["categories"]] == names
    assert files["classes.txt"].decode().split("\n")[names.index("no")] == "no"
    assert lines_of(files["labels/photo.txt"])[0][0] == names.index("no")


@pytest.mark.parametrize(
    ("order", "wrong"), [("no, vam", "'vam', which is no class of the ontology; such as van"), ("no,no", "'no' twice")]
)
def test_a_name_that_is_no_class_is_refused(tmp_path, order, wrong):
    with pytest.raises(UserError, match=wrong):
        files_of(tmp_path, document(), options={"classes": order}, ontology=MANY)


def test_further_labels_have_a_line_each_and_objects_without_a_class_none(tmp_path):
    first, further = box("can", 1, 1, 2, 2), box("bag", 1, 1, 2, 2, is_further_label=True)
    assert [place for place, _ in one(tmp_path, first, further, box("", 1, 1, 2, 2))] == [0, 1]


# --- files -----------------------------------------------------------------------------------------------------------


def test_data_yaml_finds_its_folders_beside_itself(tmp_path):
    stated = yaml.safe_load(files_of(tmp_path, document())["data.yaml"])
    assert (stated["train"], stated["val"]) == ("images", "images")
    assert "path" not in stated


def test_a_split_is_a_folder_and_an_empty_one_is_told(tmp_path):
    rows = [document(row_id=f"row-{number}", global_key=f"{number}.jpg") for number in range(30)]
    files = files_of(tmp_path, *rows, options={"split": "60/20/20"})
    stated = yaml.safe_load(files["data.yaml"])
    assert {name: stated[name] for name in ("train", "val", "test")} == {
        name: f"images/{name}" for name in ("train", "val", "test")
    }
    for row in index_of(files).values():
        assert row["file"] == f"labels/{row['split']}/{row['global_key'].removesuffix('.jpg')}.txt"
        assert row["picture"] == f"images/{row['split']}/{row['global_key']}"
        assert row["file"] in files
    writer = FORMATS["yolo"](FormatContext("p", "P", ONTOLOGY, frozenset(), tmp_path, {"split": "80/20"}))
    list(writer.header()), list(writer.rows(batch_of(rows[:1], FRAGMENTS))), list(writer.footer())
    assert writer.notes() == {"empty_splits": 1}


def test_pictures_with_the_same_name_have_files_of_their_own(tmp_path):
    keys = ["a/1.jpg", "a/1.png", "A_1.jpg", "b.jpg"]
    rows = [document(row_id=f"r{place}", global_key=key) for place, key in enumerate(keys)]
    for names, expected in {
        "flat": ["a_1", "000000000002-a_1", "000000000003-A_1", "b"],
        "folders": ["a/1", "a/000000000002-1", "A_1", "b"],
        "row_id": ["r0", "r1", "r2", "r3"],
    }.items():
        files = files_of(tmp_path, *rows, options={"names": names})
        assert [line["file"] for line in index_of(files).values()] == [f"labels/{name}.txt" for name in expected]
        assert [line["global_key"] for line in index_of(files).values()] == keys


@pytest.mark.parametrize(
    "name", ["../../x.jpg", "/etc/passwd", "C:\\x.jpg", "..\\..\\x.jpg", "a\x00.jpg", "", 5, "con.jpg"]
)
@pytest.mark.parametrize("names", ["flat", "folders"])
def test_whatever_a_picture_is_called_its_file_lies_below_labels(tmp_path, name, names):
    row = document(coco={"file_name": name, "id": 1}, row_id="../r")
    for options in ({"names": names}, {"names": "row_id"}):
        for member in files_of(tmp_path, row, options=options):
            parts = member.split("/")
            assert not {"..", ".", ""} & set(parts)
            assert not any(sign in member for sign in ':\\\0*?"<>|')
            assert len(parts) == 1 or parts[0] == "labels"


def test_what_was_written_is_counted_again(tmp_path):
    writer = FORMATS["yolo"](FormatContext("p", "P", ONTOLOGY, frozenset(), tmp_path, {}))
    rows = document(label(box("can", 1, 1, 2, 2), polygon("can", TRIANGLE))), document(global_key="b.jpg", row_id="b")
    list(writer.header()), list(writer.rows(batch_of(rows, FRAGMENTS)))
    assert (writer.read_back(0), writer.read_back(1)) == ({("", "can"): 2}, {})
    assert writer.annotations_written() == 2
    list(writer.footer())


def test_a_folder_called_images_does_not_lead_readers_astray(tmp_path):
    keys = ["a/images/1.jpg", "Images/b/2.jpg", "images.jpg", "myimages/3.jpg"]
    rows = [document(row_id=f"r{place}", global_key=key) for place, key in enumerate(keys)]
    files = files_of(tmp_path, *rows, options={"names": "folders", "split": "1/1"})
    lines = index_of(files)
    assert [found["picture"].split("/", 2)[2] for found in lines.values()] == [
        "a/images_/1.jpg",
        "Images_/b/2.jpg",
        "images.jpg",
        "myimages/3.jpg",
    ]
    for found in lines.values():
        # as Ultralytics looks for a text
        text = "/labels/".join(f"/{found['picture']}".rsplit("/images/", 1))
        assert found["file"] == text[1:].replace(".jpg", ".txt")


@pytest.mark.parametrize("names", ["flat", "folders"])
def test_no_name_is_longer_than_a_file_system_takes(tmp_path, names):
    keys = ["/".join(["folder" * 15] * 6) + f"/{place}.jpeg" for place in (1, 1, 2)] + ["字" * 90 + ".webp"]
    rows = [
        document(row_id=f"r{place}", global_key=f"k{place}", coco={"file_name": key, "id": place})
        for place, key in enumerate(keys)
    ]
    lines = list(index_of(files_of(tmp_path, *rows, options={"names": names})).values())
    assert len(lines) == 4
    for found in lines:
        for name in (found["file"], found["picture"]):
            assert max(len(part.encode()) for part in name.split("/")) <= 255
    assert lines[2]["picture"].endswith("2.jpeg"), "the end, which tells pictures apart, stays"


@pytest.mark.parametrize(("split", "is_said"), [("none", True), ("80/0/20", True), ("80/20", False)])
def test_data_yaml_says_where_val_is_train(tmp_path, split, is_said):
    text = files_of(tmp_path, document(), options={"split": split})["data.yaml"].decode()
    assert ("# the same pictures as train" in text) == is_said
    stated = yaml.safe_load(text)
    assert (stated["val"] == stated["train"]) == is_said
