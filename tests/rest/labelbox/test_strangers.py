"""What becomes of an operation that names a thing of somebody else's: "not found", and one line of the trail."""

from __future__ import annotations

from typing import Any

import pytest

from connections.store.import_row import IncomingPredictions, IncomingRun
from connections.store.upsert import write_rows
from exportadmin.audit.models import REFUSED, AuditEntry
from exports.dialects.labelbox.operations import OPERATIONS
from exports.models import ExportReport, Slice
from tests.rest.labelbox.asking import (
    CANCEL,
    EXPORT_CATALOG,
    EXPORT_MODEL_RUN,
    EXPORT_PROJECT,
    EXPORT_SLICE,
    FROM_LINE,
    FROM_OFFSET,
    GET_BATCHES,
    GET_DATASET,
    GET_MODEL_RUN,
    GET_PROJECT,
    GET_SLICE,
    GET_SLICE_ROWS,
    HEADER,
    LIST_TASKS,
    ask,
    catalog_input,
    data,
    export,
    of_dataset,
)
from tests.rest.world import World
from tests.support.rows import box, row

pytestmark = pytest.mark.django_db
TASK, PROJECT, PERSON = "{task}", "{project}", "{person}"
STREAM = {"where": {"id": TASK}, "streamType": "RESULT"}
BY_ID = "query %s($id: ID!){%s(where: {id: $id}){%s}}"
# operation → what names a stranger's thing; None: it names nothing, and gives the caller's own
RULES: dict[str, tuple[str, Any] | None] = {
    "CurrentUserPyApi": None,
    "GetUserPyApi": None,
    "GetOrganizationPyApi": None,
    "GetProjectPyApi": (GET_PROJECT, {"param_0": PROJECT}),
    "GetProjectsPyApi": None,
    "GetDatasetPyApi": (GET_DATASET, {"param_0": "ds-foreign"}),
    "GetDatasetsPyApi": None,
    "GetProjectBatchesPyApi": (GET_BATCHES, {"projectId": PROJECT, "from": None, "first": 100}),
    "getProjectBatchPyApi": (BY_ID % ("getProjectBatchPyApi", "project", "batches {nodes {id}}"), {"id": PROJECT}),
    "getSavedQueryPyApi": (GET_SLICE, {"id": "slice-foreign"}),
    "GetCatalogSavedQueriesPyApi": None,
    "getDataRowIdenfifiersBySavedQueryPyApi": (GET_SLICE_ROWS, {"id": "slice-foreign", "from": None, "first": 100}),
    "GetEmbeddingsPyApi": None,
    "GetMetadataOntologyBetaPyApi": None,
    "GetModelRunPyApi": (GET_MODEL_RUN, {"param_0": "run-foreign"}),
    "GetModelsPyApi": None,
    "GetModelPyApi": (BY_ID % ("GetModelPyApi", "model", "id"), {"id": "model-foreign"}),
    "GetModelModelRunsPyApi": (
        BY_ID % ("GetModelModelRunsPyApi", "model", "modelRuns(skip: 0 first: 100){id}"),
        {"id": "model-foreign"},
    ),
    "exportDataRowsInProjectPyApi": (EXPORT_PROJECT, {"input": {"filters": {"projectId": PROJECT}}}),
    "exportDataRowsInCatalogPyApi": (EXPORT_CATALOG, {"input": catalog_input(of_dataset("ds-foreign"))}),
    "exportDataRowsInSlicePyApi": (EXPORT_SLICE, {"input": {"filters": {"sliceId": "slice-foreign"}}}),
    "exportDataRowsInModelRunPyApi": (EXPORT_MODEL_RUN, {"input": {"filters": {"modelRunId": "run-foreign"}}}),
    "GetUserCreatedTasksPyApi": (LIST_TASKS, {"param_0": PERSON}),
    "GetOrganizationTasksPyApi": None,
    "GetTaskCreatedByPyApi": (BY_ID % ("GetTaskCreatedByPyApi", "task", "createdBy {id}"), {"id": TASK}),
    "GetTaskOrganizationPyApi": (BY_ID % ("GetTaskOrganizationPyApi", "task", "organization {id}"), {"id": TASK}),
    "GetCancelableTaskTypesPyApi": None,
    "CancelTaskPyApi": (CANCEL, {"id": TASK}),
    "GetExportMetadataHeaderPyApi": (HEADER, STREAM),
    "GetExportFileFromOffsetPyApi": (FROM_OFFSET, STREAM | {"offset": "0"}),
    "GetExportFileFromLinePyApi": (FROM_LINE, STREAM | {"line": 0}),
}


@pytest.fixture
def foreign(world: World) -> dict[str, str]:
    """One of each thing that can be named, in a project that oscar does not know of."""
    place = world.foreign
    each = row("foreign-1", box(), row_id="foreign-1", dataset_id="ds-foreign")
    each.predictions = [IncomingPredictions(IncomingRun("run-foreign", "model-foreign", "Run", "Model"))]
    write_rows(place.project, [each], now_ms=2_000)
    Slice.objects.create(public_id="slice-foreign", project=place.project, name="Slice")
    ExportReport.objects.filter(pk=place.done.pk).update(format="labelbox_ndjson")
    sue = str(world.people["sue"].pk)
    return {TASK: place.done.report_id, PROJECT: place.project.public_id, PERSON: sue}


def filled(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: filled(inner, names) for key, inner in value.items()}
    return names.get(value, value) if isinstance(value, str) else value


def test_every_operation_has_a_rule():
    assert RULES.keys() == OPERATIONS.keys()


@pytest.mark.parametrize("operation", [name for name, rule in RULES.items() if rule is not None])
def test_a_strangers_thing_is_not_found_and_that_is_one_line_of_the_trail(
    world: World, foreign: dict[str, str], operation: str
):
    rule = RULES[operation]
    assert rule is not None
    client = world.script("oscar")
    before = AuditEntry.objects.order_by("-sequence")[0].sequence
    answer = ask(client, rule[0], filled(rule[1], foreign))
    assert answer.status_code == 404, answer.content
    assert answer.json()["errors"][0]["extensions"]["code"] == "RESOURCE_NOT_FOUND"
    assert b"Secret harbour" not in answer.content
    (line,) = AuditEntry.objects.filter(sequence__gt=before)
    assert (line.event, line.outcome, line.channel) == ("request.refused", REFUSED, "dialect:labelbox")
    assert line.reason == "not visible to the one who asked"


def test_of_somebody_else_who_made_a_task_only_the_name_is_told(world: World):
    report = export(world.script("oscar"), world)
    query = BY_ID % ("GetTaskCreatedByPyApi", "task", "createdBy {id email name lastLoginAt}")
    own = data(world.script("oscar"), query, {"id": report.report_id})["task"]["createdBy"]
    assert None not in (own["email"], own["createdAt"], own["timezone"])
    told = data(world.script("rita"), query, {"id": report.report_id})["task"]["createdBy"]
    assert (told.pop("id"), told.pop("name")) == (own["id"], own["name"])
    assert set(told) | {"id", "name"} == set(own)
    assert set(told.values()) == {None}
