"""What an export reads: which parameters and filters go with which scope, and what is refused by name."""

from __future__ import annotations

import pytest

from connections.store.models import StoreModelRun
from exportadmin.lib.errors import UserError
from exports.display.selection_line import one_line
from exports.spec.conditions import CONDITIONS
from exports.spec.scope import SCOPES, Scope
from exports.spec.spec import ExportSpec

pytestmark = pytest.mark.django_db

OF_CATALOG = [key for key, each in SCOPES.items() if each.is_of_catalog]
FILTERS = {
    "last_activity_at": ["2026-01-01", None],
    "label_created_at": [None, "2026-01-01"],
    "global_keys": ["k1"],
    "data_row_ids": ["d1"],
    "batch_ids": ["b1"],
    "workflow_status": ["Done"],
    "statuses": ["review"],
    "with_annotations": True,
    "since_revision": 3,
}
OF_DATA_ROWS = {"last_activity_at", "label_created_at", "global_keys", "data_row_ids"}


def scope_of(kind: str) -> dict[str, str]:
    return {"kind": kind, "id": "x1"} if SCOPES[kind].takes_id else {"kind": kind}


def body(kind: str, **more: object) -> dict[str, object]:
    if kind == "data_rows" and "filter" not in more:
        more["filter"] = {"data_row_ids": ["d1"]}
    return {"format": "ndjson", "scope": scope_of(kind), **more}


@pytest.mark.parametrize("kind", SCOPES)
@pytest.mark.parametrize("key", FILTERS)
def test_each_scope_takes_the_filters_of_the_matrix_and_refuses_the_others_by_name(project, kind, key):
    goes = kind == "project" or (key in OF_DATA_ROWS and kind not in ("slice", "model_run"))
    filter_ = {key: FILTERS[key]}
    if kind == "data_rows" and not CONDITIONS[key].names_rows:
        filter_["data_row_ids"] = ["d1"]
    if goes:
        assert key in ExportSpec.parse(body(kind, filter=filter_), project).selection.conditions
        return
    with pytest.raises(UserError, match=f"the filter {key} does not go with the scope {kind}") as refused:
        ExportSpec.parse(body(kind, filter=filter_), project)
    assert refused.value.field == f"filter.{key}"


def test_a_status_beside_the_filter_goes_with_a_project_alone(project):
    with pytest.raises(UserError, match="the filter statuses does not go with the scope catalog") as refused:
        ExportSpec.parse(body("catalog", statuses=["review"]), project)
    assert refused.value.field == "statuses"


@pytest.mark.parametrize("key", ["project_ids", "model_run_ids", "all_projects", "all_model_runs"])
@pytest.mark.parametrize("kind", SCOPES)
def test_labels_of_projects_and_runs_go_with_the_catalog_alone(project, kind, key):
    value: object = ["p1"] if key.endswith("_ids") else True
    if kind in OF_CATALOG:
        assert getattr(ExportSpec.parse(body(kind, **{key: value}), project).selection.scope, key)
        return
    with pytest.raises(UserError, match=f"{key} does not go with the scope {kind}") as refused:
        ExportSpec.parse(body(kind, **{key: value}), project)
    assert refused.value.field == key


@pytest.mark.parametrize(
    ("more", "field", "message"),
    [
        ({"project_ids": []}, "project_ids", "empty list"),
        ({"project_ids": "p1"}, "project_ids", "expected a list of ids"),
        ({"project_ids": [7]}, "project_ids[0]", "expected an id"),
        ({"project_ids": [f"p{n}" for n in range(31)]}, "project_ids", "cannot exceed 30 items"),
        ({"model_run_ids": [f"m{n}" for n in range(31)]}, "model_run_ids", "cannot exceed 30 items"),
        ({"project_ids": ["p1"], "all_projects": True}, "project_ids", "exclude each other"),
        ({"all_projects": "yes"}, "all_projects", "expected true or false"),
        ({"filter": {"data_row_ids": ["d"], "global_keys": ["k"]}}, "filter", "name data rows in one way"),
        ({"filter": {"data_row_ids": []}}, "filter.data_row_ids", "empty list"),
        ({"scope": "catalog"}, "scope", "expected a JSON object"),
        ({"scope": {"kind": "folder"}}, "scope.kind", "known: project, dataset"),
        ({"scope": {"kind": "dataset"}}, "scope.id", "expected the id of the dataset"),
        ({"scope": {"kind": "catalog", "id": "x"}}, "scope.id", "takes no id"),
        ({"scope": {"kind": "catalog", "name": "x"}}, "scope.name", "unknown key 'name' of the scope"),
        ({"scope": {"kind": "data_rows"}, "filter": {}}, "filter", "give global_keys or data_row_ids"),
        ({"include": ["backup"]}, "include", "does not go with the scope catalog"),
        ({"scope_settled": {"projects": [], "labels_of": []}}, "scope_settled", "unknown key"),
    ],
)
def test_what_has_no_meaning_is_refused_by_its_name(project, more, field, message):
    with pytest.raises(UserError, match=message) as refused:
        ExportSpec.parse({"format": "json", "scope": {"kind": "catalog"}, **more}, project)
    assert refused.value.field == field


def test_thirty_projects_are_not_too_many_and_one_named_twice_is_one(project):
    ids = [f"p{n}" for n in range(30)]
    spec = ExportSpec.parse(body("catalog", project_ids=[*ids, "p0"]), project)
    assert spec.selection.scope.project_ids == tuple(ids)


@pytest.mark.parametrize("kind", SCOPES)
def test_a_frozen_scope_is_read_as_it_was_written(project, kind):
    StoreModelRun.objects.create(project=project, run_id="x1", name="v1", model_id="m1", model_name="M")
    more = {"project_ids": ["p1", "p2"], "all_model_runs": True} if kind in OF_CATALOG else {}
    spec = ExportSpec.parse(body(kind, **more), project)
    again = ExportSpec.from_json(spec.to_json(), project)
    assert again == spec
    assert ("scope" in spec.to_json()) == (kind != "project")


def test_a_line_of_a_list_says_the_scope_first(project):
    spec = ExportSpec.parse(body("dataset", filter={"global_keys": ["k1"]}), project)
    assert one_line(spec.to_json()) == "dataset 'x1'; 1 global key"
    assert one_line(ExportSpec.parse(body("catalog"), project).to_json()) == "the catalog"
    assert one_line({"scope": {"kind": "moon"}}) == "a scope that is not known"
    assert Scope().text == ""
