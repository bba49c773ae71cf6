"""Tokens: what opens nothing is 401 and on the trail; the key exists once, in the answer that made it."""

from __future__ import annotations

import datetime as dt
import hashlib
import json

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from connections.access import tokens
from connections.access.models import ApiToken
from exportadmin.audit.models import AuditEntry
from exportadmin.lib.rest import WrongKeyThrottle
from tests.rest.world import Rest, World
from tests.support.shell import Installation

BODY = {"name": "ci", "scopes": ["exports:read"]}


def trail(event: str) -> list[AuditEntry]:
    return list(AuditEntry.objects.filter(event=event).order_by("sequence"))


def spoil(kind: str, world: World) -> str:
    """A key that was good once, or never."""
    token, key = world.token("oscar")
    kept = ApiToken.objects.filter(pk=token.pk)
    if kind == "expired":
        kept.update(expires_at=timezone.now() - dt.timedelta(seconds=1))
    elif kind == "revoked":
        kept.update(revoked_at=timezone.now())
    elif kind == "of someone who left":
        world.people["oscar"].is_active = False
        world.people["oscar"].save()
    elif kind == "deleted":
        kept.delete()
    else:
        return {"made up": "ea_" + "A" * 43, "cut off": key[:-1], "longer": key + "A", "another's": "gh_" + key[3:]}[
            kind
        ]
    return key


BAD = ["expired", "revoked", "of someone who left", "deleted", "made up", "cut off", "longer", "another's"]


@pytest.mark.parametrize("kind", BAD)
def test_a_key_that_opens_nothing_is_401_and_on_the_trail_without_the_key(world: World, kind: str):
    key = spoil(kind, world)
    answer = Rest(key).get("projects/")
    assert (answer.status_code, answer.json()["code"]) == (401, "authentication_failed")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="Export Admin"'
    (entry,) = trail("token.refused")
    assert (entry.outcome, entry.request_id, entry.address, entry.channel) == (
        "refused",
        answer.headers["X-Request-ID"],
        "127.0.0.1",
        "rest",
    )
    kept = json.dumps([entry.reason, entry.details, entry.object_name, entry.actor_name])
    assert key not in kept
    assert key[3:] not in kept


@pytest.mark.parametrize("header", ["Bearer", "Bearer ", "Bearer a b", "bearer \xff", "Token \x80\x81", "Bearer ea_"])
def test_a_header_that_is_half_right_is_401_and_on_the_trail(world: World, header: str):
    answer = Rest().get("projects/", headers={"Authorization": header})
    assert answer.status_code == 401
    assert len(trail("token.refused")) == 1


@pytest.mark.parametrize("header", ["", "Basic YTpi", "Digest x", "ea_abc"])
def test_no_token_at_all_is_401_and_nobodys_refusal(world: World, header: str):
    answer = Rest().get("projects/", headers={"Authorization": header})
    assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")
    assert trail("token.refused") == []


def test_someone_who_guesses_has_to_wait_and_does_not_fill_the_trail(world: World, monkeypatch):
    monkeypatch.setattr(WrongKeyThrottle, "rate", "3/min")
    statuses = [Rest("ea_" + "A" * 43).get("projects/").status_code for _ in range(6)]
    assert statuses == [401, 401, 401, 429, 429, 429]
    assert len(trail("token.refused")) == 3
    assert len(trail("request.throttled")) == 1
    answer = Rest("ea_x").get("projects/", headers={"X-Forwarded-For": "198.51.100.7"})
    assert answer.status_code == 429, "the header is anybody's to write"
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    statuses = [
        Rest("ea_" + "A" * 43).get("projects/", REMOTE_ADDR=f"2001:db8:1:2::{number}").status_code
        for number in range(1, 6)
    ]
    assert statuses == [401, 401, 401, 429, 429], "of IPv6 one machine has a whole network"
    assert len(trail("request.throttled")) == 2
    assert world.script("oscar").get("projects/").status_code == 200, "who shares the address keeps working"


def test_the_key_is_shown_once_and_kept_as_a_hash(world: World):
    browser = world.browser("oscar")
    answer = browser.post("/api/v1/tokens/", BODY, "application/json")
    assert answer.status_code == 201
    key = answer.json()["key"]
    assert key.startswith("ea_") and len(key) > 40
    token = ApiToken.objects.get(public_id=answer.json()["token_id"])
    assert token.digest == hashlib.sha256(key.encode()).hexdigest()
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            for row in cursor.fetchall():
                assert not [cell for cell in row if key in str(cell)], table
    assert Rest(key).get("projects/").status_code == 200
    (listed,) = browser.get("/api/v1/tokens/").json()["results"]
    assert listed == {name: value for name, value in answer.json().items() if name != "key"} | {
        "last_used_at": listed["last_used_at"]
    }
    assert key not in browser.get("/api/v1/tokens/").content.decode()
    (entry,) = [entry for entry in trail("token.issued") if entry.object_id == token.public_id]
    assert key not in f"{entry.details_json} {entry.after_json} {entry.object_name}"


def last_use(token: ApiToken) -> dt.datetime | None:
    return ApiToken.objects.get(pk=token.pk).last_used_at


def test_last_use_is_noted_but_not_with_every_call(world: World, django_assert_num_queries):
    token, key = world.token("oscar")
    assert last_use(token) is None
    Rest(key).get("projects/")
    first = last_use(token)
    assert first is not None
    with django_assert_num_queries(2):  # the token, the projects
        Rest(key).get("projects/")
    assert last_use(token) == first
    earlier = first - dt.timedelta(minutes=2)
    ApiToken.objects.filter(pk=token.pk).update(last_used_at=earlier)
    Rest(key).get("projects/")
    assert last_use(token) != earlier


def test_a_database_that_cannot_note_the_use_does_not_keep_a_reader_out(world: World, monkeypatch):
    _, key = world.token("oscar")

    class Busy:
        def update(self, **_):
            raise OperationalError("database is locked")

    real = ApiToken.objects.filter
    monkeypatch.setattr(ApiToken.objects, "filter", lambda *args, **asked: Busy() if "pk" in asked else real(**asked))
    assert tokens.find_token(key) is not None


def test_tokens_are_managed_by_people_not_by_tokens(world: World):
    token, key = world.token("alice", "admin")
    other, _ = world.token("alice", "exports:read")
    script = Rest(key)
    assert script.post("tokens/", BODY).status_code == 403
    assert script.post(f"tokens/{token.public_id}/revoke/").status_code == 403
    assert script.post(f"tokens/{other.public_id}/revoke/").status_code == 404
    assert [each["token_id"] for each in script.get("tokens/").json()["results"]] == [token.public_id]
    assert not ApiToken.objects.exclude(revoked_at=None).exists()


def test_people_manage_their_own_and_superusers_everybodys(world: World):
    mine, key = world.token("oscar")
    browsers = {person: world.browser(person) for person in ("oscar", "alice", "sue")}
    revoke = f"/api/v1/tokens/{mine.public_id}/revoke/"
    assert browsers["alice"].post(revoke).status_code == 404
    assert browsers["alice"].get("/api/v1/tokens/").json()["results"] == []
    assert [each["user"] for each in browsers["sue"].get("/api/v1/tokens/").json()["results"]] == ["oscar"]
    assert browsers["oscar"].post(revoke).json()["revoked_at"] is not None
    assert browsers["sue"].post(revoke).status_code == 200, "twice is no error"
    assert Rest(key).get("projects/").status_code == 401


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"scopes": []}, "scopes"),
        ({"scopes": ["exports:all"]}, "scopes[0]"),
        ({"scopes": "admin"}, "scopes"),
        ({"name": ""}, "name"),
        ({"name": " "}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"expires_in_days": 0}, "expires_in_days"),
        ({"expires_in_days": 3651}, "expires_in_days"),
        ({"expires_in_days": "7"}, "expires_in_days"),
        ({"expires_in_days": True}, "expires_in_days"),
        ({"key": "ea_mine"}, "key"),
    ],
    ids=str,
)
def test_a_token_that_makes_no_sense_is_refused(world: World, change, field):
    answer = world.browser("oscar").post("/api/v1/tokens/", {**BODY, **change}, "application/json")
    assert (answer.status_code, answer.json()["field"]) == (400, field)
    assert not ApiToken.objects.exists()


def test_a_token_can_be_bound_to_a_project_and_to_a_time(world: World):
    body = {**BODY, "project": world.own.project.name, "expires_in_days": 7}
    answer = world.browser("oscar").post("/api/v1/tokens/", body, "application/json")
    assert answer.json()["project"] == world.own.project.public_id
    token = ApiToken.objects.get()
    assert dt.timedelta(days=6, hours=23) < token.expires_at - timezone.now() <= dt.timedelta(days=7)


@pytest.mark.one_database
def test_the_shell_prints_a_key_that_works_and_nothing_else(installation: Installation):
    installation.extra["DJANGO_SUPERUSER_PASSWORD"] = "correct horse battery staple"
    installation.run("createsuperuser", "--noinput", "--username", "sue", "--email", "sue@example.test")
    done = installation.run("issue_token", "sue", "--scope", "exports:read", "--scope", "audit:read", "--days", "7")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("ea_") and done.stdout.count("\n") == 1
    for wrong in (
        ("nobody", "--scope", "admin"),
        ("sue", "--scope", "all"),
        ("sue",),
        ("sue", "--scope", "admin", "--project", "x"),
    ):
        failed = installation.run("issue_token", *wrong)
        assert (failed.returncode, failed.stdout) == (2, ""), wrong
        assert "Traceback" not in failed.stderr
    assert installation.run("set_role", "sue", "nowhere", "admin").returncode == 2
