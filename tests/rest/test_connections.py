"""Connections over REST: made, changed, tested, granted and deleted; a secret is written and never answered."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from connections.models import Connection
from connections.steps import one_of_few
from exportadmin.audit.models import AuditEntry
from exports.models import ExportConfig
from tests.connections import toy
from tests.rest.world import Rest, World, whole

pytestmark = pytest.mark.django_db
CANARY = "canary-91d2e4"
NEW: dict[str, Any] = {
    "kind": "vault",
    "name": "Deep",
    "config": {"room": "east", "private_address": "10.0.0.7:9000"},
    "secrets": {"phrase": CANARY},
}


@pytest.fixture(autouse=True)
def vaults() -> Iterator[None]:
    """The kind is registered."""
    with toy.registered():
        yield


@pytest.fixture
def sue(world: World) -> Rest:
    return world.script("sue")


@pytest.fixture
def made(sue: Rest) -> dict:
    answer = sue.post("connections/", NEW)
    assert answer.status_code == 201, answer.content
    assert CANARY not in answer.content.decode()
    assert answer.headers["Location"].endswith(f"/connections/{answer.json()['id']}/")
    return answer.json()


def test_it_answers_an_id_and_of_its_secrets_only_that_they_are_set(made, sue):
    assert made["config"] == {"room": "EAST", "floor": "1", "alarm": True, "private_address": "10.0.0.7:9000"}
    phrase, knock = made["secrets"]["phrase"], made["secrets"]["knock"]
    assert (phrase["is_set"], phrase["set_by"], phrase["reference"]) == (True, "script of sue", "")
    assert knock == {"is_set": False, "set_at": None, "set_by": "", "reference": ""}
    assert (made["test"], made["disabled_at"], made["created_by"]) == (None, None, "script of sue")
    assert sue.get(f"connections/{made['id']}/").json() == made
    assert sue.get("connections/").json()["results"] == [made]


@pytest.mark.parametrize(
    ("address", "body", "field"),
    [
        ("connections/", {**NEW, "bucket": "x"}, "bucket"),
        ("connections/", {**NEW, "config": {"bucket": "x"}}, "config"),
        ("connections/", {**NEW, "secrets": {**NEW["secrets"], "pin": CANARY}}, "secrets"),
        ("connections/", {**NEW, "secrets": {"phrase": [CANARY]}}, "secrets.phrase"),
        ("connections/", {**NEW, "kind": "tape"}, "kind"),
        ("connections/ID/", {"kind": "vault"}, "kind"),
        ("connections/ID/", {"config": {"room": "9"}}, "config.room"),
        ("connections/ID/secrets/", {"phrase": CANARY}, "phrase"),
        ("connections/ID/secrets/", {}, "secrets"),
        ("connections/ID/secrets/", {"secrets": {"phrase": f" {CANARY}"}}, "secrets.phrase"),
        ("connections/ID/grants/", {"project": "nowhere"}, "project"),
        ("connections/ID/grants/", {}, "project"),
    ],
)
def test_what_is_unknown_or_wrong_is_refused_without_a_secret_in_the_answer(made, sue, address, body, field):
    call = sue.patch if address == "connections/ID/" else sue.post
    answer = call(address.replace("ID", made["id"]), body)
    assert (answer.status_code in (400, 404), answer.json()["field"]) == (True, field), answer.content
    assert CANARY not in answer.content.decode()


def test_it_is_changed_tested_rotated_disabled_and_enabled(made, sue):
    at = f"connections/{made['id']}/"
    tested = sue.post(f"{at}test/").json()
    assert [(step["key"], step["state"]) for step in tested["steps"]] == [
        ("reach", "passed"),
        ("open", "failed"),
        ("write", "skipped"),
    ]
    assert (tested["state"], tested["tested_by"]) == ("failed", "script of sue")
    assert sue.get(at).json()["test"] == tested
    rotated = sue.post(f"{at}secrets/", {"secrets": {"phrase": "sesame"}}).json()
    assert rotated["test"] is None
    assert rotated["secrets"]["phrase"]["set_at"] > made["secrets"]["phrase"]["set_at"]
    assert sue.post(f"{at}test/").json()["state"] == "passed"
    changed = sue.patch(at, {"name": "Deeper", "config": {"alarm": False}, "secrets": {"knock": "thrice"}}).json()
    assert (changed["name"], changed["config"]["alarm"], changed["config"]["room"]) == ("Deeper", False, "EAST")
    assert changed["secrets"]["knock"]["is_set"] is True
    assert sue.post(f"{at}disable/").json()["disabled_at"] is not None
    assert sue.post(f"{at}enable/").json()["disabled_at"] is None


def test_a_test_waits_for_nobody_while_others_are_tested(made, sue):
    with one_of_few(), one_of_few():
        answer = sue.post(f"connections/{made['id']}/test/")
    assert (answer.status_code, answer.json()["code"], "Retry-After" in answer.headers) == (503, "busy", True)
    assert Connection.objects.get(public_id=made["id"]).test_result == {}
    assert sue.post(f"connections/{made['id']}/test/").status_code == 200


def test_a_test_whose_process_died_does_not_run_for_ever(made, sue):
    began = timezone.now() - timedelta(hours=1)
    running = {"state": "running", "tested_by": "sue", "steps": []}
    Connection.objects.filter(public_id=made["id"]).update(tested_at=began, test_result=running)
    assert sue.get(f"connections/{made['id']}/").json()["test"]["state"] == "stopped"


def test_granted_it_is_seen_by_the_projects_people_without_where_its_secrets_are_kept(made, sue, world):
    at, own, foreign = f"connections/{made['id']}/", world.own.project, world.foreign.project
    alice = world.script("alice")
    sue.post(f"{at}secrets/", {"secrets": {"phrase": "env:PHRASE"}})
    assert sue.get(at).json()["secrets"]["phrase"]["reference"] == "env:PHRASE"
    assert alice.get(at).status_code == 404
    refused = AuditEntry.objects.filter(event="request.refused").first()
    assert (refused.object_id, refused.object_name) == (made["id"], "Deep")
    assert sue.post(f"{at}grants/", {"project": foreign.public_id}).status_code == 201
    granted = sue.post(f"{at}grants/", {"project": own.name})
    assert (granted.status_code, granted.json()["project"]) == (201, {"id": own.public_id, "name": own.name})
    seen = alice.get(at).json()
    assert (seen["config"]["room"], seen["secrets"]["phrase"]["is_set"]) == ("EAST", True)
    assert seen["secrets"]["phrase"]["reference"] == ""
    assert [grant["project"]["name"] for grant in alice.get(f"{at}grants/").json()] == [own.name]
    assert len(sue.get(f"{at}grants/").json()) == 2
    assert sue.delete(f"{at}grants/{own.public_id}/").status_code == 204
    assert alice.get(at).status_code == 404
    assert sue.delete(f"{at}grants/{own.public_id}/").status_code == 404


def test_used_by_says_what_would_miss_it_and_to_others_only_of_their_projects(made, sue, world):
    at = f"connections/{made['id']}/"
    for place in (world.own, world.foreign):
        sue.post(f"{at}grants/", {"project": place.project.public_id})
        body = {**place.config.body, "destination": {"kind": "vault", "connection": made["id"]}}
        ExportConfig.objects.filter(pk=place.config.pk).update(body=body)
    (use,) = sue.get(f"{at}used-by/").json()
    assert (use["what"], use["count"]) == ("config", 2)
    (use,) = world.script("oscar").get(f"{at}used-by/").json()
    config = world.own.config
    assert use == {
        "what": "config",
        "count": 1,
        "first": [{"id": config.public_id, "name": config.name, "project": world.own.project.name}],
    }
    refused = sue.delete(at)
    assert (refused.status_code, config.name in refused.json()["detail"]) == (409, True)
    ExportConfig.objects.all().delete()
    assert sue.delete(at).status_code == 204
    assert sue.get(at).status_code == 404


def test_the_trail_over_rest_tells_of_it_without_the_secret(made, sue, world):
    sue.post(f"connections/{made['id']}/secrets/", {"secrets": {"phrase": f"{CANARY}2"}})
    entries = whole(sue.get("audit/export/", {"event": "connection"})).decode()
    assert "connection.secret_rotated" in entries
    assert CANARY not in entries
