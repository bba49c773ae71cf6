"""Every filter that the SDK builds, in our words."""

from __future__ import annotations

from typing import Any

import pytest

from tests.rest.labelbox.asking import EXPORT_PROJECT, error, export, project_input
from tests.rest.world import World

pytestmark = pytest.mark.django_db
SINCE, UNTIL = "GREATER_THAN_OR_EQUAL", "LESS_THAN_OR_EQUAL"


def window(kind: str, operator: str, value: Any, zone: str = "UTC") -> dict[str, Any]:
    return {"type": kind, "value": {"operator": operator, "timezone": zone, "value": value}}


def ids(kind: str, *some: str) -> dict[str, Any]:
    return {"ids": list(some), "operator": "is", "type": kind}


LAST, LABELED = "data_row_last_activity_at", "labeled_at"
BOTH = {"min": "2000-01-01 00:00:00", "max": "2050-01-01"}
NEW_YEAR, LATE = "2000-01-01T00:00:00.000+00:00", "2050-01-01T00:00:00.000+00:00"
ISO = "2024-01-01T10:00:00+0000"
CASES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (window(LAST, "BETWEEN", BOTH), {"last_activity_at": [NEW_YEAR, LATE]}),
    (window(LABELED, SINCE, "2000-01-01"), {"label_created_at": [NEW_YEAR, None]}),
    (window(LABELED, UNTIL, "2050-01-01"), {"label_created_at": [None, LATE]}),
    (window(LAST, SINCE, ISO), {"last_activity_at": ["2024-01-01T10:00:00.000+00:00", None]}),
    (
        window(LAST, SINCE, "2024-07-01 00:00:00", "Europe/Warsaw"),
        {"last_activity_at": ["2024-06-30T22:00:00.000+00:00", None]},
    ),
    (ids("data_row_id", "a", "b"), {"data_row_ids": ["a", "b"]}),
    (ids("global_key", "k"), {"global_keys": ["k"]}),
    (ids("batch", "b1"), {"batch_ids": ["b1"]}),
    ({"type": "task_queue_status", "status": "InReview"}, {"workflow_status": ["InReview"]}),
    ({"type": "task_queue_status", "status": "Done"}, {"workflow_status": ["Done"]}),
    ({"type": "task_queue_not_exist"}, {"workflow_status": ["ToLabel"]}),
]


@pytest.mark.parametrize(("element", "ours"), CASES)
def test_an_element_is_one_of_our_conditions(world: World, element: dict[str, Any], ours: dict[str, Any]):
    assert export(world.script("oscar"), world, element).config["filter"] == ours


def test_all_elements_have_to_hold(world: World):
    elements = [CASES[place][0] for place in (0, 1, 5, 7, 8)]
    wanted = {key: value for place in (0, 1, 5, 7, 8) for key, value in CASES[place][1].items()}
    assert export(world.script("oscar"), world, *elements).config["filter"] == wanted


@pytest.mark.parametrize(
    ("elements", "sentence"),
    [
        ([{"type": "metadata"}], "type 'metadata' does not filter this; known: "),
        ([ids("dataset", "d")], "type 'dataset' does not filter this"),
        ([ids("data_row_id")], "ids is a list of one or more"),
        ([ids("data_row_id", "a") | {"operator": "is_not"}], "operator 'is_not' is unknown; known: is"),
        ([ids("data_row_id", "a") | {"not": 1}], "unknown key 'not'"),
        ([ids("global_key", *(f"k{n}" for n in range(2001)))], "2,000"),
        ([window(LAST, "BEFORE", "2024-01-01")], "operator 'BEFORE' is unknown"),
        ([window(LAST, "BETWEEN", "2024-01-01")], "BETWEEN takes min and max"),
        ([window(LAST, SINCE, "yesterday")], "'yesterday' is not a time"),
        ([window(LAST, SINCE, "2024-01-01", "Mars/Olympus")], "unknown time zone 'Mars/Olympus'"),
        ([window(LAST, "BETWEEN", {"min": "2050-01-01", "max": "2000-01-01"})], "before it begins"),
        ([{"type": "task_queue_status", "status": "ToLabel"}], "status 'ToLabel' is unknown"),
        ([{"type": "task_queue_not_exist"}, {"type": "task_queue_status", "status": "Done"}], "given twice"),
        ([5], "query[0] is no object"),
    ],
)
def test_what_there_is_not_is_refused_with_its_place(world: World, elements: list[Any], sentence: str):
    code, message = error(world.script("oscar"), EXPORT_PROJECT, {"input": project_input(world, *elements)})
    assert code == "MALFORMED_REQUEST"
    assert sentence in message
