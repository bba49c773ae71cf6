"""Members, links and the trail in REST: who may, what is told, what is recorded."""

from __future__ import annotations

import csv
import io
import json

import pytest
from django.test import Client

from connections.access.models import Membership
from exportadmin.audit.models import AuditEntry
from exports.models import Link
from tests.rest.world import OWN, World, whole

# --- members ---------------------------------------------------------------------------------------------------------


def test_an_admin_gives_changes_and_takes_roles_and_each_is_on_the_trail(world: World):
    script = world.script("alice")
    path = f"projects/{OWN}/members/mallory/"
    assert script.put(path, {"role": "reviewer"}).json()["role"] == "reviewer"
    assert world.script("mallory").get(f"projects/{OWN}/").status_code == 200
    assert script.put(path, {"role": "operator"}).json()["role"] == "operator"
    listed = {each["user"]: each["role"] for each in script.get(f"projects/{OWN}/members/").json()}
    assert listed == {"alice": "admin", "mallory": "operator", "oscar": "operator", "rita": "reviewer"}
    assert script.delete(path).status_code == 204
    assert script.delete(path).status_code == 404
    assert world.script("mallory").get(f"projects/{OWN}/").status_code == 404
    events = AuditEntry.objects.filter(event__startswith="membership.", object_name="mallory").order_by("sequence")
    assert [(entry.event, entry.outcome) for entry in events] == [
        ("membership.granted", "done"),
        ("membership.changed", "done"),
        ("membership.revoked", "done"),
        ("membership.revoked", "refused"),
    ]


@pytest.mark.parametrize("person", ["rita", "oscar"])
def test_nobody_else_learns_which_accounts_there_are(world: World, person: str):
    script = world.script(person)
    there = script.put(f"projects/{OWN}/members/mallory/", {"role": "admin"})
    nobody = script.put(f"projects/{OWN}/members/nobody/", {"role": "admin"})
    assert (there.status_code, there.json()["detail"]) == (nobody.status_code, nobody.json()["detail"])
    assert there.status_code == 403
    assert Membership.objects.count() == 3


@pytest.mark.parametrize(
    "body", [{}, {"role": "owner"}, {"role": None}, {"role": ["admin"]}, {"role": "admin", "x": 1}]
)
def test_a_role_that_there_is_not_is_refused(world: World, body):
    answer = world.script("alice").put(f"projects/{OWN}/members/mallory/", body)
    assert answer.status_code == 400
    assert answer.json()["field"] in ("role", "x")
    assert Membership.objects.count() == 3


def test_a_role_that_was_taken_ends_everything_at_once(world: World):
    oscar = world.script("oscar")
    assert oscar.get(f"reports/{world.own.done.report_id}/").status_code == 200
    world.script("alice").delete(f"projects/{OWN}/members/oscar/")
    assert oscar.get(f"reports/{world.own.done.report_id}/").status_code == 404
    assert oscar.get("reports/").json()["results"] == []


# --- links -----------------------------------------------------------------------------------------------------------


def test_a_link_works_for_anybody_until_it_is_revoked(world: World):
    script = world.script("oscar")
    answer = script.post(f"artifacts/{world.own.artifact.public_id}/links/", {"seconds": 600})
    assert answer.status_code == 201
    link = answer.json()
    assert 590 <= link["seconds_left"] <= 600
    assert link["url"].startswith("http://testserver/exports/l/")
    anybody = Client()
    page = anybody.get(link["url"])
    assert page.status_code == 200
    delivered = whole(anybody.get(link["file_url"]))
    assert len(delivered) == world.own.artifact.bytes
    secret = link["url"].rstrip("/").rpartition(".")[2]
    listed = script.get("links/", {"report": world.own.done.report_id})
    assert link["link_id"] in [each["link_id"] for each in listed.json()["results"]]
    assert secret not in listed.content.decode()
    for _ in range(2):  # twice is no error
        ended = script.post(f"links/{link['link_id']}/revoke/").json()
        assert (ended["seconds_left"], bool(ended["revoked_at"])) == (0, True)
    assert anybody.get(f"{link['url']}file").status_code == 410


def test_an_empty_body_asks_for_a_link_of_an_hour(world: World):
    link = world.script("oscar").post(f"artifacts/{world.own.artifact.public_id}/links/").json()
    assert 3590 <= link["seconds_left"] <= 3600
    assert (link["one_time"], link["for_user"], link["created_by"]) == (False, None, "script of oscar")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"seconds": 59}, "seconds"),
        ({"seconds": 2_592_001}, "seconds"),
        ({"seconds": "600"}, "seconds"),
        ({"seconds": 600.5}, "seconds"),
        ({"seconds": True}, "seconds"),
        ({"one_time": "yes"}, "one_time"),
        ({"one_time": 1}, "one_time"),
        ({"for_user": "nobody"}, "for_user"),
        ({"for_user": 1}, "for_user"),
        ({"expires": 600}, "expires"),
    ],
    ids=str,
)
def test_a_link_that_makes_no_sense_is_refused(world: World, body, field):
    before = Link.objects.count()
    answer = world.script("oscar").post(f"artifacts/{world.own.artifact.public_id}/links/", body)
    assert (answer.status_code, answer.json()["field"]) == (400, field)
    assert Link.objects.count() == before


def test_who_may_not_issue_links_does_not_learn_of_accounts(world: World):
    path = f"artifacts/{world.own.artifact.public_id}/links/"
    told = [world.script("rita").post(path, {"for_user": name}) for name in ("mallory", "nobody")]
    assert {answer.status_code for answer in told} == {403}
    assert told[0].json()["detail"] == told[1].json()["detail"]


def test_a_token_that_reads_does_not_share(world: World):
    """A link works without sign-in: handing one out is more than reading."""
    path = f"artifacts/{world.own.artifact.public_id}/"
    reader = world.script("oscar", "exports:read")
    sharer = world.script("oscar", "links:issue", "exports:read")
    assert reader.get(f"{path}download/").status_code == 200
    assert reader.post(f"{path}links/").status_code == 403
    assert reader.post(f"links/{world.own.link.public_id}/revoke/").status_code == 403
    assert sharer.post(f"{path}links/").status_code == 201


def test_a_token_that_may_not_download_hands_out_no_link_either(world: World):
    """Through the link it would have what it may not take."""
    path = f"artifacts/{world.own.artifact.public_id}/"
    alone = world.script("oscar", "links:issue")
    assert alone.get(f"{path}download/").status_code == 403
    answer = alone.post(f"{path}links/")
    assert (answer.status_code, "may not download" in answer.json()["detail"]) == (403, True)
    assert alone.post(f"links/{world.own.link.public_id}/revoke/").status_code == 200


# --- the trail -------------------------------------------------------------------------------------------------------


def test_each_reads_the_trail_of_their_own_projects(world: World):
    for person, expected in {"rita": {OWN}, "alice": {OWN}, "sue": {OWN, "Secret harbour", ""}}.items():
        found = world.script(person).get("audit/", {"page_size": 200}).json()["results"]
        assert {entry["project"]["name"] for entry in found} == expected, person
        exported = [json.loads(line) for line in whole(world.script(person).get("audit/export/")).splitlines()]
        assert {entry["project_name"] for entry in exported} == expected, person
    for person in ("oscar", "mallory"):
        for path in ("audit/", "audit/export/"):
            assert world.script(person).get(path).status_code == 403
    bound = world.script("sue", "audit:read", project=world.own.project).get("audit/").json()["results"]
    assert {entry["project"]["name"] for entry in bound} == {OWN}


def test_a_filter_for_another_project_finds_nothing(world: World):
    for wanted in (world.foreign.project.name, world.foreign.project.public_id):
        assert world.script("rita").get("audit/", {"project": wanted}).json()["results"] == []
    for wanted in (world.foreign.done.report_id, world.foreign.artifact.name):
        assert world.script("rita").get("audit/", {"object": wanted}).json()["results"] == []


def test_filters_of_the_trail_keep_what_they_say(world: World):
    script = world.script("rita")
    script.get(f"artifacts/{world.own.artifact.public_id}/download/")
    every = script.get("audit/", {"page_size": 200}).json()["results"]
    assert [entry["sequence"] for entry in every] == sorted((entry["sequence"] for entry in every), reverse=True)
    completed = script.get("audit/", {"event": "export.completed"}).json()["results"]
    assert {entry["event"] for entry in completed} == {"export.completed"}
    front = script.get("audit/", {"event": "export", "page_size": 200}).json()["results"]
    assert {entry["event"].partition(".")[0] for entry in front} == {"export"}
    (refused,) = script.get("audit/", {"outcome": "refused", "actor": "script of rita"}).json()["results"]
    assert refused["sentence"].startswith("token script of rita tried to download street-scenes_")
    assert refused["project"]["name"] == OWN
    assert script.get("audit/", {"after": "2100-01-01"}).json()["results"] == []
    assert script.get("audit/", {"before": "2000-01-01"}).json()["results"] == []
    assert len(script.get("audit/", {"before": "2100-01-01", "page_size": 200}).json()["results"]) >= len(every)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"event": "nothing.happened"}, "event"),
        ({"outcome": "perhaps"}, "outcome"),
        ({"after": "soon"}, "after"),
        ({"sequence": "1"}, "sequence"),
        ({"actor": ""}, "actor"),
    ],
)
def test_what_the_trail_cannot_be_asked_is_said(world: World, query, field):
    for path in ("audit/", "audit/export/"):
        answer = world.script("rita").get(path, query)
        assert (answer.status_code, answer.json()["field"]) == (400, field)


def test_an_export_of_the_trail_is_in_it_and_safe_in_a_spreadsheet(world: World):
    answer = world.script("rita").get("audit/export/", {"as": "csv"})
    assert answer.headers["Content-Type"] == "text/csv"
    assert 'filename="audit.csv"' in answer.headers["Content-Disposition"]
    table = list(csv.DictReader(io.StringIO(whole(answer).decode("utf-8-sig"))))
    assert {line["project_name"] for line in table} == {OWN}
    (entry,) = AuditEntry.objects.filter(event="audit.exported")
    assert (entry.actor_user_id, entry.details) == (world.people["rita"].pk, {"as": "csv", "asked": {}})
    assert world.script("rita").get("audit/export/", {"as": "pdf"}).json()["field"] == "as"


def test_the_chain_is_verified_by_whoever_reads_some_of_it_and_that_is_recorded(world: World):
    verdict = world.script("sue").post("audit/verify/").json()
    assert verdict["ok"] is True, verdict
    assert verdict["entries"] == AuditEntry.objects.count() - 1
    assert AuditEntry.objects.filter(event="audit.verified", outcome="done").count() == 1
    assert world.script("rita").post("audit/verify/").json()["ok"] is True
    assert world.script("oscar").post("audit/verify/").status_code == 403


def test_a_head_that_was_kept_elsewhere_must_still_be_in_the_chain(world: World):
    script = world.script("sue")
    sequence, digest = AuditEntry.objects.order_by("-sequence").values_list("sequence", "hash")[0]
    assert script.post("audit/verify/", {"head": f"{sequence}:{digest}"}).json()["ok"] is True
    verdict = script.post("audit/verify/", {"head": f"{sequence}:{'0' * 64}"}).json()
    assert verdict["ok"] is False
    assert str(sequence) in verdict["summary"]
    assert script.post("audit/verify/", {"head": f"{sequence + 1000}:{digest}"}).json()["ok"] is False
    for body in ({"head": "x"}, {"head": ""}, {"head": 1}, {"heads": "x"}):
        answer = script.post("audit/verify/", body)
        assert (answer.status_code, answer.json()["field"]) == (400, next(iter(body))), body
