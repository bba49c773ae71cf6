"""What becomes of one operation of Labelbox's SDK here: reports, refusals, who sees what, the trail."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F
from django.utils import timezone

from connections.access.roles import SCOPES
from connections.store.models import StoreProject
from exportadmin.audit.models import AuditEntry
from exportadmin.runs import statuses
from exports.models import ExportReport
from tests.rest.labelbox.asking import (
    CANCEL,
    EXPORT_PROJECT,
    GET_PROJECT,
    GET_PROJECTS,
    GET_TASK,
    GET_USER,
    GRAPHQL,
    HEADER,
    LIST_TASKS,
    PARAMS,
    POLL,
    TASKS_IN_STATE,
    ask,
    data,
    error,
    export,
    project_input,
    stream,
)
from tests.rest.world import Rest, World

pytestmark = pytest.mark.django_db


@pytest.fixture
def oscar(world: World) -> Rest:
    return world.script("oscar")


def test_it_becomes_a_report_like_any_other(world: World, oscar: Rest):
    report = export(oscar, world, name="Weekly", includeLabelDetails=True, includeDataRowDetails=True)
    assert (report.status, report.name, report.format) == (statuses.QUEUED, "Weekly", "labelbox_ndjson")
    assert (report.config["include"], report.config["labels"]) == (["data_row_details", "label_details"], "all")
    entry = AuditEntry.objects.filter(event="export.requested").order_by("-sequence")[0]
    assert (entry.channel, entry.actor_name) == ("dialect:labelbox", "script of oscar")


def test_a_request_sent_again_is_the_same_task_for_two_minutes(world: World, oscar: Rest):
    """The SDK sends it again for 120 seconds when an answer is late."""
    first = export(oscar, world)
    assert export(oscar, world) == first
    assert export(oscar, world, name="Other") != first
    assert export(world.script("oscar"), world) != first
    StoreProject.objects.filter(project=world.own.project).update(revision=F("revision") + 1)
    second = export(oscar, world)
    assert second != first
    made = {"status": statuses.COMPLETED, "created_at": timezone.now() - timedelta(seconds=121)}
    ExportReport.objects.filter(pk=second.pk).update(**made)
    assert export(oscar, world) != second


def test_a_browsers_session_opens_nothing_and_no_other_words_before_the_key(world: World):
    browser = Rest()
    browser.client = world.browser("alice")
    assert ask(browser, GET_USER).status_code == 401
    key = world.token("oscar")[1]
    for header in (f"Token {key}", "Bearer", "Bearer ea_nosuch", key):
        other = Rest()
        other.client.defaults["HTTP_AUTHORIZATION"] = header
        answer = ask(other, GET_USER)
        assert answer.status_code == 401, header
        assert answer.json()["errors"][0]["extensions"]["code"] == "AUTHENTICATION_ERROR"


def test_nothing_of_a_browser_stands_in_the_way_of_a_script(world: World):
    client = Rest(world.token("oscar")[1], enforce_csrf_checks=True, HTTP_ORIGIN="https://app.labelbox.com")
    assert ask(client, GET_USER).status_code == 200


def test_an_unknown_operation_says_what_is_known(oscar: Rest):
    code, message = error(oscar, "mutation CreateProjectPyApi($d: X!){createProject(data: $d){id}}", {"d": {}})
    assert code == "GRAPHQL_VALIDATION_FAILED"
    assert message.startswith("operation 'CreateProjectPyApi' is not known here; known: ")


@pytest.mark.parametrize("body", [{"query": "{user{id}}"}, {"query": 5}, {}, [], {"query": GET_USER, "more": 1}])
def test_what_is_no_operation_is_malformed(oscar: Rest, body: Any):
    answer = oscar.post(GRAPHQL, body)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["extensions"]["code"] == "MALFORMED_REQUEST"


def test_the_second_address_of_the_sdk_is_the_same(oscar: Rest):
    answer = oscar.post("/dialects/labelbox/_gql", {"query": GET_USER})
    assert answer.json()["data"]["user"]["nickname"] == "oscar"


def test_every_field_that_a_release_asks_for_is_there(world: World, oscar: Rest):
    """Of one that is not, the SDK raises ``KeyError``."""
    project = data(oscar, GET_PROJECT, {"param_0": world.own.project.public_id})["project"]
    assert set(GET_PROJECT.rpartition("){")[2].strip("}").split()) <= set(project)
    assert (project["name"], project["dataRowCount"], project["queueMode"]) == ("Street scenes", 40, "BATCH")
    user = data(oscar, GET_USER)["user"]
    assert set(GET_USER.rpartition("{")[2].strip("}").split()) | {"intercomHash", "timezone"} <= set(user)
    variables = {"param_0": export(oscar, world).report_id, "param_1": user["id"]}
    (task,) = data(oscar, POLL, variables)["user"]["createdTasks"]
    assert set(POLL.rpartition("{")[2].strip("}").split()) <= set(task)
    assert (task["type"], task["result"], task["errors"]) == ("export-data-rows", None, None)


def test_projects_are_listed_and_found_by_name(world: World, oscar: Rest):
    listed = "query GetProjectsPyApi($param_0: Boolean!){projects(where: {deleted: $param_0} skip: %d first: 100){id}}"
    own = {"id": world.own.project.public_id}
    assert [own["id"]] == [one["id"] for one in data(oscar, listed % 0, {"param_0": False})["projects"]]
    assert (
        data(oscar, listed % 100, {"param_0": False}) == data(oscar, listed % 0, {"param_0": True}) == {"projects": []}
    )
    for name, found in (("Street scenes", 1), ("Street", 0), ("Secret harbour", 0)):
        assert len(data(oscar, GET_PROJECTS, {"param_0": name, "param_1": False})["projects"]) == found
    unknown = listed.replace("deleted", "createdAt_gt")
    assert error(oscar, unknown % 0, {"param_0": "2020-01-01"})[1] == (
        "projects are not found by 'createdAt_gt' here; known: deleted, name, id"
    )


@pytest.mark.parametrize("person", ["mallory", "rita"])
def test_who_may_not_export_is_told_so_and_a_stranger_nothing(world: World, person: str):
    client = world.script(person)
    code, message = error(client, EXPORT_PROJECT, {"input": project_input(world)})
    assert code == {"mallory": "RESOURCE_NOT_FOUND", "rita": "AUTHORIZATION_ERROR"}[person]
    assert ("Street scenes" in message) is (person == "rita")


def test_a_strangers_object_is_not_found_through_any_operation(world: World, oscar: Rest):
    foreign = world.foreign.project.public_id
    wanted = project_input(world)
    wanted["filters"]["projectId"] = foreign
    assert error(oscar, EXPORT_PROJECT, {"input": wanted})[0] == "RESOURCE_NOT_FOUND"
    assert error(oscar, GET_PROJECT, {"param_0": foreign})[0] == "RESOURCE_NOT_FOUND"
    sues = ExportReport.objects.get(pk=world.foreign.done.pk)
    ExportReport.objects.filter(pk=sues.pk).update(format="labelbox_ndjson", requested_by=world.people["sue"].pk)
    for query, variables in ((HEADER, stream(sues)), (CANCEL, {"id": sues.report_id})):
        assert error(oscar, query, variables)[0] == "RESOURCE_NOT_FOUND"
    me = data(oscar, GET_USER)["user"]["id"]
    before = AuditEntry.objects.filter(event="request.refused").count()
    assert data(oscar, GET_TASK, {"userId": me, "taskId": sues.report_id}) == {"user": {"createdTasks": []}}
    assert AuditEntry.objects.filter(event="request.refused").count() == before + 1
    she = str(world.people["sue"].pk)
    assert error(oscar, LIST_TASKS, {"param_0": she})[0] == "RESOURCE_NOT_FOUND"


@pytest.mark.parametrize("scope", SCOPES)
def test_a_token_can_do_here_what_its_scopes_say(world: World, scope: str):
    client = world.script("alice", scope, project=world.own.project)
    status = ask(client, EXPORT_PROJECT, {"input": project_input(world)}).status_code
    assert status == (200 if "start" in SCOPES[scope][0] else 403)


def test_tasks_of_somebody_else_are_not_among_ones_own(world: World, oscar: Rest):
    mine, alices = export(oscar, world), export(world.script("alice"), world)
    me = data(oscar, GET_USER)["user"]["id"]
    listed = data(oscar, LIST_TASKS, {"param_0": me})["user"]["createdTasks"]
    assert [one["id"] for one in listed] == [mine.report_id]
    everything = data(oscar, "query GetOrganizationTasksPyApi{organization{tasks(skip: 0 first: 100){id}}}")
    assert {one["id"] for one in everything["organization"]["tasks"]} == {mine.report_id, alices.report_id}
    assert "known: IN_PROGRESS, CANCELLING" in error(oscar, TASKS_IN_STATE, {"param_0": "DONE", "param_1": "here"})[1]


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ({"status": statuses.RUNNING, "rows_done": 10, "rows_expected": 40}, "IN_PROGRESS"),
        ({"status": statuses.RUNNING, "cancel_requested": True}, "CANCELLING"),
        ({"status": statuses.COMPLETED}, "COMPLETE"),
        ({"status": statuses.PARTIAL}, "COMPLETE"),
        ({"status": statuses.FAILED, "error": "no space left"}, "FAILED"),
        ({"status": statuses.ERRORED}, "FAILED"),
        ({"status": statuses.CANCELLED}, "CANCELED"),
    ],
)
def test_a_task_is_in_one_of_their_states(world: World, oscar: Rest, ours: dict[str, Any], theirs: str):
    report = export(oscar, world)
    ExportReport.objects.filter(pk=report.pk).update(**ours)
    me = data(oscar, GET_USER)["user"]["id"]
    (task,) = data(oscar, POLL, {"param_0": report.report_id, "param_1": me})["user"]["createdTasks"]
    assert task["status"] == theirs
    assert task["metadata"].get("error") == (ours.get("error") or ("errored" if theirs == "FAILED" else None))
    assert task["completionPercentage"] == {"COMPLETE": 100.0, "IN_PROGRESS": 25.0}.get(theirs, 0.0)
    found = {
        word: data(oscar, TASKS_IN_STATE, {"param_0": word, "param_1": "here"})["organization"]["tasks"]
        for word in ("IN_PROGRESS", "CANCELLING", "COMPLETE", "FAILED", "CANCELED")
    }
    assert {word: tasks for word, tasks in found.items() if tasks} == {theirs: [task]}


def test_a_task_is_cancelled_and_one_that_ended_is_not(world: World, oscar: Rest):
    report = export(oscar, world)
    types = data(oscar, "query GetCancelableTaskTypesPyApi{cancelableTaskTypes}")["cancelableTaskTypes"]
    assert "export-data-rows" in types  # what the SDK looks for before it asks
    assert data(oscar, CANCEL, {"id": report.report_id}) == {"cancelBulkOperationJob": {"success": True}}
    report.refresh_from_db()
    assert report.status == statuses.CANCELLED
    assert error(oscar, CANCEL, {"id": report.report_id})[0] == "RESOURCE_CONFLICT"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"batch_ids": ["b"]}, "batch_ids"),
        ({"params": PARAMS | {"includePredictions": True}}, "includePredictions"),
        ({"params": PARAMS | {"includeLabelDetails": "yes"}}, "neither true nor false"),
        ({"filters": {"projectId": "p", "datasetId": "d"}}, "datasetId"),
        ({"filters": {"searchQuery": {"query": []}}}, "required"),
    ],
)
def test_a_key_that_it_does_not_know_is_refused_by_its_name(
    world: World, oscar: Rest, change: dict[str, Any], sentence: str
):
    answer = ask(oscar, EXPORT_PROJECT, {"input": project_input(world) | change}).json()
    (found,) = answer["errors"]
    assert found["extensions"]["code"] == "MALFORMED_REQUEST"
    assert sentence in found["message"] or sentence in found["extensions"]["field"]
    assert found["errors"] == found["message"]  # the SDK shows this key


def test_who_asks_too_often_is_told_in_the_words_that_the_sdk_reads(
    world: World, oscar: Rest, monkeypatch: pytest.MonkeyPatch
):
    from exportadmin.lib.throttles import PersonThrottle

    monkeypatch.setattr(PersonThrottle, "THROTTLE_RATES", {"anon": None, "user": "1/min", "wrong_key": None})
    ask(oscar, GET_USER)
    answer = ask(oscar, GET_USER)
    assert answer.status_code == 429
    assert answer.json()["message"].startswith("You have exceeded")
