"""One Label Studio id, one shape: its classes and its answers come to it, whatever control says them."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from connections.store.import_row import IncomingLabel
from tests.connections.store.importing import read, write
from tests.connections.store.test_import_label_studio import MASK, region, task

Json = dict[str, Any]
Take = Callable[..., IncomingLabel]

PLACE = {"x": 10, "y": 20, "width": 30, "height": 40, "rotation": 0}
RING = {"points": [[10, 10], [50, 10], [50, 50]], "closed": True}
# the geometry key, the control without labels, the one with them, and what both say of the place
SHAPES: dict[str, tuple[str, str, Json]] = {
    "bounding_box": ("rectangle", "rectanglelabels", PLACE),
    "polygon": ("polygon", "polygonlabels", RING),
    "point": ("keypoint", "keypointlabels", {"x": 10, "y": 20, "width": 0.5}),
    "mask": ("brush", "brushlabels", {"format": "rle", "rle": MASK}),
    "": ("ellipse", "ellipselabels", {"x": 50, "y": 50, "radiusX": 10, "radiusY": 20, "rotation": 0}),
}
# type → (value, what the answer says)
ANSWERS: dict[str, tuple[Json, Json]] = {
    "rating": ({"rating": 4}, {"rating_answer": {"content": 4}}),
    "number": ({"number": 7.5}, {"number_answer": {"content": 7.5}}),
    "datetime": ({"datetime": "2024-05-01"}, {"text_answer": {"content": "2024-05-01"}}),
    "taxonomy": ({"taxonomy": [["Plant", "Fern"]]}, {"taxonomy_answer": {"content": [["Plant", "Fern"]]}}),
    "choices": (
        {"choices": ["good"]},
        {"radio_answer": {"name": "good", "value": "good", "classifications": []}},
    ),
    "textarea": ({"text": ["AB 1"]}, {"text_answer": {"content": "AB 1"}}),
    "pairwise": ({"selected": "left"}, {"text_answer": {"content": "left"}}),
    "ranker": ({"ranker": {"best": ["a"]}}, {"ranker_answer": {"content": {"best": ["a"]}}}),
    "a control of tomorrow": ({"verdict": [1, 2]}, {"a control of tomorrow_answer": {"content": [1, 2]}}),
}


def about(kind: str, place: Json, *, id: Any = "r1") -> Json:
    """A per-region answer, as Label Studio writes it: with the place of its region."""
    return region(kind, {**place, **ANSWERS[kind][0]}, id=id, from_name=f"the {kind}")


@pytest.fixture
def take(tmp_path: Path) -> Take:
    def take(*result: Json) -> IncomingLabel:
        (row,), reading = read("label_studio_json", write(tmp_path, [task(*result)]))
        assert not reading.refused
        (label,) = row.labels
        return label

    return take


def said(answer: Json) -> Json:
    return {key: value for key, value in answer.items() if key.endswith("_answer")}


@pytest.mark.parametrize("kind", ANSWERS)
@pytest.mark.parametrize("geometry", SHAPES)
@pytest.mark.parametrize("apart", [True, False])
def test_an_answer_about_a_region_leaves_it_its_class_in_any_order(take: Take, kind: str, geometry: str, apart: bool):
    bare, with_labels, place = SHAPES[geometry]
    results = [about(kind, place)]
    if apart:
        results += [region(bare, place), region("labels", {**place, "labels": ["plate"]}, from_name="label")]
    else:
        results.append(region(with_labels, {**place, with_labels: ["plate"]}))
    for order in permutations(results):
        label = take(*order)
        (mark,) = label.objects
        assert (mark["feature_id"], mark["name"], mark["value"]) == ("r1", "plate", "plate")
        assert geometry in mark or mark["annotation_kind"].startswith("LabelStudio:ellipse")
        (answer,) = mark["classifications"]
        assert answer["name"] == f"the {kind}"
        assert said(answer) == ANSWERS[kind][1]
        assert label.classifications == []


def test_all_answers_of_a_region_stand_in_it_with_a_question_that_comes_twice(take: Take):
    box = region("rectanglelabels", {**PLACE, "rectanglelabels": ["pot"]})
    second = region("choices", {**PLACE, "choices": ["old"]}, from_name="the choices")
    (mark,) = take(*[about(kind, PLACE) for kind in ANSWERS], box, second).objects
    assert mark["name"] == "pot"
    assert sorted(answer["name"] for answer in mark["classifications"]) == sorted(
        [*(f"the {kind}" for kind in ANSWERS), "the choices"]
    )


def test_an_id_may_be_a_number(take: Take):
    box = region("rectanglelabels", {**PLACE, "rectanglelabels": ["pot"]}, id=7)
    relation = {"type": "relation", "from_id": 7, "to_id": 8}
    label = take(about("rating", PLACE, id=7), box, relation)
    assert [(mark["feature_id"], len(mark["classifications"])) for mark in label.objects] == [("7", 1)]
    assert label.relationships[0]["unidirectional_relationship"] == {"source": "7", "target": "8"}


@pytest.mark.parametrize("kind", ANSWERS)
def test_an_answer_about_the_task_is_no_object(take: Take, kind: str):
    label = take(region(kind, ANSWERS[kind][0], id="q", from_name="ask"))
    assert label.objects == []
    (answer,) = label.classifications
    assert (answer["feature_id"], answer["name"]) == ("q", "ask")
    assert said(answer) == ANSWERS[kind][1]


def test_an_answer_whose_region_is_not_there_keeps_its_place(take: Take):
    (answer,) = take(about("rating", PLACE)).classifications
    assert answer["source_extra"]["label_studio"]["value"] == PLACE
    (answer,) = take(about("textarea", {"start": 0, "end": 4})).classifications
    assert answer["source_extra"]["label_studio"]["value"] == {"start": 0, "end": 4}


def test_a_span_of_text_has_its_answers_too(take: Take):
    span = {"start": 0, "end": 6, "text": "Dallas"}
    person = region("labels", {**span, "labels": ["Team"]}, from_name="ner")
    sure = region("choices", {**span, "choices": ["sure"]}, from_name="sure?")
    for order in permutations([person, sure]):
        (mark,) = take(*order).objects
        assert (mark["annotation_kind"], mark["name"]) == ("LabelStudio:labels", "Team")
        assert [answer["name"] for answer in mark["classifications"]] == ["sure?"]


def test_choices_below_choices_are_paths(take: Take):
    (answer,) = take(region("choices", {"choices": [["a", "b"], ["c"]]})).classifications
    assert said(answer) == {"choices_answer": {"content": [["a", "b"], ["c"]]}}


# --- classes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "labels"),
    [
        ("rectanglelabels", {"rectanglelabels": ["car"]}),
        ("rectanglelabels", {"rectanglelabels": "car"}),
        ("rectanglelabels", {"labels": ["car"]}),
        ("rectanglelabels", {"rectanglelabels": [], "labels": ["car"]}),
        ("rectangle", {"labels": ["car"]}),
        ("rectangle", {"rectanglelabels": ["car"]}),
        ("rectangle", {"rectangle": ["car"]}),
        ("rectanglelabels", {"polygonlabels": ["car"]}),
    ],
)
def test_the_label_is_found_where_label_studio_and_converters_put_it(take: Take, kind: str, labels: Json):
    (mark,) = take(region(kind, {**PLACE, **labels})).objects
    assert mark["name"] == "car"


@pytest.mark.parametrize("geometry", ["bounding_box", "polygon", "mask"])
def test_labels_that_lie_in_a_picture_without_their_shape_are_that_shape(take: Take, geometry: str):
    place = SHAPES[geometry][2]
    labels = region("labels", {**place, "labels": ["car"]})
    (mark,) = take(about("choices", place), labels).objects
    assert (mark["name"], len(mark["classifications"])) == ("car", 1)
    assert mark[geometry] == take(region(SHAPES[geometry][0], place)).objects[0][geometry]
    (mark,) = take({**labels, "original_width": None}).objects
    assert mark["annotation_kind"] == "LabelStudio:labels"


@pytest.mark.parametrize("geometry", SHAPES)
@pytest.mark.parametrize("labels", [None, [], [""]])
def test_a_region_without_a_label_has_no_class(tmp_path: Path, geometry: str, labels: Any):
    bare, with_labels, place = SHAPES[geometry]
    regions = [region(bare, place), region(with_labels, {**place, with_labels: labels}, id="r2")]
    (row,), reading = read("label_studio_json", write(tmp_path, [task(*regions)]))
    assert [mark["name"] for mark in row.labels[0].objects] == ["", ""]
    (note,) = [note for note in reading.row_notes.take() if note["kind"] == "unlabelled"]
    assert (note["count"], note["text"]) == (2, "regions without a label")
    assert note["example"] == "row 1 (line 1, byte 1), annotation 1"


def test_every_label_of_a_shape_is_an_object(take: Take):
    (taxi, red, car) = take(
        region("rectanglelabels", {**PLACE, "rectanglelabels": ["car", "taxi", "car", "red"]})
    ).objects
    assert [one["name"] for one in (car, taxi, red)] == ["car", "taxi", "red"]
    assert [one["feature_id"] for one in (car, taxi, red)] == ["r1", "r1-2", "r1-3"]
    assert car["bounding_box"] == taxi["bounding_box"] == red["bounding_box"]
    assert ("is_further_label" in car, taxi["is_further_label"], red["is_further_label"]) == (False, True, True)
    assert car["source_extra"]["label_studio"]["labels"] == ["car", "taxi", "red"]


def test_a_further_label_takes_no_id_of_another_region(take: Take):
    several = region("rectanglelabels", {**PLACE, "rectanglelabels": ["car", "taxi"]})
    marks = take(several, {**region("rectanglelabels", {**PLACE, "rectanglelabels": ["bus"]}), "id": "r1-2"}).objects
    assert [(one["feature_id"], one["name"]) for one in marks] == [("r1-3", "taxi"), ("r1", "car"), ("r1-2", "bus")]


@pytest.mark.parametrize("geometry", SHAPES)
def test_two_label_controls_give_a_shape_two_classes_and_both_results_are_kept(take: Take, geometry: str):
    bare, _, place = SHAPES[geometry]
    kind = region("labels", {**place, "labels": ["car"]}, from_name="kind", score=0.9, meta={"text": ["sure"]})
    colour = region("labels", {**place, "labels": ["red"]}, from_name="colour")
    (red, car) = take(region(bare, place), kind, colour, about("choices", place)).objects
    assert (car["name"], red["name"], red["is_further_label"]) == ("car", "red", True)
    assert [answer["name"] for answer in car["classifications"]] == ["the choices"]
    assert red["classifications"] == []
    assert car["source_extra"]["label_studio"]["label_results"] == [
        {
            "type": "labels",
            "from_name": "kind",
            "score": 0.9,
            "meta": {"text": ["sure"]},
            "value": {"labels": ["car"]},
        },
        {"type": "labels", "from_name": "colour", "value": {"labels": ["red"]}},
    ]


def test_two_results_of_one_shape_are_one_shape(take: Take):
    first = region("rectanglelabels", {**PLACE, "rectanglelabels": ["car"]}, from_name="kind")
    second = region("rectanglelabels", {**PLACE, "rectanglelabels": ["red"]}, from_name="colour")
    marks = take(about("rating", PLACE), first, second).objects
    assert [(mark["name"], len(mark["classifications"]), "is_further_label" in mark) for mark in marks] == [
        ("red", 0, True),
        ("car", 1, False),
    ]
    bare = region("rectangle", PLACE, from_name="box")
    assert [mark["name"] for mark in take(bare, second).objects] == ["red"]
    elsewhere = {**second, "value": {**second["value"], "x": 11}}
    assert [mark["name"] for mark in take(first, elsewhere).objects] == ["car", "red"]
    assert not any("is_further_label" in mark for mark in take(first, elsewhere).objects)


# --- what is carried -------------------------------------------------------------------------------------------------


def test_an_open_polygon_is_a_line(take: Take):
    points = [[10, 10], [50, 10], [50, 50]]
    (mark,) = take(region("polygonlabels", {"points": points, "closed": False, "polygonlabels": ["road"]})).objects
    assert mark["annotation_kind"] == "ImagePolyline"
    assert mark["line"] == [{"x": 2.0, "y": 1.0}, {"x": 10.0, "y": 1.0}, {"x": 10.0, "y": 5.0}]
    assert mark["source_extra"]["label_studio"]["closed"] is False


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("ellipselabels", {"x": 1, "y": 2, "radiusX": 3, "radiusY": 4, "ellipselabels": [3]}),
        ("a control of tomorrow", {"x": 1, "y": 1, "a control of tomorrow": {"a": 1}}),
        ("bitmask", None),
    ],
)
def test_what_is_carried_is_not_refused_for_its_labels(take: Take, kind: str, value: Any):
    (mark,) = take(region(kind, value)).objects
    assert (mark["name"], mark["annotation_kind"]) == ("", f"LabelStudio:{kind}")
    assert mark["source_extra"]["label_studio"]["value"] == value


def test_regions_that_are_carried_are_noted_by_type(tmp_path: Path):
    vector = region("vectorlabels", {"vertices": [{"x": 1, "y": 1}], "vectorlabels": ["lane"]}, id="v")
    egg = region("ellipselabels", {"x": 1, "y": 2, "radiusX": 3, "radiusY": 4, "ellipselabels": ["egg"]})
    (row,), reading = read("label_studio_json", write(tmp_path, [task(vector, egg, {**egg, "id": "e2"})]))
    assert [(mark["name"], mark["annotation_kind"]) for mark in row.labels[0].objects] == [
        ("lane", "LabelStudio:vectorlabels"),
        ("egg", "LabelStudio:ellipselabels"),
        ("egg", "LabelStudio:ellipselabels"),
    ]
    assert [(note["kind"], note["count"], note["text"]) for note in reading.row_notes.take()] == [
        ("carried", 1, "regions of type vectorlabels, kept as they are"),
        ("carried", 2, "regions of type ellipselabels, kept as they are"),
    ]
