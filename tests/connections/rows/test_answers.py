"""Answers below answers, and several answers to one question, in a CSV cell: none is lost."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

from connections.rows.csv import HEADER, render_csv
from tests.connections.rows.documents import box, checklist, document, label, radio, text


def values(*annotations: dict[str, Any]) -> list[str]:
    lines = (HEADER + render_csv(document(label(*annotations)), number=1)[0]).decode()
    return [line["value"] for line in csv.DictReader(io.StringIO(lines, newline=""), strict=True)]


def below(answer: dict[str, Any], *further: dict[str, Any]) -> dict[str, Any]:
    """The same, with answers below what was chosen (first)."""
    chosen = answer.get("radio_answer") or answer["checklist_answers"][0]
    chosen["classifications"] = list(further)
    return answer


def test_answers_below_a_radio_answer_stand_under_its_name():
    deep = below(radio("colour", "red"), below(radio("shade", "dark"), text("why", "night")))
    assert [json.loads(one) for one in values(deep)] == [{"red": {"shade": {"dark": {"why": "night"}}}}]
    (cell,) = values(box("car", 0, 0, 1, 1, classifications=[deep]))
    assert json.loads(cell) == {"colour": {"red": {"shade": {"dark": {"why": "night"}}}}}


def test_answers_below_one_of_several_checked_stand_under_that_one():
    weather = below(checklist("weather", "rain", "wind"), text("how", "hard"), checklist("when", "am", "pm"))
    assert [json.loads(one) for one in values(weather)] == [[{"rain": {"how": "hard", "when": ["am", "pm"]}}, "wind"]]


def test_a_question_that_comes_again_has_a_list_of_its_answers():
    answers = [radio("light", "on"), radio("door", "open"), radio("light", "off"), radio("light", "on")]
    (cell,) = values(box("car", 0, 0, 1, 1, classifications=answers))
    assert json.loads(cell) == {"light": ["on", "off", "on"], "door": "open"}
    twice = [checklist("seen", "a", "b"), checklist("seen", "c")]
    (cell,) = values(box("car", 0, 0, 1, 1, classifications=twice))
    assert json.loads(cell) == {"seen": [["a", "b"], ["c"]]}
    assert json.loads(values(below(radio("q", "a"), text("note", "x"), text("note", "y")))[0]) == {
        "a": {"note": ["x", "y"]}
    }


def test_an_answer_with_nothing_below_it_is_a_plain_text():
    assert values(below(radio("colour", "red")), checklist("seen", "a", "b")) == ["red", '["a","b"]']
