"""A task with several pictures becomes a row a picture, each with its own address, size and regions; where it cannot be
told on which picture a region lies, the task is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connections.store.import_row import IncomingRow
from connections.store.notes import CARRIED, OTHER, UNFINISHED
from tests.connections.store.importing import read, write

SIZES = [(1000, 500), (200, 2000), (300, 300)]
LISTED = {"pages": ["https://h.test/p1.jpg", "https://h.test/p2.jpg"]}


def region(identity: str, control: str = "image", page: int | None = None, size: int = 0, **more: Any) -> dict:
    width, height = SIZES[size]
    made = {
        "id": identity,
        "type": "rectanglelabels",
        "from_name": "label",
        "to_name": control,
        "original_width": width,
        "original_height": height,
        "value": {"x": 10, "y": 20, "width": 30, "height": 40, "rectanglelabels": [f"class {identity}"]},
        **more,
    }
    return made if page is None else {**made, "item_index": page}


def answer(control: str = "image", choice: str = "good", identity: str = "c", **more: Any) -> dict:
    made = {"id": identity, "type": "choices", "from_name": "quality", "to_name": control}
    return {**made, "value": {"choices": [choice]}, **more}


def task(data: dict, *results: dict, identity: Any = 7, **more: Any) -> dict:
    annotation = {"id": 101, "completed_by": 3, "lead_time": 12.5, "result": list(results)}
    named = {} if identity is None else {"id": identity}
    return {**named, "data": data, "annotations": [annotation] if results else [], **more}


@pytest.fixture
def take(tmp_path: Path) -> Any:
    def take(*tasks: dict) -> list[IncomingRow]:
        rows, reading = read_all(tmp_path, *tasks)
        assert not reading.refused, reading.refused
        return rows

    return take


@pytest.fixture
def why(tmp_path: Path) -> Any:
    def why(*tasks: dict) -> str:
        rows, reading = read_all(tmp_path, *tasks)
        assert (rows, reading.rows_refused) == ([], 1)
        return reading.refused[0].reason

    return why


def read_all(folder: Path, *tasks: dict) -> Any:
    return read("label_studio_json", write(folder, list(tasks)), rows_are_elements=False)


def noted(reading: Any, kind: str) -> list[Any]:
    return [note for note in reading.row_notes.as_json() if note["kind"] == kind]


def marks(row: IncomingRow) -> list[str]:
    return [mark["feature_id"] for label in row.labels for mark in label.objects]


def shown(rows: list[IncomingRow]) -> list[tuple[str, str, Any, list[str]]]:
    return [(row.key, row.row_data, row.media_attributes.get("width"), marks(row)) for row in rows]


def test_pages_of_a_list_are_rows_with_their_own_size_and_regions(take):
    rows = take(task(LISTED, region("a", page=0), region("b", page=1, size=1), region("c", page=0)))
    assert shown(rows) == [
        ("task-7/page-1", "https://h.test/p1.jpg", 1000, ["a", "c"]),
        ("task-7/page-2", "https://h.test/p2.jpg", 200, ["b"]),
    ]
    assert rows[1].labels[0].objects[0]["bounding_box"] == {"left": 20.0, "top": 400.0, "width": 60.0, "height": 800.0}
    assert [(row.row_id, row.number, row.status, row.part_of) for row in rows] == [
        ("7/page-1", None, "review", "task-7"),
        ("7/page-2", None, "review", "task-7"),
    ]
    assert [row.source_extra["label_studio"]["data"] for row in rows] == [{"pages": each} for each in LISTED["pages"]]


def test_layers_of_one_image_are_rows(take):
    layers = [f"/data/local-files/?d=layer_{n}/image.png" for n in range(2)]
    rows = take(task({"image": layers}, region("a", page=0), region("b", page=1, size=2)))
    assert shown(rows) == [("task-7/page-1", layers[0], 1000, ["a"]), ("task-7/page-2", layers[1], 300, ["b"])]


def test_a_page_without_regions_is_a_row_that_was_looked_at(take):
    rows = take(task({"pages": [*LISTED["pages"], "https://h.test/p3.jpg"]}, region("a", page=1)))
    assert [(row.key, marks(row), len(row.labels), row.status) for row in rows] == [
        ("task-7/page-1", [], 1, "review"),
        ("task-7/page-2", ["a"], 1, "review"),
        ("task-7/page-3", [], 1, "review"),
    ]


def test_pages_that_nobody_has_labelled_are_rows_too(take):
    assert [(row.key, row.row_data, row.status) for row in take(task(LISTED))] == [
        ("task-7/page-1", "https://h.test/p1.jpg", "to_label"),
        ("task-7/page-2", "https://h.test/p2.jpg", "to_label"),
    ]


def test_a_repeater_counts_by_the_names_of_its_controls(take):
    data = {"document": [{"page": f"s3://b/{n}.png", "text": "some"} for n in range(3)]}
    rows = take(task(data, region("a", "page_2", from_name="labels_2"), answer("page_1", "bad"), region("b", "page_0")))
    assert shown(rows) == [
        ("task-7/page-1", "s3://b/0.png", 1000, ["b"]),
        ("task-7/page-2", "s3://b/1.png", None, []),
        ("task-7/page-3", "s3://b/2.png", 1000, ["a"]),
    ]
    assert [len(row.labels[0].classifications) for row in rows] == [0, 1, 0]
    assert rows[2].source_extra["label_studio"]["data"] == {"document": {"page": "s3://b/2.png", "text": "some"}}


def test_answers_alone_go_to_the_pages_of_a_repeater(take):
    data = {"images": [{"url": "https://h.test/1.jpeg"}, {"url": "https://h.test/2.jpeg"}]}
    rows = take(task(data, answer("page_1", "bad"), answer("page_0", "good")))
    chosen = [[one["radio_answer"]["name"] for one in row.labels[0].classifications] for row in rows]
    assert chosen == [["good"], ["bad"]]


def test_one_page_of_a_repeater_is_that_page_beside_a_thumbnail(take):
    data = {"thumbnail": "t.jpg", "images": ["a.jpg", "b.jpg"]}
    rows = take(task(data, region("a", "page_1", from_name="labels_1")))
    assert [(row.key, row.row_data, marks(row)) for row in rows] == [
        ("task-7/page-1", "a.jpg", []),
        ("task-7/page-2", "b.jpg", ["a"]),
    ]


def test_controls_that_are_called_as_keys_of_data_show_the_pictures_there(take):
    data = {"right": "/data/upload/1/r.jpg", "left": "/data/upload/1/l.jpg", "patient": "P 1"}
    rows = take(task(data, region("a", "left"), region("b", "right", size=1), answer("right", "bad")))
    assert shown(rows) == [
        ("task-7/right", "/data/upload/1/r.jpg", 200, ["b"]),
        ("task-7/left", "/data/upload/1/l.jpg", 1000, ["a"]),
    ]
    assert [len(row.labels[0].classifications) for row in rows] == [1, 0]
    assert rows[0].source_extra["label_studio"]["data"] == data
    assert rows[0].source_extra["label_studio"]["picture"] == {"name": "right", "place": "1 of 2"}


def test_nothing_is_lost_or_doubled(take):
    whole, of_page = answer("image", "whole", "w"), answer("image", "page", "p", item_index=1)
    of_region = answer("image", "region", "b")
    results = [region("a", page=0), region("b", page=1), whole, of_page, of_region]
    relation = {"type": "relation", "from_id": "b", "to_id": "b", "direction": "right"}
    one = task(LISTED, *results, relation)
    second = {"id": 102, "completed_by": 4, "result": [region("z", page=1)]}
    one["annotations"].append(second)
    one["predictions"] = [{"id": 1, "result": [region("q", page=1)]}]
    first_page, second_page = take(one)
    assert marks(first_page) + marks(second_page) == ["a", "b", "z"]
    assert [a["radio_answer"]["name"] for a in first_page.labels[0].classifications] == ["whole"]
    assert [a["radio_answer"]["name"] for a in second_page.labels[0].classifications] == ["page"]
    assert [len(mark["classifications"]) for mark in second_page.labels[0].objects] == [1]
    assert [len(row.labels[0].relationships) for row in (first_page, second_page)] == [0, 1]
    assert [label.label_id for row in (first_page, second_page) for label in row.labels] == ["101", "102"] * 2
    times = [label.performance.get("seconds_to_create") for label in (first_page.labels[0], second_page.labels[0])]
    assert times == [12, None]
    kept = [row.source_extra["label_studio"]["predictions"] for row in (first_page, second_page)]
    assert [[region["id"] for each in one for region in each["result"]] for one in kept] == [[], ["q"]]


def test_what_the_task_says_at_length_stands_with_its_first_picture_only(take):
    data = {**LISTED, "patient": "P 1", "words": "w" * 2_000, "boxes": [{"n": n} for n in range(50)]}
    first, second = (
        row.source_extra["label_studio"] for row in take(task(data, region("a", page=1), project=3, meta={"a": [1]}))
    )
    assert first["data"] == {**data, "pages": LISTED["pages"][0]} and first["meta"] == {"a": [1]}
    assert second["data"] == {"pages": LISTED["pages"][1], "patient": "P 1"}
    assert (first["project"], second["project"], "meta" in second) == (3, 3, False)


def test_a_task_of_endless_pictures_is_refused(why):
    data = {"pages": [f"{n}.jpg" for n in range(60_000)]}
    assert "too many for one task" in why(task(data, region("a", page=1)))


def test_a_relation_between_two_pages_stays_with_its_beginning_and_is_noted(tmp_path):
    relation = {"type": "relation", "from_id": "b", "to_id": "a", "direction": "right"}
    rows, reading = read_all(tmp_path, task(LISTED, region("a", page=0), region("b", page=1), relation))
    assert [len(row.labels[0].relationships) for row in rows] == [0, 1]
    (note,) = noted(reading, CARRIED)
    assert note["count"] == 1 and "relations from one picture" in note["text"]
    (note,) = noted(reading, OTHER)
    assert (note["count"], note["example"]) == (1, "row 1 (line 1, byte 1): 2 rows")


def test_a_list_of_one_picture_is_a_task_with_one_picture(take):
    for results in ((), (region("a"),), (region("a", page=0),)):
        (row,) = take(task({"pages": ["https://h.test/p1.jpg"]}, *results))
        assert (row.key, row.row_data, row.row_id, row.number) == ("task-7", "https://h.test/p1.jpg", "7", 7)


def test_without_an_id_a_pages_address_is_its_key(take):
    assert [row.key for row in take(task(LISTED, region("a", page=1), identity=None))] == LISTED["pages"]


def test_tasks_of_before_1_0_have_pages_too(take):
    old = task(LISTED, region("a", page=0), region("b", page=1))
    old["completions"] = old.pop("annotations")
    assert [marks(row) for row in take(old)] == [["a"], ["b"]]


@pytest.mark.parametrize(
    ("data", "results"),
    [
        ({"image": "a.jpg"}, [region("a", "image"), answer("image")]),
        ({"image": "a.jpg", "text": "A bird"}, [region("a", "image"), answer("text")]),
        ({"image": "a.jpg", "similar": ["b.jpg", "c.jpg"]}, [region("a", "image")]),
        ({"image": "a.jpg", "similar": ["b.jpg", "c.jpg"]}, [region("a", "image1", from_name="label")]),
        ({"image": "a.jpg", "tags": ["x", "y"]}, [region("a", "image", page=0)]),
        ({"image": "a.jpg", "page": "https://shop.test/5"}, [region("a", "img"), region("b", "img2")]),
        ({"photo": "a.jpg", "ocr": [{"text": "A", "x": 1}]}, [region("a", "img")]),
        ({"photo": "a.jpg", "lead": {"image": "b.jpg"}}, [region("a", "img")]),
    ],
)
def test_a_task_with_one_picture_stays_one_row(take, data, results):
    (row,) = take(task(data, *results))
    assert (row.key, row.row_data, row.number) == ("task-7", "a.jpg", 7)
    assert row.source_extra == {"label_studio": {"id": 7, "data": data}}


NAMED = {"id": "n", "type": "labels", "from_name": "l", "to_name": "text", "value": {"start": 0, "end": 3}}


@pytest.mark.parametrize(
    ("data", "results"),
    [
        ({"text": "Two birds", "urls": ["https://h.test/1", "https://h.test/2"]}, [NAMED]),
        ({"text": "Two birds", "figures": ["a.png", "b.png"]}, [NAMED]),
        ({"text": "Two birds", "figures": ["a.png", "b.png"]}, []),
        ({"article": "Two birds", "figures": ["a.png", "b.png"]}, [{**NAMED, "to_name": "article"}]),
        ({"title": "Birds", "urls": ["https://h.test/1", "https://h.test/2"]}, []),
        ({"a": ["1.png", "2.png"], "b": ["3.png", "4.png"]}, [answer("whole")]),
        ({"urls": ["https://h.test/1", "https://h.test/2"]}, [answer("text1"), answer("text2")]),
        ({"messages": [{"role": "user", "content": "Hello"}, {"role": "bot", "content": "Hi"}]}, []),
    ],
)
def test_a_list_beside_what_is_looked_at_makes_no_pages(take, data, results):
    (row,) = take(task(data, *results))
    assert row.key == "task-7"
    assert row.row_data == data.get("text", row.row_data)


@pytest.mark.parametrize(
    ("data", "results", "reason"),
    [
        (
            {"left": "l.jpg", "right": "r.jpg"},
            [region("a", "img1"), region("b", "img2", size=1)],
            "regions lie on 2 pictures ('img1', 'img2'), and data has no 'img1', 'img2'",
        ),
        ({"left": "l.jpg", "right": "r.jpg"}, [region("a", "left"), region("b", "img2")], "data has no 'img2'"),
        ({"image": "a.jpg"}, [region("a", "img1"), region("b", "img2", size=1)], "which picture is whose"),
        (LISTED, [region("a"), region("b", page=1)], "annotation 1: region 1: does not say (item_index)"),
        (
            LISTED,
            [region("a")],
            "annotation 1: region 1: does not say (item_index) on which of the 2 pictures in 'pages'",
        ),
        (LISTED, [region("a", page=0), region("b", page=2)], "region 2: lies on picture 2, counted from 0, of the 2"),
        (LISTED, [region("a", page=-1)], "lies on picture -1"),
        (LISTED, [region("a", page="1")], "lies on picture '1'"),
        (LISTED, [region("a", "page_1"), region("b", "page_2")], "region 2: lies on picture 2, counted from 0"),
        (LISTED, [region("a", "page_0"), region("b", "page_1"), region("c", None)], "does not say (to_name)"),
        ({"image": "a.jpg"}, [region("a", page=1)], "data holds no list of pictures"),
        ({"a": ["1.jpg", "2.jpg"], "b": ["3.jpg", "4.jpg"]}, [region("a", "x", page=1)], "several lists of pictures"),
        (
            {"a": ["1.jpg", "2.jpg"], "b": ["3.jpg", "4.jpg"]},
            [region("a", "a", page=1), region("b", "b", page=1)],
            "lists of pictures of 2 controls: 'a', 'b'",
        ),
        (LISTED, [region("a", page=0), {**region("b", page=1), "value": {}}], "picture page-2: annotation 1: region 1"),
    ],
)
def test_where_it_cannot_be_told_the_task_is_refused_whole(why, data, results, reason):
    assert reason in why(task(data, *results))


def test_a_task_with_predictions_alone_is_noted_once(tmp_path):
    predicted = [{"result": [region("a", page=0), region("b", page=1)]}]
    rows, reading = read_all(tmp_path, task(LISTED, predictions=predicted), task(LISTED, identity=8, drafts=[5]))
    (note,) = noted(reading, UNFINISHED)
    assert (len(rows), note["count"]) == (4, 2)
    assert "only predictions or drafts" in note["text"]


def test_predictions_alone_refuse_nothing(take):
    predicted = [{"result": [region("a"), region("b", page=9), region("c", page=1)]}]
    rows = take(task(LISTED, predictions=predicted))
    assert [
        [r["id"] for each in row.source_extra["label_studio"]["predictions"] for r in each["result"]] for row in rows
    ] == [
        ["a", "b"],
        ["c"],
    ]
    (odd,) = take(task({"image": "a.jpg"}, predictions=[{"result": [region("a", "x", page=3), region("b", "y")]}]))
    assert odd.row_data == "a.jpg"


def test_whatever_stands_where_a_page_is_named_the_task_goes_in_or_is_refused(tmp_path):
    junk = [None, True, -1, 2.5, "", "x", [], {}, [1], {"a": 1}]
    tasks = []
    for odd in junk:
        tasks += [
            task(LISTED, region("a", page=0), {**region("b"), "item_index": odd}),
            task(LISTED, region("a", page=0), {**region("b", page=1), "to_name": odd, "id": odd}),
            task({"pages": odd}, region("a", page=1)),
            task({"pages": [odd, "b.jpg"]}, region("a", page=1)),
            {**task(LISTED, region("a", page=1)), "predictions": odd, "drafts": [odd]},
            {**task(LISTED), "annotations": [{"result": odd}]},
            {**task(LISTED), "annotations": odd},
        ]
    rows, reading = read_all(tmp_path, *[{**each, "id": index} for index, each in enumerate(tasks)])
    taken = {row.row_id.split("/")[0] for row in rows}
    assert len(taken) + reading.rows_refused == len(tasks)
    assert json.dumps([row.source_extra for row in rows])


@st.composite
def marked_tasks(draw: Any) -> tuple[dict, dict[str, str]]:
    """A task whose pictures can be told apart, and on which picture (by address) each of its regions lies."""
    count = draw(st.integers(1, 4))
    addresses = [f"s3://b/{draw(st.sampled_from(['north', 'south']))}/{n}.jpg" for n in range(count)]
    way = draw(st.sampled_from(["item_index", "repeater", "keys"]))
    nested = way == "repeater" and draw(st.booleans())
    data: dict[str, Any] = {"pages": [{"url": each, "n": 1} for each in addresses] if nested else addresses}
    if way == "keys":
        data = {f"view {n}": each for n, each in enumerate(addresses)}
    expected: dict[str, str] = {}
    annotations = []
    for number in range(draw(st.integers(1, 3))):
        results = []
        for _ in range(draw(st.integers(0, 5))):
            page, identity = draw(st.integers(0, count - 1)), f"r{len(expected)}"
            expected[identity] = addresses[page]
            control = {"item_index": "image", "repeater": f"page_{page}", "keys": f"view {page}"}[way]
            results.append(region(identity, control, page if way == "item_index" else None, page % 3))
        if results and draw(st.booleans()):
            results.append({**answer("image", identity=results[-1]["id"]), "to_name": results[-1]["to_name"]})
        annotations.append({"id": number, "result": draw(st.permutations(results))})
    return {"id": draw(st.integers(1, 9)), "data": data, "annotations": annotations}, expected


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(marked_tasks())
def test_every_region_is_on_its_own_picture_once_and_has_that_pictures_size(tmp_path, made):
    given_task, expected = made
    rows, reading = read_all(tmp_path, given_task)
    assert not reading.refused
    lies = [(mark["feature_id"], row) for row in rows for label in row.labels for mark in label.objects]
    assert sorted(identity for identity, _ in lies) == sorted(expected)
    for identity, row in lies:
        assert row.row_data == expected[identity]
        page = int(row.row_data.rpartition("/")[2][0])
        assert (row.media_attributes["width"], row.media_attributes["height"]) == SIZES[page % 3]
    results = sum(one["type"] == "choices" for each in given_task["annotations"] for one in each["result"])
    answered = [mark["classifications"] for row in rows for label in row.labels for mark in label.objects]
    assert sum(map(len, answered)) == results
