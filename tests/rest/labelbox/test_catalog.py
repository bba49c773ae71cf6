"""Datasets, batches, slices and model runs: they are listed, found, and exported by whoever may."""

from __future__ import annotations

from typing import Any

import pytest

from connections.access.models import Membership
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


def elsewhere(*row_ids: str) -> Project:
    """A project of another connection with rows of the dataset that the own project has."""
    other = Project.objects.create(connection=Connection.objects.create(name="Other", kind="store"), name="Other")
    rows = [row(one, box(), row_id=one, dataset_id="ds-own") for one in row_ids]
    write_rows(other, rows, now_ms=2_000)
    return other


@pytest.mark.parametrize("query", [[ids("data_row_id", "own-1", "other-1")], [of_dataset("ds-own")]])
def test_rows_of_several_connections_are_refused_and_not_left_out(world: World, oscar: Rest, query: list[Any]):
    other = elsewhere("other-1")
    assert report_of(oscar, EXPORT_CATALOG, catalog_input(*query)).project == world.own.project
    Membership.objects.create(project=other, user=world.people["oscar"], role="operator")
    code, message = error(oscar, EXPORT_CATALOG, {"input": catalog_input(*query)})
    assert (code, "of several connections" in message) == ("RESOURCE_CONFLICT", True)
    one = catalog_input(ids("data_row_id", "other-1"))
    assert report_of(oscar, EXPORT_CATALOG, one).project == other


DATASETS = (
    "query GetDatasetsPyApi($param_0: Boolean!){datasets(where: {deleted: $param_0} skip: %d first: 100){id name}}"
)
BATCH = (
    "query getProjectBatchPyApi($projectId: ID!, $batchId: ID!){project(where: {id: $projectId})"
    "{batches(where: {id: $batchId}) {nodes {id name size} pageInfo {endCursor}}}}"
)


def test_datasets_and_batches_are_found_however_many_there_are_and_without_a_name(world: World, oscar: Rest):
    rows = [row(f"g-{n}", box(), row_id=f"g-{n}", dataset_id=f"dd-{n:03}", batch_id=f"bb-{n:03}") for n in range(230)]
    write_rows(world.own.project, rows, now_ms=3_000)
    assert data(oscar, GET_DATASET, {"param_0": "dd-229"})["dataset"]["rowCount"] == 1
    pages = [data(oscar, DATASETS % skip, {"param_0": False})["datasets"] for skip in (0, 100, 200, 300)]
    listed = [one["id"] for page in pages for one in page]
    assert {f"dd-{n:03}" for n in range(230)} | {"ds-own"} <= set(listed)
    assert (len(listed), [len(page) for page in pages[:2]], pages[3]) == (len(set(listed)), [100, 100], [])
    own, cursor = world.own.project.public_id, None
    found: list[str] = []
    while not found or cursor is not None:
        told = data(oscar, GET_BATCHES, {"projectId": own, "from": cursor, "first": 100})["project"]["batches"]
        assert len(told["nodes"]) <= 100
        cursor = told["pageInfo"]["endCursor"]
        found += [one["id"] for one in told["nodes"]]
    assert sorted(found) == sorted({*(f"bb-{n:03}" for n in range(230)), "b-own"})
    (one,) = data(oscar, BATCH, {"projectId": own, "batchId": "bb-229"})["project"]["batches"]["nodes"]
    assert (one["id"], one["size"]) == ("bb-229", 1)


def test_of_runs_with_one_id_that_is_exported_which_the_token_may_export(world: World, oscar: Rest):
    """Of several projects: the older one may only be seen."""
    other = Project.objects.create(connection=world.own.project.connection, name="Newer")
    Membership.objects.create(project=other, user=world.people["oscar"], role="operator")
    Membership.objects.filter(project=world.own.project, user=world.people["oscar"]).update(role="reviewer")
    run = StoreModelRun.objects.get(run_id="run-own")
    run.pk, run.project = None, other
    run.save()
    assert report_of(oscar, EXPORT_MODEL_RUN, {"filters": {"modelRunId": "run-own"}}).project == other
