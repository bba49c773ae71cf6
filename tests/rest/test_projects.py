"""Projects in REST: made, changed, deleted; names of several are refused with their ids."""

from __future__ import annotations

from typing import Any

import pytest

from connections.access.models import Membership
from connections.models import Connection, Project
from connections.sync.models import SyncRun
from exportadmin.audit.models import AuditEntry
from exports.models import ExportReport, Proof
from tests.rest.world import FOREIGN, OWN, World

# --- bad days --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": " "}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"name": 7}, "name"),
        ({"name": None}, "name"),
        ({"name": "New", "title": "x"}, "title"),
        ({"name": "New", "external_id": "x"}, "external_id"),
        ({"name": "New", "time_zone": "Mars/Olympus"}, "time_zone"),
        ({"name": "New", "description": "x" * 2001}, "description"),
        ({"name": "New", "description": ["x"]}, "description"),
    ],
)
def test_a_project_that_cannot_be_is_refused_by_its_field(world: World, body: dict[str, Any], field: str):
    answer = world.script("sue").post("projects/", body)
    assert (answer.status_code, answer.json()["field"]) == (400, field)
    if body.get("name"):
        changed = world.script("sue").send("PATCH", f"projects/{OWN}/", body)
        assert (changed.status_code, changed.json()["field"]) == (400, field)
    assert sorted(Project.objects.values_list("name", flat=True)) == sorted([OWN, FOREIGN])


def test_a_name_that_is_taken_is_a_conflict(world: World):
    for answer in (
        world.script("sue").post("projects/", {"name": FOREIGN}),
        world.script("sue").send("PATCH", f"projects/{OWN}/", {"name": FOREIGN}),
    ):
        assert (answer.status_code, answer.json()["field"]) == (409, "name")


def test_a_token_that_is_bound_to_a_project_makes_none(world: World):
    script = world.script("sue", project=world.own.project)
    assert script.post("projects/", {"name": "New"}).status_code == 403
    assert world.script("alice", "exports:run").post("projects/", {"name": "New"}).status_code == 403


def test_a_name_of_several_is_a_conflict_that_lists_only_what_the_caller_may_see(world: World):
    platform = Connection.objects.create(name="Platform", kind="store")
    twin = Project.objects.create(connection=platform, name=OWN)
    assert world.script("alice").get(f"projects/{OWN}/").json()["id"] == world.own.project.public_id
    answer = world.script("sue").get(f"projects/{OWN}/")
    assert answer.status_code == 409
    assert twin.public_id in answer.json()["detail"] and world.own.project.public_id in answer.json()["detail"]
    asked = world.script("sue").post("reports/", {"project": OWN, "format": "csv"})
    assert (asked.status_code, asked.json()["field"]) == (409, "project")
    assert world.script("sue").get(f"projects/{twin.public_id}/").status_code == 200


@pytest.mark.parametrize("query", ["", "?confirm=", "?confirm=street%20scenes", "?confirm=yes&force=1"])
def test_without_its_name_it_is_not_deleted(world: World, query: str):
    ExportReport.objects.filter(pk=world.own.waiting.pk).update(status="cancelled")
    answer = world.script("alice").delete(f"projects/{world.own.project.public_id}/{query}")
    assert answer.status_code == 400
    assert answer.json()["field"] in ("confirm", "force")
    assert Project.objects.filter(pk=world.own.project.pk).exists()


def test_while_a_run_waits_it_is_a_conflict_that_names_it(world: World):
    answer = world.script("alice").delete(f"projects/{world.own.project.public_id}/?confirm={OWN}")
    assert answer.status_code == 409
    assert world.own.waiting.report_id in answer.json()["detail"]


# --- made, changed, deleted ------------------------------------------------------------------------------------------


def test_an_admin_makes_a_project_and_is_its_admin(world: World):
    answer = world.script("alice").post(
        "projects/", {"name": " New ", "description": "Boats", "time_zone": "Asia/Tokyo"}
    )
    assert answer.status_code == 201
    made = Project.objects.get(name="New")
    said = answer.json()
    assert said == {
        "id": made.public_id, "name": "New", "description": "Boats", "time_zone": "Asia/Tokyo",
        "connection": "Built-in store", "external_id": "", "created_at": said["created_at"],
    }  # fmt: skip
    assert answer["Location"] == f"http://testserver/api/v1/projects/{made.public_id}/"
    assert world.script("alice").get(answer["Location"]).json() == said
    assert [each.user.username for each in Membership.objects.filter(project=made)] == ["alice"]
    assert world.script("oscar").get(f"projects/{made.public_id}/").status_code == 404


def test_what_is_not_given_stays(world: World):
    path = f"projects/{world.own.project.public_id}/"
    assert world.script("alice").send("PATCH", path, {}).json()["name"] == OWN
    assert not AuditEntry.objects.filter(event="project.changed").exists()
    answer = world.script("alice").send("PATCH", path, {"name": "Roads", "description": ""})
    assert (answer.status_code, answer.json()["name"], answer.json()["time_zone"]) == (200, "Roads", "UTC")
    entry = AuditEntry.objects.get(event="project.changed")
    assert (entry.before, entry.after, entry.channel) == ({"name": OWN}, {"name": "Roads"}, "rest")


def test_a_deleted_project_is_not_found_any_more_and_the_answer_says_what_goes(world: World):
    own = world.own
    ExportReport.objects.filter(pk=own.waiting.pk).update(status="cancelled")
    Proof.objects.filter(pk=own.proof.pk).update(status="cancelled")
    SyncRun.objects.filter(pk=own.syncing.pk).update(status="cancelled")
    script = world.script("alice")
    path = f"projects/{own.project.public_id}/?confirm={OWN}"
    answer = script.delete(path)
    assert answer.status_code == 202, answer.content
    said = answer.json()
    assert (said["id"], said["name"], said["left_behind"]) == (own.project.public_id, OWN, [])
    assert said["counts"] | {"tokens": 0} == {
        "rows": 40, "exports": 4, "files": 2, "configs": 1, "slices": 1, "links": 1, "members": 3, "tokens": 0,
    }  # fmt: skip
    assert script.delete(path).status_code == 404
    sue = world.script("sue")
    for gone in (f"projects/{OWN}/", f"reports/{own.done.report_id}/", f"artifacts/{own.artifact.public_id}/",
                 f"configs/{own.config.public_id}/"):  # fmt: skip
        assert sue.get(gone).status_code == 404
    assert [each["project"]["name"] for each in sue.get("reports/").json()["results"]] == [FOREIGN] * 4
    assert {each["name"] for each in sue.get("projects/").json()["results"]} == {FOREIGN}
    assert AuditEntry.objects.get(event="project.deleted").outcome == "done"
