"""A browser that was left open, or a stolen cookie, makes no key that outlives the session."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client

from connections.access import passwords
from connections.access.models import ApiToken
from connections.models import Project
from exportadmin.audit.models import AuditEntry
from exports.models import Artifact, Link
from tests.pages.people import signed_in
from tests.pages.reports import deliver
from tests.support.cast import PASSWORD

TOKENS, REST = "/account/tokens/", "/api/v1/tokens/"
TOKEN = {"name": "nightly", "scopes": ["exports:read"], "days": "90", "once": "a"}
WEEK = 7 * 24 * 3600


@pytest.fixture
def artifact(members: Project, tmp_path: Path) -> Artifact:
    return deliver(members, tmp_path / "d")


def left_open(user: User, seconds: int = passwords.RECENT_SECONDS + 1) -> Client:
    """Signed in so long ago."""
    client = signed_in(user)
    session = client.session
    session["password_at"] = int(time.time()) - seconds
    session.save()
    return client


def lines(event: str) -> list[tuple[str, str]]:
    return list(AuditEntry.objects.filter(event=event).order_by("sequence").values_list("outcome", "reason"))


def test_a_token_is_not_issued_without_the_password(oscar: User):
    client = left_open(oscar)
    page = client.get(TOKENS).content.decode()
    assert 'name="password"' in page
    answer = client.post(TOKENS, TOKEN)
    assert (answer.status_code, "give your password to issue a token" in answer.content.decode()) == (400, True)
    assert not ApiToken.objects.exists()
    assert [outcome for outcome, _ in lines("token.issued")] == ["refused"]


def test_with_it_the_token_is_issued_and_for_a_while_it_is_not_asked_again(oscar: User):
    client = left_open(oscar)
    assert client.post(TOKENS, {**TOKEN, "password": PASSWORD}).status_code == 200
    assert 'name="password"' not in client.get(TOKENS).content.decode()
    assert client.post(TOKENS, {**TOKEN, "once": "b"}).status_code == 200
    assert ApiToken.objects.count() == 2


def test_who_signed_in_a_moment_ago_is_not_asked(oscar: User):
    client = left_open(oscar, seconds=60)
    assert client.post(TOKENS, TOKEN).status_code == 200


def test_a_time_in_the_future_is_not_believed(oscar: User):
    client = left_open(oscar, seconds=-3600)
    assert client.post(TOKENS, TOKEN).status_code == 400


def test_a_wrong_one_is_said_and_recorded_and_never_repeated(oscar: User):
    client = left_open(oscar)
    answer = client.post(TOKENS, {**TOKEN, "password": "hunter2hunter2"})
    page = answer.content.decode()
    assert (answer.status_code, "this is not your password" in page, "hunter2" in page) == (400, True, False)
    assert lines("user.password_asked") == [("refused", "it was wrong")]
    assert not AuditEntry.objects.filter(details_json__contains="hunter2").exists()
    assert not ApiToken.objects.exists()


def test_five_wrong_ones_close_it_for_the_right_one_too_and_for_nobody_else(oscar: User, rita: User):
    client = left_open(oscar)
    for _ in range(passwords.TRIES):
        assert client.post(TOKENS, {**TOKEN, "password": "wrong"}).status_code == 400
    answer = client.post(TOKENS, {**TOKEN, "password": PASSWORD})
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["Retry-After"]) <= passwords.TRIES_SECONDS
    assert not ApiToken.objects.exists()
    assert len(lines("request.throttled")) == 1
    assert left_open(rita).post(TOKENS, {**TOKEN, "password": PASSWORD}).status_code == 200


def test_the_right_one_makes_slips_forgotten(oscar: User):
    for _ in range(3):
        client = left_open(oscar)
        for _ in range(passwords.TRIES - 1):
            client.post(TOKENS, {**TOKEN, "password": "wrong"})
        client.post(TOKENS, {**TOKEN, "password": PASSWORD})
    assert client.get(TOKENS).status_code == 200
    assert ApiToken.objects.count() == 1  # the same form


def test_the_same_goes_for_the_old_one_on_the_page_that_changes_it(oscar: User):
    client = signed_in(oscar)
    new = "another horse, another staple"
    form = {"old_password": "wrong", "new_password1": new, "new_password2": new}
    assert [client.post("/account/password/", form).status_code for _ in range(6)] == [400] * 5 + [429]
    assert client.post("/account/password/", {**form, "old_password": PASSWORD}).status_code == 429
    oscar.refresh_from_db()
    assert oscar.check_password(PASSWORD)


def test_rest_asks_a_browser_in_the_same_way(oscar: User):
    client = left_open(oscar)
    body = {"name": "ci", "scopes": ["exports:read"]}
    answer = client.post(REST, body, "application/json")
    assert (answer.status_code, answer.json()["field"]) == (400, "password")
    wrong = client.post(REST, {**body, "password": "wrong"}, "application/json")
    assert (wrong.status_code, wrong.json()["field"]) == (400, "password")
    answer = client.post(REST, {**body, "password": PASSWORD}, "application/json")
    assert answer.status_code == 201
    assert PASSWORD not in answer.content.decode()


def test_a_link_of_more_than_a_day_asks_and_a_shorter_one_does_not(oscar: User, artifact: Artifact):
    client = left_open(oscar)
    address = f"/links/new/{artifact.public_id}/"
    assert 'name="password"' in client.get(address).content.decode()
    assert client.post(address, {"last": "86400"}).status_code == 200
    answer = client.post(address, {"last": str(WEEK)})
    assert (answer.status_code, "ive your password to issue a link" in answer.content.decode()) == (400, True)
    assert Link.objects.count() == 1
    assert client.post(address, {"last": str(WEEK), "password": PASSWORD}).status_code == 200
    assert Link.objects.count() == 2


def test_rest_asks_a_browser_for_it_for_a_long_link_and_a_token_not(oscar: User, artifact: Artifact):
    address = f"/api/v1/artifacts/{artifact.public_id}/links/"
    client = left_open(oscar)
    assert client.post(address, {"seconds": 3600}, "application/json").status_code == 201
    answer = client.post(address, {"seconds": WEEK}, "application/json")
    assert (answer.status_code, answer.json()["field"]) == (400, "password")
    assert client.post(address, {"seconds": WEEK, "password": PASSWORD}, "application/json").status_code == 201

    body = {"name": "ci", "scopes": ["exports:read", "links:issue"]}
    key = client.post(REST, body, "application/json").json()["key"]
    script = Client(headers={"Authorization": f"Bearer {key}"})
    assert script.post(address, {"seconds": WEEK}, "application/json").status_code == 201
    given = script.post(address, {"seconds": WEEK, "password": PASSWORD}, "application/json")
    assert (given.status_code, "a token has no password" in given.json()["detail"]) == (403, True)
