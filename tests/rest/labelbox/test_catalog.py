"""Datasets, batches, slices and model runs: they are listed, found, and exported by whoever may."""

from __future__ import annotations

from typing import Any

import pytest

from connections.models import Connection, Project
from connections.store.import_row import IncomingPredictions, IncomingRun
from connections.store.models import StoreModelRun
from connections.store.upsert import write_rows
from exports.models import ExportReport, Slice
from tests.rest.labelbox.asking import (
    EXPORT_CATALOG,
    EXPORT_MODEL_RUN,
    EXPORT_SLICE,
    GET_BATCHES,
    GET_DATASET,
    GET_MODEL_RUN,
    GET_SLICE,
    PARAMS,
    catalog_input,
    data,
    error,
    of_dataset,
)
from tests.rest.world import Rest, World
from tests.support.rows import box, row

pytestmark = pytest.mark.django_db


@pytest.fixture
def oscar(world: World) -> Rest:
    """Each place has a dataset, a batch, a slice and a run of a model of its own."""
    for place, name in ((world.own, "own"), (world.foreign, "foreign")):
        run = IncomingRun(f"run-{name}", f"model-{name}", f"Run {name}", f"Model {name}")
        more: dict[str, Any] = {"dataset_id": f"ds-{name}", "batch_id": f"b-{name}", "batch_name": f"Batch {name}"}
        rows = [row(f"{name}-{n}", box(), row_id=f"{name}-{n}", **more) for n in range(3)]
        for each in rows:
            each.dataset = f"Dataset {name}"
            each.predictions = [IncomingPredictions(run)]
        write_rows(place.project, rows, now_ms=2_000)
        Slice.objects.create(public_id=f"slice-{name}", project=place.project, name=f"Slice {name}")
    return world.script("oscar")


def report_of(client: Rest, query: str, sent: Any) -> ExportReport:
    (made,) = data(client, query, {"input": sent}).values()
    assert made["isStreamable"] is True
    return ExportReport.objects.get(report_id=made["taskId"])


def ids(kind: str, *some: str) -> dict[str, Any]:
    return {"ids": list(some), "operator": "is", "type": kind}


def test_they_are_listed_and_nobody_elses_are(world: World, oscar: Rest):
    listed = "query GetDatasetsPyApi($param_0: Boolean!){datasets(where: {deleted: $param_0} skip: 0 first: 100){id}}"
    datasets = data(oscar, listed, {"param_0": False})["datasets"]
    (dataset,) = (one for one in datasets if one["name"].startswith("Dataset"))
    assert (dataset["id"], dataset["name"], dataset["rowCount"]) == ("ds-own", "Dataset own", 3)
    variables = {"projectId": world.own.project.public_id, "from": None, "first": 100}
    batches = data(oscar, GET_BATCHES, variables)["project"]["batches"]
    (batch,) = batches["nodes"]
    assert (batch["id"], batch["name"], batch["size"], batches["pageInfo"]) == (
        "b-own",
        "Batch own",
        3,
        {"endCursor": None},
    )
    found = data(oscar, "query GetCatalogSavedQueriesPyApi { catalogSavedQueries { id name } }")["catalogSavedQueries"]
    assert [(one["id"], one["name"]) for one in found] == [
        ("slice-own", "Slice own"),
        (world.own.slice.public_id, "Street scenes slice"),
    ]
    models = data(oscar, "query GetModelsPyApi{models(skip: 0 first: 100){name ontologyId id}}")["models"]
    assert {"id": "model-own", "name": "Model own", "ontologyId": None} in models
    assert "model-foreign" not in {one["id"] for one in models}
    runs = (
        "query GetModelModelRunsPyApi($param_0: ID!){model(where: {id: $param_0}){modelRuns(skip: 0 first: 100){id}}}"
    )
    (run,) = data(oscar, runs, {"param_0": "model-own"})["model"]["modelRuns"]
    assert (run["id"], run["modelId"], run["name"]) == ("run-own", "model-own", "Run own")


def test_each_is_found_by_its_id_with_every_field_that_is_asked_for(oscar: Rest):
    for query, name, variable in (
        (GET_DATASET, "ds-own", "param_0"),
        (GET_SLICE, "slice-own", "id"),
        (GET_MODEL_RUN, "run-own", "param_0"),
    ):
        (found,) = data(oscar, query, {variable: name}).values()
        assert set(query.rpartition("{")[2].strip("} ").split()) <= set(found)
        assert error(oscar, query, {variable: name.replace("own", "foreign")})[0] == "RESOURCE_NOT_FOUND"


def test_a_dataset_is_exported_with_the_labels_of_the_projects_that_are_named(world: World, oscar: Rest):
    wanted = catalog_input(of_dataset("ds-own"), projectIds=[world.own.project.public_id], includeLabelDetails=True)
    config = report_of(oscar, EXPORT_CATALOG, wanted).config
    assert config["scope"] == {"kind": "dataset", "id": "ds-own"}
    assert (config["project_ids"], config["include"]) == ([world.own.project.public_id], ["label_details"])
    assert config["scope_settled"]["name"] == "Dataset own"


def test_all_projects_are_all_of_them_also_where_some_are_named(world: World, oscar: Rest):
    """The page gives both."""
    wanted = catalog_input(of_dataset("ds-own"), projectIds=[world.own.project.public_id], allProjects=True)
    config = report_of(oscar, EXPORT_CATALOG, wanted).config
    assert config["all_projects"] is True
    assert "project_ids" not in config


@pytest.mark.parametrize(
    ("query", "scope"),
    [
        ([], {"kind": "catalog"}),
        ([ids("data_row_id", "own-1")], {"kind": "data_rows"}),
        ([ids("global_key", "own-1", "nosuch")], {"kind": "data_rows"}),
        ([ids("data_row_id", "nosuch")], {"kind": "data_rows"}),
        ([ids("data_row_id", "own-1"), of_dataset("ds-own")], {"kind": "dataset", "id": "ds-own"}),
    ],
)
def test_rows_that_are_named_and_the_whole_catalog(oscar: Rest, query: list[Any], scope: dict[str, str]):
    assert report_of(oscar, EXPORT_CATALOG, catalog_input(*query)).config["scope"] == scope


def test_a_slice_and_a_model_run_are_exported(oscar: Rest):
    wanted = catalog_input() | {"filters": {"sliceId": "slice-own"}}
    assert report_of(oscar, EXPORT_SLICE, wanted).config["scope"] == {"kind": "slice", "id": "slice-own"}
    few = {key: PARAMS[key] for key in ("mediaTypeOverride", "includeAttachments", "includeEmbeddings")}
    params = few | {"includePredictions": True, "includeModelRunDetails": False}
    wanted = {"filters": {"modelRunId": "run-own"}, "params": params}
    config = report_of(oscar, EXPORT_MODEL_RUN, wanted).config
    assert config["scope"] == {"kind": "model_run", "id": "run-own"}
    assert config["include"] == ["predictions"]


@pytest.mark.parametrize("mine", [True, False])
def test_what_is_somebody_elses_is_not_found_and_what_may_only_be_seen_is_refused(
    world: World, oscar: Rest, mine: bool
):
    client, name = (world.script("rita"), "own") if mine else (oscar, "foreign")
    asked = (
        (EXPORT_CATALOG, catalog_input(of_dataset(f"ds-{name}"))),
        (EXPORT_SLICE, catalog_input() | {"filters": {"sliceId": f"slice-{name}"}}),
        (EXPORT_MODEL_RUN, {"filters": {"modelRunId": f"run-{name}"}}),
    )
    for query, sent in asked:
        code, message = error(client, query, {"input": sent})
        assert code == ("AUTHORIZATION_ERROR" if mine else "RESOURCE_NOT_FOUND"), query
        assert "Secret harbour" not in message
    nobody = world.script("mallory")
    assert error(nobody, EXPORT_CATALOG, {"input": catalog_input()})[0] == "RESOURCE_NOT_FOUND"


def test_which_catalog_is_meant_has_to_be_settled(world: World, oscar: Rest):
    other = Project.objects.create(connection=Connection.objects.create(name="Other", kind="store"), name="Other")
    sue = world.script("sue")
    code, message = error(sue, EXPORT_CATALOG, {"input": catalog_input()})
    assert (code, "bound to a project" in message) == ("RESOURCE_CONFLICT", True)
    bound = world.script("sue", project=other)
    assert report_of(bound, EXPORT_CATALOG, catalog_input()).project == other
    assert report_of(sue, EXPORT_CATALOG, catalog_input(of_dataset("ds-own"))).project == world.own.project


@pytest.mark.parametrize(
    ("sent", "sentence"),
    [
        (catalog_input(ids("batch", "b-own")), "type 'batch' does not filter this"),
        (catalog_input({"type": "task_queue_not_exist"}), "type 'task_queue_not_exist' does not filter this"),
        (catalog_input(ids("data_row_id", "a"), ids("global_key", "b")), "exclude each other"),
        (catalog_input(of_dataset("ds-own"), of_dataset("ds-other")), "dataset is given twice"),
        (catalog_input(ids("dataset", "ds-own", "ds-other")), "one dataset"),
        (catalog_input(projectIds=[f"p{n}" for n in range(31)]), "it cannot exceed 30 items"),
        (catalog_input(projectIds=["nosuch"]), "no project 'nosuch' of this connection"),
    ],
)
def test_what_the_page_does_not_allow_is_refused(oscar: Rest, sent: Any, sentence: str):
    code, message = error(oscar, EXPORT_CATALOG, {"input": sent})
    assert (code, sentence in message) == ("MALFORMED_REQUEST", True), message


def test_the_same_request_is_another_task_once_any_project_of_the_catalog_has_changed(world: World, oscar: Rest):
    first = report_of(oscar, EXPORT_CATALOG, catalog_input())
    assert report_of(oscar, EXPORT_CATALOG, catalog_input()) == first
    write_rows(world.foreign.project, [row("new")], now_ms=3_000)
    assert report_of(oscar, EXPORT_CATALOG, catalog_input()) != first


def test_of_two_runs_of_one_id_the_one_that_may_be_seen_is_meant(world: World, oscar: Rest):
    StoreModelRun.objects.filter(run_id="run-foreign").update(run_id="run-own")
    wanted = {"filters": {"modelRunId": "run-own"}}
    assert report_of(oscar, EXPORT_MODEL_RUN, wanted).project == world.own.project


def test_the_same_request_is_another_task_once_the_slice_selects_something_else(world: World, oscar: Rest):
    wanted = catalog_input() | {"filters": {"sliceId": "slice-own"}}
    first = report_of(oscar, EXPORT_SLICE, wanted)
    assert report_of(oscar, EXPORT_SLICE, wanted) == first
    Slice.objects.filter(public_id="slice-own").update(filter={"media_types": ["audio"]})
    second = report_of(oscar, EXPORT_SLICE, wanted)
    assert second != first
    assert second.config["scope_settled"]["filter"] == {"media_types": ["audio"]}


def test_model_runs_go_with_data_rows_and_those_of_others_are_not_there(world: World, oscar: Rest):
    """The page gives both; all of them include those that are named."""
    wanted = catalog_input(of_dataset("ds-own"), modelRunIds=["run-own"], includePredictions=True)
    config = report_of(oscar, EXPORT_CATALOG, wanted).config
    assert (config["model_run_ids"], config["include"]) == (["run-own"], ["predictions"])
    assert [each["id"] for each in config["scope_settled"]["runs"]] == ["run-own"]
    wanted["params"]["allModelRuns"] = True
    config = report_of(oscar, EXPORT_CATALOG, wanted).config
    assert config["all_model_runs"] is True
    assert "run-foreign" not in [each["id"] for each in config["scope_settled"]["runs"]]
    for run in ("run-foreign", "nosuch"):
        wanted = catalog_input(of_dataset("ds-own"), modelRunIds=["run-own", run])
        code, message = error(oscar, EXPORT_CATALOG, {"input": wanted})
        assert code == "MALFORMED_REQUEST"
        assert message.endswith(f"no model run '{run}' in the catalog of this project")
