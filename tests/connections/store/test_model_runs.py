"""Model runs come in with rows that name them, and what a file does not say stays as it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import orjson
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from connections.models import Project
from connections.store.importers import IMPORTERS
from connections.store.models import StoreClass, StoreModelRun, StorePredictions, StoreProject, StoreRow
from connections.store.removal import Removal
from connections.store.upsert import WriteSummary, write_rows
from tests.connections.store.importing import write
from tests.connections.store.test_import_ndjson import mark, printed, row

pytestmark = pytest.mark.django_db


def label(*objects: Any, label_id: str = "pr1") -> dict[str, Any]:
    made: dict[str, Any] = {"label_kind": "Default", "version": "1.0.0", "id": label_id}
    return {**made, "annotations": {"objects": list(objects), "classifications": [], "relationships": []}}


def run(*predictions: Any, split: str = "Training", **more: Any) -> dict[str, Any]:
    return {"name": "v1", "run_data_row_id": "rdr-1", "predictions": list(predictions), "split": split, **more}


def experiments(**runs: Any) -> dict[str, Any]:
    return {"model-1": {"name": "My model", "runs": runs}}


def with_run(*predictions: Any, **more: Any) -> dict[str, Any]:
    """A labelled row of a project, with a run beside it."""
    return {**row(mark()), "experiments": experiments(run1=run(*predictions, **more))}


def of_run(*predictions: Any, **more: Any) -> dict[str, Any]:
    """A row as an export of a model run has it: without its project."""
    document = with_run(*predictions, labels=[label(mark(), label_id="l1")], **more)
    del document["projects"]
    return document


@pytest.fixture
def take(project: Project, tmp_path: Path) -> Any:
    def take(*rows: Any) -> WriteSummary:
        path = write(tmp_path, "".join(json.dumps(each) + "\n" for each in rows))
        importer = IMPORTERS["ndjson"](path, default_status=None, project_key="p")
        summary = write_rows(project, importer.rows_with_notes())
        assert not importer.refused, importer.refused
        assert summary.rows == summary.created + summary.updated + summary.unchanged + summary.refused_count
        return summary

    return take


def predicted() -> list[Any]:
    body = StorePredictions.objects.get().body.replace("\x1e", "")
    return [mark for each in orjson.loads(body) for mark in each["annotations"]["objects"]]


def test_a_row_brings_the_runs_that_it_is_in_with_ids_split_and_confidence(take):
    summary = take(with_run(label({**mark(), "confidence": 0.75}), annotation_group_id="ag-1"))
    assert (summary.created, summary.annotations, summary.predictions) == (1, 1, 1)
    made = StoreModelRun.objects.get()
    assert (made.run_id, made.name, made.model_id, made.model_name) == ("run1", "v1", "model-1", "My model")
    kept = StorePredictions.objects.get()
    assert (kept.run_data_row_id, kept.annotation_group_id, kept.split) == ("rdr-1", "ag-1", "Training")
    assert (kept.annotation_count, kept.class_counts) == (1, "b1:1")
    (box,) = predicted()
    assert (box["confidence"], box["name"]) == (0.75, "car")
    # it says neither who made it nor how long that took: nobody told
    assert orjson.loads(kept.body)[0].keys() == {"label_kind", "version", "id", "annotations"}
    assert StoreRow.objects.get().annotation_count == 1  # labels and predictions are not mixed


def test_the_same_again_changes_nothing_and_another_confidence_updates_the_row(take, project):
    take(with_run(label({**mark(), "confidence": 0.75})))
    revision = StoreProject.objects.get().revision
    again = take(with_run(label({**mark(), "confidence": 0.75})))
    assert (again.unchanged, again.predictions) == (1, 0)
    assert StoreProject.objects.get().revision == revision
    other = take(with_run(label({**mark(), "confidence": 0.5})))
    assert (other.updated, other.predictions) == (1, 1)
    assert [box["confidence"] for box in predicted()] == [0.5]
    assert StorePredictions.objects.get().revision == StoreProject.objects.get().revision == revision + 1
    # the row itself was not written
    assert StoreRow.objects.get().revision == revision


def test_a_run_that_is_called_otherwise_now_is_the_same_run(take):
    take(with_run(label(mark())))
    document = with_run(label(mark()))
    document["experiments"]["model-1"]["runs"]["run1"]["name"] = "v1, final"
    assert take(document).unchanged == 1
    assert StoreModelRun.objects.get().name == "v1, final"


def test_parts_that_a_file_left_out_take_nothing_away(take):
    take(with_run(label(mark()), annotation_group_id="ag-1"))
    bare = with_run()
    bare["experiments"]["model-1"]["runs"]["run1"] = {"name": "v1"}
    assert take(bare).unchanged == 1
    kept = StorePredictions.objects.get()
    assert (kept.split, kept.annotation_group_id, kept.annotation_count) == ("Training", "ag-1", 1)
    # an empty list is said: the model found nothing
    assert take(with_run(annotation_group_id="ag-1")).updated == 1
    assert StorePredictions.objects.get().annotation_count == 0


def test_a_row_that_is_said_for_its_predictions_alone_leaves_what_is_there(take):
    take(row(mark(), workflow_status="DONE"))
    before = StoreRow.objects.values().get()
    summary = take(of_run(label(mark())))
    assert (summary.updated, summary.annotations, summary.predictions) == (1, 0, 1)
    assert StoreRow.objects.values().get() == before


def test_where_it_is_not_there_it_is_made_with_the_labels_of_the_run(take):
    assert take(of_run(label(mark()))).created == 1
    assert StoreRow.objects.get().annotation_count == 1
    assert take(of_run(label(mark()))).unchanged == 1


def test_one_of_another_picture_is_refused(take):
    take(row(mark()))
    other = of_run(label(mark()))
    other["data_row"]["row_data"] = "https://e.test/other.jpg"
    summary = take(other)
    assert summary.refused_count == 1
    assert "other.jpg" in summary.refused[0].reason
    assert not StorePredictions.objects.exists()


def test_classes_that_only_predictions_have_join_the_ontology_with_their_numbers(take):
    truck = {**mark(), "name": "truck"}
    take(with_run(label(truck), export_admin={"category_ids": {"truck": 17}}))
    assert StoreClass.objects.get(name="truck").number == 17
    assert StoreClass.objects.filter(name="car").exists()
    assert StorePredictions.objects.get().class_counts == "b17:1"


def test_a_row_can_be_in_several_runs_of_several_models(take):
    document = with_run(label(mark()))
    document["experiments"]["model-1"]["runs"]["run2"] = run(split="Test", name="v2")
    document["experiments"]["model-2"] = {"name": "Other", "runs": {"run3": run(label(mark(), mark()))}}
    assert take(document).predictions == 3
    found = StorePredictions.objects.values_list("run__model_id", "run__run_id", "annotation_count", "split")
    assert sorted(found) == [
        ("model-1", "run1", 1, "Training"),
        ("model-1", "run2", 0, "Test"),
        ("model-2", "run3", 2, "Training"),
    ]


def test_a_run_of_another_model_with_the_same_id_is_refused_and_changes_nothing(take):
    take(with_run(label(mark())))
    before = StoreModelRun.objects.values().get(), StorePredictions.objects.values().get()
    document = with_run(label(mark(), mark()))
    document["experiments"] = {"model-2": {"name": "Other", "runs": document["experiments"]["model-1"]["runs"]}}
    summary = take(document)
    assert [refused.reason for refused in summary.refused] == [
        "the model run 'run1' is one of the model 'model-1' in this project, and here of 'model-2': a run's id is once "
        "in a project, so give one of them another"
    ]
    assert (StoreModelRun.objects.values().get(), StorePredictions.objects.values().get()) == before


def test_so_is_one_that_comes_in_the_same_file(take):
    document = with_run(label(mark()))
    document["experiments"]["model-2"] = document["experiments"]["model-1"]
    summary = take(document)
    assert "the model run 'run1' is one of the model 'model-1'" in summary.refused[0].reason
    other = with_run(label(mark()))
    other["data_row"] = {**other["data_row"], "id": "r2", "global_key": "k2"}
    other["experiments"] = {"model-2": other["experiments"]["model-1"]}
    summary = take(with_run(label(mark())), other)
    assert (summary.created, summary.refused_count) == (1, 1)
    assert StoreModelRun.objects.get().model_id == "model-1"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"predictions": {}}, "model run 'run1': predictions is not a list but {}"),
        ({"split": 3}, "model run 'run1': split is 3; expected a text of at most 40 characters"),
        (
            {"predictions": [label({**mark(), "confidence": 1.5})]},
            "model run 'run1', prediction 1, object 1: confidence is 1.5; expected a number from 0 to 1",
        ),
        (
            {"predictions": [label({**mark(), "bounding_box": {"top": 1}})]},
            "model run 'run1', prediction: label 1, object 1: ",
        ),
    ],
)
def test_what_is_wrong_refuses_the_row_and_is_named(project, tmp_path, change, why):
    document = with_run()
    document["experiments"]["model-1"]["runs"]["run1"].update(change)
    importer = IMPORTERS["ndjson"](write(tmp_path, json.dumps(document)), default_status=None, project_key="p")
    assert list(importer.rows()) == []
    assert why in importer.refused[0].reason


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (with_run, "rows with keys that a row does not have, kept under source_extra"),
        (of_run, "rows with keys that a model run does not have, kept under source_extra of rows that are new"),
    ],
)
def test_keys_that_a_model_run_does_not_have_are_kept_where_they_stood_and_noted(take, given, text):
    document = given(label(mark()), data_row_details={"x": 1})
    document["experiments"]["model-1"]["more"] = "y"
    summary = take(document)
    assert (summary.created, summary.predictions) == (1, 1)
    (document,) = printed(StoreRow.objects.get().project)
    assert document["source_extra"]["experiments"] == {
        "model-1": {"more": "y", "runs": {"run1": {"data_row_details": {"x": 1}}}}
    }
    assert any(note["text"].startswith(text) for note in summary.notes.as_json())


def test_an_id_that_no_address_can_hold_is_refused(project, tmp_path):
    document = {**with_run(), "experiments": experiments(**{"a/b": run()})}
    importer = IMPORTERS["ndjson"](write(tmp_path, json.dumps(document)), default_status=None, project_key="p")
    assert list(importer.rows()) == []
    assert importer.refused[0].reason == (
        "the run id in experiments['model-1'] is 'a/b'; expected 1 to 64 letters, digits and _.:-, "
        "a letter or digit first"
    )


def test_rows_that_are_deleted_take_their_predictions_with_them(take, project):
    take(with_run(label(mark())))
    removal = Removal(project, seen=StoreProject.objects.get().revision, reason="x", deleted_by="alice")
    removal.remove([StoreRow.objects.get().pk])
    assert not StorePredictions.objects.exists()
    assert StoreModelRun.objects.exists()


def test_rows_without_runs_ask_nothing_about_them(project, tmp_path):
    path = write(tmp_path, json.dumps(row(mark())))
    with CaptureQueriesContext(connection) as captured:
        write_rows(project, IMPORTERS["ndjson"](path, default_status=None, project_key="p").rows())
    assert not [one["sql"] for one in captured if "modelrun" in one["sql"] or "storepredictions" in one["sql"]]
