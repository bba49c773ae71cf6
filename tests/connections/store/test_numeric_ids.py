"""Ids that are numbers, as many platforms have them, are kept as texts; answers below answers are checked."""

from __future__ import annotations

import json
from typing import Any

import pytest

from connections.models import Project
from connections.store.models import StoreClass, StoreCsv
from connections.store.upsert import write_rows
from tests.connections.store.importing import importer, read, write
from tests.connections.store.test_import_ndjson import mark, row


def numbered() -> dict[str, Any]:
    answer = {"feature_id": 5, "name": "q", "radio_answer": {"feature_id": 6, "name": "yes"}}
    given = row(
        {**mark(), "feature_id": 17, "feature_schema_id": 3, "classifications": [dict(answer)]}, answers=[answer]
    )
    given["data_row"] |= {"id": 1001, "global_key": 2002, "external_id": 3003}
    (project,) = given["projects"].values()
    project["project_details"]["batch_id"] = 77
    project["labels"][0]["id"] = 4004
    project["labels"][0]["label_details"] = {"created_by": 12}
    project["labels"][0]["annotations"]["relationships"] = [
        {"feature_id": 8, "name": "near", "unidirectional_relationship": {"source": 17, "target": "x"}}
    ]
    return given


def test_every_id_may_be_a_number_and_is_kept_as_a_text(tmp_path):
    (found,), _ = read("ndjson", write(tmp_path, [numbered()]))
    assert (found.row_id, found.key, found.external_id, found.batch_id) == ("1001", "2002", "3003", "77")
    (label,) = found.labels
    assert (label.label_id, label.created_by) == ("4004", "12")
    (box,), (answer,), (near,) = label.objects, label.classifications, label.relationships
    assert (box["feature_id"], box["feature_schema_id"], answer["feature_id"]) == ("17", "3", "5")
    assert near["feature_id"] == "8"
    assert near["unidirectional_relationship"] == {"source": "17", "target": "x"}


@pytest.mark.django_db
def test_such_a_row_goes_into_the_store_with_its_classes(tmp_path, project: Project):
    reading = importer("ndjson", write(tmp_path, [numbered()]))
    assert write_rows(project, reading.rows()).created == 1
    assert set(StoreClass.objects.values_list("name", flat=True)) == {"car", "q"}
    assert ",12,17,box,car," in StoreCsv.objects.get().exact


@pytest.mark.django_db
def test_a_feature_id_that_is_null_is_given_by_the_store(tmp_path, project: Project):
    given = row(
        {**mark(), "feature_id": None}, answers=[{"name": "q", "feature_id": None, "text_answer": {"content": "x"}}]
    )
    assert write_rows(project, importer("ndjson", write(tmp_path, [given])).rows()).created == 1
    lines = StoreCsv.objects.get().exact
    assert ",l1-1,box,car," in lines
    assert ",l1-q1,classification,q,x," in lines


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (1.5, "feature_id is not a text but 1.5"),
        (False, "feature_id is not a text but False"),
        ([1], "feature_id is not a text but [1]"),
    ],
)
def test_an_id_that_is_neither_is_refused_in_words(tmp_path, wrong, reason):
    _, reading = read("ndjson", write(tmp_path, [row({**mark(), "feature_id": wrong})]))
    assert [each.reason for each in reading.refused] == [f"label 1, object 1: {reason}"]
    answer = {"name": "q", "feature_id": wrong}
    _, reading = read("ndjson", write(tmp_path, [row(answers=[answer])]))
    assert [each.reason for each in reading.refused] == [f"label 1, classification 1: {reason}"]


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"name": 7}, "name is not a text but 7"),
        ({"name": "q", "radio_answer": "red"}, "radio_answer is not an object"),
        ({"name": "q", "radio_answer": {"value": "red"}}, "an answer has no name"),
        ({"name": "q", "radio_answer": {"name": 5}}, "the name of its answer is not a text but 5"),
        ({"name": "q", "checklist_answers": {"name": "a"}}, "checklist_answers is not a list"),
        ({"name": "q", "checklist_answers": [{"name": "a"}, {}]}, "an answer has no name"),
        ({"name": "q", "text_answer": "x"}, "text_answer is not an object"),
        (
            {"name": "q", "radio_answer": {"name": "red", "classifications": [{"name": "shade"}, {"name": ""}]}},
            "classification 2 below 'red' has no name",
        ),
    ],
)
def test_an_answer_that_is_none_is_refused_wherever_it_stands(tmp_path, wrong, reason):
    deep = {"name": "top", "checklist_answers": [{"name": "a", "classifications": [wrong]}]}
    for given in (row(answers=[wrong]), row({**mark(), "classifications": [wrong]}), row(answers=[deep])):
        _, reading = read("ndjson", write(tmp_path, [json.loads(json.dumps(given))]))
        (refused,) = reading.refused
        assert refused.reason.startswith("label 1, ")
        assert refused.reason.endswith(reason)
