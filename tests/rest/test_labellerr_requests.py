"""What becomes of one request of Labellerr's SDK here: reports, keys, permissions, the trail."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.test import Client
from django.utils import timezone

from connections.access.roles import SCOPES
from connections.models import Connection
from exportadmin.audit.models import AuditEntry
from exportadmin.runs import statuses
from exports.dialects.labellerr.urls import urlpatterns
from exports.models import ExportReport, TriedPath
from tests.rest.world import World

pytestmark = pytest.mark.django_db
BASE = "/dialects/labellerr"
BODY = {
    "export_name": "Weekly",
    "export_description": "d",
    "export_format": "coco_json",
    "statuses": ["accepted", "review"],
    "question_ids": ["all"],
    "export_destination": "local",
    "connection_id": None,
    "export_folder_path": None,
    "updated_after_timestamp": None,
}


@pytest.fixture
def world(standing_world: World) -> Iterator[World]:
    with transaction.atomic():
        yield standing_world
        transaction.set_rollback(True)


def create(client: Client, world: World, **change: Any) -> Any:
    query = {"project_id": world.own.project.public_id, "client_id": "1234"}
    body = json.dumps(BODY | change)
    return client.post(f"{BASE}/sdk/export/files", body, content_type="application/json", query_params=query)


def report_of(answer: Any) -> ExportReport:
    return ExportReport.objects.get(report_id=answer.json()["response"]["report_id"])


def test_it_becomes_a_report_like_any_other(world: World):
    client = world.dialect_client("oscar")
    report = report_of(create(client, world, statuses=["None", "accepted"], updated_after_timestamp=1765000000000))
    assert (report.status, report.name, report.description, report.format) == (
        statuses.QUEUED,
        "Weekly",
        "d",
        "labellerr_coco",
    )
    assert report.config["statuses"] == ["to_label", "accepted"]
    assert report.config["resolved"]["updated_after"] == "2025-12-06T05:46:40.000+00:00"
    entry = AuditEntry.objects.filter(event="export.requested").order_by("-sequence")[0]
    assert (entry.channel, entry.actor_name) == ("dialect:labellerr", "script of oscar")


def test_a_request_sent_again_is_the_same_export_for_two_minutes(world: World):
    """The SDK sends it up to four times when an answer is late."""
    client = world.dialect_client("oscar")
    first = report_of(create(client, world))
    assert report_of(create(client, world)) == first
    assert report_of(create(client, world, export_name="Other")) != first
    ExportReport.objects.filter(pk=first.pk).update(created_at=timezone.now() - timedelta(seconds=119))
    assert report_of(create(client, world)) == first
    key = f"{(first.idempotency_key or '').rpartition('.')[0]}.1"  # as it was made then
    early = timezone.now() - timedelta(seconds=121)
    ExportReport.objects.filter(pk=first.pk).update(created_at=early, idempotency_key=key)
    assert report_of(create(client, world)) != first


def test_two_tokens_have_exports_of_their_own(world: World):
    one, other = world.dialect_client("oscar"), world.dialect_client("oscar")
    assert report_of(create(one, world)) != report_of(create(other, world))


def test_a_browsers_session_opens_nothing(world: World):
    assert create(world.browser("alice"), world).status_code == 401


def test_nothing_of_a_browser_stands_in_the_way_of_a_script(world: World):
    """No CSRF token, a foreign Origin, no slash at the end."""
    client = world.dialect_client("oscar", enforce_csrf_checks=True, HTTP_ORIGIN="https://pro.labellerr.com")
    assert create(client, world).status_code == 200


def test_a_key_it_does_not_know_is_refused(world: World):
    answer = create(world.dialect_client("oscar"), world, priority=5)
    assert answer.status_code == 400
    assert answer.json()["error"]["field"] == "priority"
    assert answer.json()["response"] is None


def test_what_a_failed_export_failed_of_stands_beside_its_status(world: World):
    client = world.dialect_client("oscar")
    report = report_of(create(client, world))
    ExportReport.objects.filter(pk=report.pk).update(status=statuses.FAILED, error="no space left")
    query = {"project_id": world.own.project.public_id}
    body = json.dumps({"report_ids": [report.report_id]})
    answer = client.post(f"{BASE}/exports/status", body, content_type="application/json", query_params=query).json()
    assert answer["response"] == answer["status"]
    (item,) = answer["response"]
    assert (item["export_status"], item["is_completed"], item["error"]) == ("Failed", True, "no space left")
    query |= {"report_id": report.report_id}
    refused = client.get(f"{BASE}/exports/download", query)
    assert refused.status_code == 409
    assert "no space left" in refused.json()["error"]["message"]


def test_a_created_export_without_all_its_rows_says_so(world: World):
    client = world.dialect_client("oscar")
    report = report_of(create(client, world))
    values = {"rows_refused": {"unreadable": 2, "no_size": 1}}
    ExportReport.objects.filter(pk=report.pk).update(status=statuses.PARTIAL, check_values=values)
    query = {"project_id": world.own.project.public_id}
    body = json.dumps({"report_ids": [report.report_id]})
    answer = client.post(f"{BASE}/exports/status", body, content_type="application/json", query_params=query).json()
    (item,) = answer["response"]
    assert (item["export_status"], item["is_completed"]) == ("Created", True)
    assert item["error"] == "3 rows were refused; errors.ndjson beside the file lists them"


def test_an_export_of_another_project_is_not_to_be_had_through_this_one(world: World):
    client = world.dialect_client("sue")
    query = {"project_id": world.own.project.public_id, "report_id": world.foreign.done.report_id}
    assert client.get(f"{BASE}/exports/download", query).status_code == 404
    body = json.dumps({"report_ids": [world.foreign.done.report_id]})
    asked = {"project_id": world.own.project.public_id}
    answer = client.post(f"{BASE}/exports/status", body, content_type="application/json", query_params=asked).json()
    assert answer["response"][0]["error"] == f"there is no export {world.foreign.done.report_id!r}"


@pytest.mark.parametrize("scope", SCOPES)
def test_a_token_can_do_here_what_its_scopes_say(world: World, scope: str):
    verbs = SCOPES[scope][0]
    client = world.dialect_client("alice", scope, project=world.own.project)
    assert create(client, world).status_code == (200 if "start" in verbs else 403)
    query = {"project_id": world.own.project.public_id}
    assert client.get(f"{BASE}/exports/list", query).status_code == 200
    query |= {"report_id": world.own.done.report_id}
    assert client.get(f"{BASE}/exports/download", query).status_code == (200 if {"link", "download"} <= verbs else 403)
    elsewhere = {"project_id": world.foreign.project.public_id}
    assert client.get(f"{BASE}/exports/list", elsewhere).status_code == 404


# --- connectors ------------------------------------------------------------------------------------------------------

CANARY = "Canary0Secret0Value0123456789"
KEYS = json.dumps({"access_key_id": "AKIACANARY", "secret_access_key": CANARY})
TRY = {
    "credentials": KEYS,
    "connector": "s3",
    "path": "s3://team-exports/weekly/",
    "connection_type": "export",
    "data_type": "image",
}
MAKE = {
    "credentials": KEYS,
    "connector": "s3",
    "connection_type": "export",
    "name": "Labellerr archive",
    "description": "d",
    "client_id": "1234",
}


def connector(client: Client, verb: str, form: dict[str, str]) -> Any:
    """As the SDK sends it: a form of several parts, none of them a file."""
    return client.post(f"{BASE}/connectors/connections/{verb}", form, query_params={"client_id": "1234", "uuid": "u"})


@pytest.fixture
def rights(world: World) -> Client:
    return world.dialect_client("sue")


def test_a_connection_is_tried_made_and_read_back_without_its_keys(rights: Client, world: World):
    assert connector(rights, "test", TRY).status_code == 200
    made = connector(rights, "create", MAKE)
    assert made.status_code == 200, made.content
    identity = made.json()["response"]["connection_id"]
    connection = Connection.objects.get(public_id=identity)
    assert (connection.config["bucket"], connection.config["prefix"]) == ("team-exports", "weekly/")
    assert dict(connection.secrets())["secret_access_key"] == CANARY
    details = rights.get(f"{BASE}/connectors/connections/{identity}/details", {"client_id": "1", "uuid": "u"})
    assert (details.json()["response"]["connector"], details.json()["response"]["name"]) == ("s3", MAKE["name"])
    listed = rights.get(f"{BASE}/connectors/connections/list", {"connector": "s3", "connection_type": "export"})
    assert identity in [one["connection_id"] for one in listed.json()["response"]]
    assert rights.get(f"{BASE}/connectors/connections/list", {"connector": "gcs"}).json()["response"] == []
    for answer in (made, details, listed):
        assert CANARY not in answer.content.decode()
    columns = ("details_json", "before_json", "after_json", "reason")
    assert CANARY not in str(list(AuditEntry.objects.values_list(*columns)))
    body = json.dumps({"connection_id": identity})
    gone = rights.post(f"{BASE}/connectors/connections/delete", body, content_type="application/json")
    assert gone.status_code == 200
    assert not Connection.objects.filter(public_id=identity).exists()


def test_whoever_did_not_try_the_keys_is_asked_for_the_bucket(rights: Client, world: World):
    assert connector(rights, "test", TRY).status_code == 200
    other = connector(rights, "create", MAKE | {"credentials": KEYS.replace("CANARY", "OTHER")})
    assert "connections/test" in other.json()["error"]["message"]
    # nor does another token have what this one has tried
    assert connector(world.dialect_client("sue"), "create", MAKE).status_code == 400
    TriedPath.objects.update(tried_at=timezone.now() - timedelta(minutes=16))
    assert connector(rights, "create", MAKE).status_code == 400


@pytest.mark.parametrize(
    ("verb", "form", "sentence"),
    [
        ("test", TRY | {"connector": "gcs"}, "'gcs' is unknown; known: s3"),
        ("test", TRY | {"credentials": "{}"}, "access_key_id and secret_access_key"),
        ("test", TRY | {"credentials": "no json"}, "access_key_id and secret_access_key"),
        ("test", TRY | {"path": "s3://NO/"}, "no name of a bucket"),
        ("test", {key: value for key, value in TRY.items() if key != "credentials"}, "send credentials"),
        ("test", TRY | {"region": "x"}, "unknown key"),
        ("create", MAKE | {"name": ""}, "may not be blank"),
    ],
)
def test_what_cannot_be_is_refused_without_repeating_a_key(
    rights: Client, verb: str, form: dict[str, str], sentence: str
):
    answer = connector(rights, verb, form)
    assert answer.status_code == 400
    assert sentence in answer.json()["error"]["message"]
    assert CANARY not in answer.content.decode()


def test_connections_are_made_by_superusers_only(world: World):
    client = world.dialect_client("alice")
    connector(client, "test", TRY)
    assert connector(client, "create", MAKE).status_code == 403


def test_a_connector_with_a_file_of_keys_is_refused_by_its_name(rights: Client):
    form = {"connector": "gcs", "name": "Bucket", "attachment_files": SimpleUploadedFile("key.json", b"{}")}
    answer = connector(rights, "create", form)
    assert answer.status_code == 400
    assert answer.json()["error"]["field"] == "connector"


def test_an_operator_does_not_grant_by_naming(world: World, rights: Client):
    connector(rights, "test", TRY)
    identity = connector(rights, "create", MAKE).json()["response"]["connection_id"]
    asked = {"export_destination": "s3", "connection_id": identity, "export_folder_path": "team-exports/weekly/"}
    refused = create(world.dialect_client("oscar"), world, **asked)
    assert refused.status_code == 400
    assert MAKE["name"] not in refused.content.decode()
    assert create(rights, world, **asked).status_code == 200
    assert create(world.dialect_client("oscar"), world, **asked).status_code == 200


# --- what an attacker tries -----------------------------------------------------------------------------

ROUTES = [
    ("GET", "projects/project/{project}"),
    ("GET", "project_drafts/projects/detailed_list"),
    ("POST", "sdk/export/files"),
    ("GET", "exports/list"),
    ("POST", "exports/status"),
    ("GET", "exports/download"),
    ("POST", "connectors/connections/test"),
    ("POST", "connectors/connections/create"),
    ("GET", "connectors/connections/list"),
    ("POST", "connectors/connections/delete"),
    ("GET", "connectors/connections/{connection}/details"),
]


def test_every_address_of_the_dialect_is_in_these_rows():
    known = {path.format(project="<str:project_id>", connection="<str:connection_id>") for _, path in ROUTES}
    assert known == {str(pattern.pattern) for pattern in urlpatterns if pattern.name != "nothing-here"}


def _path(route: str, world: World) -> str:
    connection = world.own.connection
    found = connection.public_id if connection else "nosuch"
    return f"{BASE}/{route.format(project=world.own.project.public_id, connection=found)}"


@pytest.mark.parametrize(("method", "route"), ROUTES)
def test_a_slash_at_the_end_leads_nowhere_and_redirects_nobody(world: World, method: str, route: str):
    """``requests`` would follow a 301 and send a POST again as a GET without a body."""
    answer = world.dialect_client("sue").generic(method, f"{_path(route, world)}/", b"{}", "application/json")
    assert answer.status_code == 404
    assert answer["Content-Type"] == "application/json"
    assert answer.json()["response"] is None


@pytest.mark.parametrize(("method", "route"), ROUTES)
def test_nothing_but_the_dialects_own_headers_opens_it(world: World, method: str, route: str):
    token, key = world.token("sue")
    secret = {"api_key": token.public_id, "api_secret": key}
    path = _path(route, world)
    for client, query in (
        (world.browser("sue"), {}),  # a session
        (Client(HTTP_AUTHORIZATION=f"Bearer {key}"), {}),  # our own REST's way
        (Client(), secret),  # in the address, where logs would keep it
        (Client(HTTP_API_KEY=token.public_id, HTTP_API_SECRET="ea_" + "x" * 43), {}),
        (Client(HTTP_API_KEY="other", HTTP_API_SECRET=key), {}),  # a key with another one's id
    ):
        answer = client.generic(method, path, b"{}", "application/json", query_params=query)
        assert answer.status_code == 401, (query, answer.content)
        assert answer["Content-Type"] == "application/json"
        assert key not in answer.content.decode()


@pytest.mark.parametrize("client_id", ["1234", "", "../../admin", "9" * 200])
def test_whose_call_it_is_the_token_alone_says(world: World, client_id: str):
    """Whatever workspace is named: a token of one project sees nothing of another one."""
    client = world.dialect_client("sue", project=world.own.project)
    client.defaults["HTTP_CLIENT_ID"] = client_id
    listed = client.get(f"{BASE}/project_drafts/projects/detailed_list").json()["response"]
    assert [one["project_id"] for one in listed] == [world.own.project.public_id]
    for path, query in (
        (f"projects/project/{world.foreign.project.public_id}", {}),
        ("exports/list", {"project_id": world.foreign.project.public_id}),
        (
            "exports/download",
            {"project_id": world.foreign.project.public_id, "report_id": world.foreign.done.report_id},
        ),
    ):
        answer = client.get(f"{BASE}/{path}", query)
        assert answer.status_code == 404
        assert world.foreign.project.name not in answer.content.decode()


def test_what_is_refused_is_a_line_of_the_dialects_channel(world: World):
    client = world.dialect_client("rita")
    refused = create(client, world)
    assert refused.status_code == 403
    entry = AuditEntry.objects.order_by("-sequence")[0]
    assert (entry.channel, entry.outcome, entry.actor_name) == ("dialect:labellerr", "refused", "script of rita")


def test_a_redirect_to_elsewhere_cannot_be_made_of_a_download(world: World):
    """The address in the answer is this installation's, whatever is asked for beside."""
    client = world.dialect_client("oscar")
    query = {"project_id": world.own.project.public_id, "report_id": world.own.done.report_id}
    answer = client.get(f"{BASE}/exports/download", query).json()["response"]
    assert answer["url"].startswith("http://testserver/exports/l/")
    assert client.get(f"{BASE}/exports/download", query | {"next": "https://evil.example/"}).status_code == 400
