"""Every filter that the SDK builds, in our words."""

from __future__ import annotations

from typing import Any

import pytest

from exports.models import ExportReport
from tests.rest.labelbox.asking import (
    EXPORT_CATALOG,
    EXPORT_PROJECT,
    EXPORT_SLICE,
    ask,
    catalog_input,
    error,
    export,
    project_input,
)
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


NULL, LONG = {"min": None, "max": None}, "k" * 501
OF_PROJECT, OF_CATALOG = (EXPORT_PROJECT, project_input), (EXPORT_CATALOG, lambda _, *query: catalog_input(*query))


@pytest.mark.parametrize("kind", [OF_PROJECT, OF_CATALOG])
@pytest.mark.parametrize(
    ("element", "place"),
    [
        (window(LAST, "BETWEEN", NULL), ".value.value.min"),
        (window(LAST, "BETWEEN", {"min": "2000-01-01", "max": None}), ".value.value.max"),
        (window(LAST, SINCE, None), ".value.value"),
        (window(LAST, UNTIL, "yesterday"), ".value.value"),
        (window(LAST, SINCE, "2024-01-01", "localtime"), ".value.timezone"),
        (window(LAST, SINCE, "2024-01-01", "posixrules"), ".value.timezone"),
        (window(LAST, SINCE, "2024-01-01", ""), ".value.timezone"),
        (window(LAST, SINCE, "2024-01-01", "E" * 5000), ".value.timezone"),
        (window(LAST, "BETWEEN", {"min": "2050-01-01", "max": "2000-01-01"}), ".value.value"),
        ({"type": LAST, "value": {"operator": SINCE, "timezone": "UTC"}}, ".value.value"),
        ({"type": "metadata"}, ".type"),
        ({"type": "data_row_id", "operator": "is", "ids": []}, ".ids"),
        ({"type": "data_row_id", "operator": "not", "ids": ["a"]}, ".operator"),
        ({"type": "data_row_id", "operator": "is", "ids": [f"k{n}" for n in range(2001)]}, ".ids"),
        *(
            ({"type": "global_key", "operator": "is", "ids": ["k", wrong]}, ".ids[1]")
            for wrong in (None, 5, True, {"a": 1}, ["a"], "", LONG)
        ),
    ],
)
def test_a_refusal_says_which_place_of_the_input_is_wrong_in_few_words(
    world: World, kind: Any, element: dict[str, Any], place: str
):
    query, made = kind
    before = ids("data_row_id", "own-1") if element["type"] != "data_row_id" else window(LABELED, SINCE, "2000-01-01")
    if element["type"] == "global_key":
        before = window(LABELED, SINCE, "2000-01-01")
    (found,) = ask(world.script("oscar"), query, {"input": made(world, before, element)}).json()["errors"]
    assert found["extensions"]["code"] == "MALFORMED_REQUEST"
    assert found["extensions"]["field"] == f"input.filters.searchQuery.query[1]{place}"
    assert len(found["message"]) < 300


@pytest.mark.parametrize("wrong", [None, 5, {"a": 1}, "", LONG])
def test_a_dataset_that_is_none_never_becomes_the_whole_catalog(world: World, wrong: Any):
    element = {"ids": [wrong], "operator": "is", "type": "dataset"}
    before = ExportReport.objects.count()
    (found,) = ask(world.script("oscar"), EXPORT_CATALOG, {"input": catalog_input(element)}).json()["errors"]
    assert found["extensions"]["field"] == "input.filters.searchQuery.query[0].ids[0]"
    assert ExportReport.objects.count() == before


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"filters": {}}, "input.filters.sliceId"),
        ({"params": {"includeLabelDetails": "yes"}}, "input.params.includeLabelDetails"),
        ({"params": {"projectIds": ["nosuch"]}}, "input.params.projectIds[0]"),
        ({"params": {"mediaTypeOverride": "SMELL"}}, "input.params.mediaTypeOverride"),
        ({"batch_ids": ["b"]}, "input.batch_ids"),
        (5, "input"),
    ],
)
def test_so_does_one_of_anything_else_in_it(world: World, change: Any, place: str):
    sent = {"filters": {"sliceId": world.own.slice.public_id}}
    wanted = sent | change if isinstance(change, dict) else change
    (found,) = ask(world.script("oscar"), EXPORT_SLICE, {"input": wanted}).json()["errors"]
    assert found["extensions"]["field"] == place
