"""Counting a row's annotations."""

from __future__ import annotations

from collections import Counter

import pytest

from connections.rows.counts import add_up, add_up_beside, count_annotations
from connections.rows.kinds import BOX, CLASSIFICATION, POINT, POLYGON
from tests.connections.rows.documents import box, document, label, line, mask, point, polygon, radio, text

CLASSES = {"can": 3, "bag": 5, "bottle": 12}
QUESTIONS = {"quality": 1, "note": 2}


def test_a_class_without_a_number_is_an_error_and_not_a_lower_count():
    with pytest.raises(KeyError, match="unheard"):
        count_annotations(document(label(box("unheard", 0, 0, 1, 1))), CLASSES, QUESTIONS)


def test_a_row_without_labels_counts_nothing():
    assert count_annotations(document(), CLASSES, QUESTIONS)[:2] == ("", 0)


def test_marks_are_counted_by_kind_and_class_over_all_labels_in_one_fixed_order():
    ring = [(0.0, 0.0), (4.0, 0.0), (4.0, 4.0)]
    first = label(text("note", "x"), radio("quality", "good"), point("can", 1, 1), box("bottle", 0, 0, 1, 1))
    second = label(
        mask("can", [1, 1], "01"),
        line("can", (0, 0), (1, 1)),
        polygon("bag", ring),
        box("can", 0, 0, 2, 2),
        box("can", 1, 1, 2, 2),
        {**box("can", 1, 1, 2, 2), "annotation_kind": "ImageCuboid"},
        id="l2",
    )
    expected = "b3:2 b12:1 p5:1 m3:1 l3:1 o3:1 c1:1 c2:1 x3:1"
    assert count_annotations(document(first, second), CLASSES, QUESTIONS)[:2] == (expected, 10)
    assert count_annotations(document(second, first), CLASSES, QUESTIONS)[:2] == (expected, 10)


def test_what_is_no_annotation_stands_behind_them():
    """Answers inside objects, relationships, predictions and drafts, over all labels; answers below answers do not
    count apart."""
    below = {**radio("quality", "good"), "classifications": [text("note", "x")]}
    marked = box("can", 0, 0, 1, 1, classifications=[below, radio("note", "y")])
    first, second = label(marked), label(box("can", 0, 0, 1, 1, classifications=[radio("quality", "bad")]), id="l2")
    first["annotations"]["relationships"] = [{"name": "part of"}, {"name": "part of"}]
    row = document(first, second)
    row["source_extra"] = {"label_studio": {"predictions": [7, 8], "drafts": [{}], "id": 3}}
    found, count, _, _ = count_annotations(row, CLASSES, QUESTIONS)
    assert (found, count) == ("b3:2 @region_answers:3 @relationships:2 @predictions:2 @drafts:1", 2)
    texts = Counter({found: 10, "": 3, "b3:1": 1, "@relationships:1": 5})
    assert add_up(texts) == {(BOX, 3, False): 21}
    assert add_up_beside(texts) == {"region_answers": 30, "relationships": 25, "predictions": 20, "drafts": 10}


def test_a_row_without_annotations_may_hold_something_beside_them():
    row = document()
    row["source_extra"] = {"label_studio": {"predictions": [{}], "drafts": "none"}}
    assert count_annotations(row, CLASSES, QUESTIONS)[:2] == ("@predictions:1", 0)
    row["source_extra"] = {"label_studio": ["not an object"], "predictions": [1]}
    assert count_annotations(row, CLASSES, QUESTIONS)[:2] == ("", 0)


def test_objects_without_a_class_and_further_labels_are_told_apart():
    can = box("can", 0, 0, 1, 1)
    marks = label(can, {**can, "name": "bag", "is_further_label": True}, box("", 0, 0, 1, 1), point("", 1, 1))
    text, count, _, _ = count_annotations(document(marks), CLASSES, QUESTIONS)
    assert (text, count) == ("b-1:1 b3:1 B5:1 o-1:1", 4)
    assert add_up(Counter({text: 3})) == {
        (BOX, -1, False): 3,
        (BOX, 3, False): 3,
        (BOX, 5, True): 3,
        (POINT, -1, False): 3,
    }


def test_counted_texts_add_up_to_what_the_rows_held():
    sums = add_up(Counter({"b3:2 c1:1": 10, "b3:1 p12:4": 2, "": 7}))
    assert sums == {(BOX, 3, False): 22, (CLASSIFICATION, 1, False): 10, (POLYGON, 12, False): 8}
