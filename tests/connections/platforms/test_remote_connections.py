"""Labellerr's own connections to buckets, through ours: in REST, on a page, in the shell, and in the trail."""

from __future__ import annotations

import io
import json

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from connections.access.tokens import issue_token
from connections.models import Connection
from exportadmin.audit.models import AuditEntry
from tests.rest.world import SHELL, Rest
from tests.support.far_side import silence
from tests.support.labellerr_server import refusal

pytestmark = pytest.mark.django_db
KEYS = {"access_key_id": "AKIA12345678", "secret_access_key": "Kx/9+secretsecret"}
NEW = {"name": "Bucket", "path": "s3://bucket/a/", **KEYS}


@pytest.fixture
def connection(labellerr) -> Connection:
    return labellerr.connection


@pytest.fixture
def there(connection: Connection) -> str:
    return f"connections/{connection.public_id}/remote-connections/"


@pytest.fixture
def script(alice) -> Rest:
    return Rest(issue_token(user=alice, name="script", scopes=("admin",), actor=SHELL)[1])


@pytest.fixture
def pages(alice) -> Client:
    client = Client()
    client.force_login(alice)
    return client


def trail() -> list[tuple[str, str, str]]:
    lines = AuditEntry.objects.filter(event__startswith="connection.remote").order_by("sequence")
    return [(line.event.partition("remote_")[2], line.outcome, line.details["verb"]) for line in lines]


def nothing_tells_the_secret() -> bool:
    kept = " ".join(str(vars(line)) for line in AuditEntry.objects.all())
    return "secretsecret" not in kept


def test_in_rest_one_is_made_listed_tried_and_deleted(script: Rest, there: str, far_side):
    made = script.post(there, NEW)
    assert made.status_code == 201, made.content
    assert "secretsecret" not in made.content.decode()
    remote_id = made.json()["connection_id"]
    (listed,) = script.get(there).json()
    assert (listed["connection_id"], listed["name"]) == (remote_id, "Bucket")
    assert script.post(f"{there}{remote_id}/test/", {"path": "bucket/a/"}).status_code == 204
    assert script.delete(f"{there}{remote_id}/").status_code == 204
    assert script.get(there).json() == []
    assert trail() == [
        ("requested", "done", "make"),
        ("answered", "done", "make"),
        ("requested", "done", "test"),
        ("answered", "done", "test"),
        ("requested", "done", "delete"),
        ("answered", "done", "delete"),
    ]
    assert nothing_tells_the_secret()


def test_what_the_platform_refuses_is_told_in_its_words_and_recorded(script: Rest, there: str, far_side):
    far_side.answers["connection_test"] = [refusal(400, "InvalidAccessKeyId: Kx/9+secretsecret")]
    answer = script.post(there, NEW)
    assert answer.status_code == 400
    assert "InvalidAccessKeyId" in answer.json()["detail"]
    assert "secretsecret" not in answer.content.decode()
    assert trail() == [("requested", "done", "make"), ("answered", "failed", "make")]
    assert nothing_tells_the_secret()
    assert far_side.connections == {}


def test_an_answer_that_was_lost_is_503_and_says_what_to_do(script: Rest, there: str, far_side):
    far_side.answers["connection_create"] = [silence(is_done=True)]
    answer = script.post(there, NEW)
    assert answer.status_code == 503
    assert "look whether it is in the list before it is made again" in answer.json()["detail"]
    assert len(far_side.connections) == 1


@pytest.mark.parametrize(
    ("changed", "field"),
    [({"path": "https://x/"}, "path"), ({"data_type": "smells"}, "data_type"), ({"name": ""}, "name"), ({"x": 1}, "x")],
)
def test_what_cannot_be_is_refused_with_the_field_and_nothing_is_sent(
    script: Rest, there: str, far_side, changed, field
):
    answer = script.post(there, NEW | changed)
    assert (answer.status_code, answer.json()["field"]) == (400, field)
    assert far_side.calls == []


def test_who_manages_no_connections_asks_nothing(oscar, connection, there: str, far_side, members):
    from connections.models import ConnectionGrant

    ConnectionGrant.objects.create(connection=connection, project=members, granted_by="alice")
    script = Rest(issue_token(user=oscar, name="script", scopes=("exports:read",), actor=SHELL)[1])
    assert script.get(there).status_code == 403
    assert script.post(there, NEW).status_code == 403
    assert far_side.calls == []
    assert trail() == [("requested", "refused", "make")]


def test_on_its_page_one_is_made_tried_and_deleted(pages: Client, connection: Connection, there: str, far_side):
    detail = pages.get(f"/connections/{connection.public_id}/").content.decode()
    assert f'href="/{there}"' in detail
    assert "It has none" in pages.get(f"/{there}").content.decode()
    made = pages.post(f"/{there}", NEW, follow=True).content.decode()
    (remote_id,) = far_side.connections
    assert f"is made there, with the id {remote_id}" in made
    tried = pages.post(f"/{there}test/", {"remote_id": remote_id, "path": "bucket/a/"}, follow=True).content.decode()
    assert f"Connection {remote_id} works" in tried
    far_side.answers["connection_test"] = [refusal(400, "AccessDenied")]
    tried = pages.post(f"/{there}test/", {"remote_id": remote_id, "path": "bucket/a/"}, follow=True).content.decode()
    assert "AccessDenied" in tried
    pages.post(f"/{there}delete/", {"remote_id": remote_id})
    assert far_side.connections == {}


def test_a_form_that_is_refused_comes_back_without_its_secret(pages: Client, there: str, far_side):
    far_side.answers["connection_test"] = [refusal(400, "AccessDenied")]
    for sent in (NEW, NEW | {"path": ""}):
        answer = pages.post(f"/{there}", sent)
        assert answer.status_code == 400
        assert "AKIA12345678" in answer.content.decode()
        assert "secretsecret" not in answer.content.decode()
    assert far_side.connections == {}


def test_in_the_shell_the_secret_comes_by_standard_input(connection: Connection, far_side, monkeypatch):
    def shell(*arguments: str) -> str:
        out = io.StringIO()
        call_command("remote_connections", *arguments, stdout=out)
        return out.getvalue()

    monkeypatch.setattr("sys.stdin", io.StringIO("Kx/9+secretsecret\n"))
    options = ["--path", "s3://bucket/a/", "--access-key-id", "AKIA12345678"]
    remote_id = shell("create", connection.name, "Bucket", *options).strip()
    assert json.loads(shell("list", connection.name, "--json"))[0]["connection_id"] == remote_id
    assert b"Kx/9+secretsecret" in far_side.calls[0].body
    assert shell("test", connection.name, remote_id, "--path", "bucket/a/") == "it works, says the platform\n"
    shell("delete", connection.name, remote_id)
    assert shell("list", connection.name) == "none there\n"
    with pytest.raises(CommandError, match="answered 404"):
        shell("delete", connection.name, remote_id)
