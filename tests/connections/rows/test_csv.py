"""A row as CSV lines, in both profiles."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connections.rows.batch import PARTS
from connections.rows.coco import render_coco
from connections.rows.csv import COLUMNS, HEADER, render_csv, with_columns, without_parts
from exportadmin.lib.csv_cells import defused, is_formula
from tests.connections.rows.documents import box, checklist, document, label, line, mask, point, polygon, radio, text

NUMBERS = {"width", "height", "left", "top", "box_width", "box_height"}
HOSTILE = [
    "../../x",
    '=HYPERLINK("http://x.invalid","y"), "quoted",\nnew line; ünïcødé 漢字 \u2028 ../../etc/passwd',
    "a/b\r\nX: y",
    "\U0001f600" * 300,
    'ends with a quote"',
    '"',
    ",",
    "\r",
    "\x00\x0b\x85",
    "=",
    "@SUM(1)",
    "＝1+1",
    "\t=1",
    "\n=1",
    'north;=1+1|@SUM(1)\t"-1',
    " leading and trailing ",
    "'",
]


def render(row: dict[str, Any]) -> tuple[bytes, bytes | None]:
    return render_csv(row, number=7)


def read(lines: bytes) -> list[dict[str, str]]:
    stream = io.StringIO((HEADER + lines).decode("utf-8"), newline="")
    return list(csv.DictReader(stream, strict=True))


def test_the_bytes_of_a_row_are_these():
    row = document(
        label(
            box("can", 1.5, 2.0, 4.0, 3.5, id="f1"),
            polygon("bag, big", [(1.0, 1.0), (5.0, 1.0), (5.0, 5.5)], id="f2"),
            mask("can", [10, 20], "06R6", id="f3"),
            line("can", (0.5, 1.0), (3.0, 0.0), id="f4"),
            point("can", 7.25, 8.0, id="f5"),
            radio("quality", "good", id="q1"),
            checklist("seen", "a", "b", id="q2"),
            text("note", 'say "hi"', id="q3"),
            skipped=True,
        ),
        external_id="ext-1",
    )
    head = "row1,photo.jpg,ext-1,accepted,batch1,20,10,l1,2024-04-08T16:21:26.000+00:00,ann@example.test,"
    expected = [
        "f1,box,can,,1.5,2.0,4.0,3.5,,true",
        'f2,polygon,"bag, big",,1.0,1.0,4.0,4.5,"[[1.0,1.0,5.0,1.0,5.0,5.5]]",true',
        "f3,mask,can,,0.0,0.0,1.0,6.0,06R6,true",
        'f4,polyline,can,,0.5,0.0,2.5,1.0,"[0.5,1.0,3.0,0.0]",true',
        'f5,point,can,,7.25,8.0,0.0,0.0,"[7.25,8.0]",true',
        "q1,classification,quality,good,,,,,,true",
        'q2,classification,seen,"[""a"",""b""]",,,,,,true',
        'q3,classification,note,"say ""hi""",,,,,,true',
    ]
    tail = ",https://pictures.test/a/photo.jpg,photo.jpg"
    assert render(row) == ("".join(f"{head}{one}{tail}\r\n" for one in expected).encode(), None)


def test_the_header_names_the_columns():
    assert HEADER.decode() == ",".join(COLUMNS) + "\r\n"


def test_a_row_without_labels_does_not_disappear():
    exact, _ = render(document(size=None))
    assert exact == b"row1,photo.jpg,,accepted,batch1" + b"," * 16 + b"https://pictures.test/a/photo.jpg,photo.jpg\r\n"


def test_a_label_without_annotations_does_not_disappear():
    lines = read(render(document(label(id="l1", skipped=True), label(box("can", 0, 0, 1, 1), id="l2")))[0])
    assert [(one["label_id"], one["kind"], one["is_skipped"]) for one in lines] == [
        ("l1", "", "true"),
        ("l2", "box", "false"),
    ]


def test_answers_inside_an_object_stand_in_its_value():
    marked = box("can", 0, 0, 1, 1, classifications=[radio("crushed", "yes"), checklist("seen", "a", "b")])
    (one,) = read(render(document(label(marked)))[0])
    assert json.loads(one["value"]) == {"crushed": "yes", "seen": ["a", "b"]}


def test_a_kind_that_we_do_not_know_keeps_what_it_says():
    cuboid = {**box("person", 0, 0, 1, 1), "annotation_kind": "ImageCuboid", "vertices": {"start": 1, "end": 4}}
    del cuboid["bounding_box"]
    (one,) = read(render(document(label(cuboid)))[0])
    assert (one["kind"], json.loads(one["geometry"])) == ("other", {"vertices": {"start": 1, "end": 4}})


def test_every_line_says_which_picture_it_is_as_coco_calls_it():
    row = document(label(box("can", 0, 0, 1, 1), text("note", "x")), global_key="task-7", row_data="s3://b/north/1.jpg")
    lines = read(render(row)[0])
    image = json.loads(render_coco(row, number=7, annotation_start=1, class_numbers={"can": 1})[0])
    assert [(one["row_data"], one["file_name"]) for one in lines] == [("s3://b/north/1.jpg", image["file_name"])] * 2
    assert image["file_name"] == "000000000007-1.jpg"


def test_data_that_lie_in_the_address_are_not_repeated_in_every_line():
    data = "data:image/png;base64," + "A" * 9_000
    (one,) = read(render(document(label(box("can", 0, 0, 1, 1)), row_data=data))[0])
    assert (one["row_data"], one["file_name"]) == ("", "photo.jpg")


def test_all_rings_of_a_polygon_are_there():
    rings = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0)], [(5.0, 5.0), (6.0, 5.0), (6.0, 7.0)]
    (one,) = read(render(document(label(polygon("bag", *rings))))[0])
    assert json.loads(one["geometry"]) == [[0, 0, 1, 0, 1, 1], [5, 5, 6, 5, 6, 7]]
    assert [one[name] for name in ("left", "top", "box_width", "box_height")] == ["0.0", "0.0", "6.0", "7.0"]


def hostile_row(content: str):
    return document(
        label(
            text(content, content, id=content),
            radio(content, content, id=content),
            box(content, -3.5, 2.0, 4.0, 3.5, id=content),
            id=content,
            by=content,
        ),
        row_id=content,
        global_key=content,
        external_id=content,
        status=content,
        batch_id=content,
        row_data=content,
        coco={"file_name": content},
    )


def expected_cells(content: str) -> list[list[str]]:
    head = [content] * 5 + ["20", "10", content, "2024-04-08T16:21:26.000+00:00", content, content]
    return [
        [*head, "box", content, "", "-3.5", "2.0", "4.0", "3.5", "", "false", content, content],
        [*head, "classification", content, content, "", "", "", "", "", "false", content, content],
        [*head, "classification", content, content, "", "", "", "", "", "false", content, content],
    ]


def check_round_trip(content: str) -> None:
    exact, safe = render(hostile_row(content))
    cells = expected_cells(content)
    assert list(csv.reader(io.StringIO(exact.decode(), newline=""), strict=True)) == cells
    assert (safe is not None) is is_formula(content)
    if safe is not None:
        spared = [[defused(content) if cell == content else cell for cell in one] for one in cells]
        assert list(csv.reader(io.StringIO(safe.decode(), newline=""), strict=True)) == spared


@pytest.mark.parametrize("content", HOSTILE)
def test_hostile_text_comes_back_exactly(content: str):
    check_round_trip(content)


TEXTS = st.text(
    st.one_of(st.sampled_from(list("=+-@\t\r\n＝＋－＠\",;' ")), st.characters(exclude_categories=["Cs"])),
    min_size=1,
    max_size=12,
)


@given(TEXTS.filter(lambda one: one not in {"20", "10", "box"}))
def test_any_text_comes_back_exactly(content: str):
    check_round_trip(content)


@given(st.lists(TEXTS, min_size=9, max_size=9), st.floats(-1e6, 1e6))
def test_every_text_cell_of_the_safe_profile_is_defused_and_nothing_else_is_changed(texts: list[str], left: float):
    row = document(
        label(
            box(texts[0], left, -2.0, 1.0, 1.0, id=texts[1], classifications=[text(texts[2], texts[3])]),
            text(texts[4], texts[5], id=texts[6]),
            mask("can", [10, 20], "@", id="f"),
        ),
        row_id=texts[7],
        global_key=texts[8],
    )
    exact, safe = render(row)
    assert safe is not None  # the mask's counts begin with "@"
    for before, after in zip(read(exact), read(safe), strict=True):
        for name, cell in after.items():
            if name in NUMBERS:
                assert cell == before[name]
            else:
                assert cell == defused(before[name])


def test_numbers_stay_numbers_in_the_safe_profile():
    (one,) = read(render(document(label(box("=x", -3.5, -0.25, 4.0, 3.5))))[1] or b"")
    assert (one["left"], one["top"], one["class"]) == ("-3.5", "-0.25", "'=x")


@pytest.mark.parametrize("content", HOSTILE)
def test_further_columns_stand_at_the_end_of_every_line(content: str):
    lines = render(hostile_row(content))[0]
    table = io.StringIO((with_columns(HEADER, ["dataset"]) + with_columns(lines, ['"a, b"'])).decode(), newline="")
    found = list(csv.DictReader(table, strict=True))
    assert [one.pop("dataset") for one in found] == ["a, b"] * 3
    assert found == read(lines)


@pytest.mark.parametrize("content", HOSTILE)
@pytest.mark.parametrize("profile", [0, 1])
def test_columns_of_a_part_that_was_left_out_are_empty_and_the_rest_is_untouched(content: str, profile: int):
    lines = render(hostile_row(content))[profile] or b""
    kept = frozenset(PARTS) - {"label_details", "project_details", "performance_details"}
    emptied = {"label_created_at", "label_created_by", "review_status", "batch_id", "is_skipped"}
    expected = [{name: "" if name in emptied else cell for name, cell in one.items()} for one in read(lines)]
    assert read(without_parts(lines, kept)) == expected
    assert without_parts(lines, frozenset(PARTS)) == lines
