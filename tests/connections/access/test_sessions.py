"""A copy of the database signs nobody in, and a session ends: so long after the sign-in, so long after its last use."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import OperationalError
from django.test import Client

from connections.access.sessions import SessionStore, digest, end_sessions
from tests.support.cast import PASSWORD

USUAL, SUPERUSERS = settings.USUAL_SESSION, settings.SUPERUSER_SESSION


def signed_in(user: User) -> Client:
    client = Client()
    assert client.post("/sign-in/", {"username": user.username, "password": PASSWORD}).status_code == 302
    return client


def is_in(client: Client) -> bool:
    return client.get("/account/").status_code == 200


def key_of(client: Client) -> str:
    return client.cookies[settings.SESSION_COOKIE_NAME].value


def row_of(client: Client) -> Session:
    return Session.objects.get(session_key=digest(key_of(client)))


def move(client: Client, by: timedelta) -> None:
    """As if the session had begun, and been used last, so much earlier."""
    before = row_of(client).expire_date
    store = SessionStore(key_of(client))
    store["ends_at"] -= int(by.total_seconds())
    store.save()
    Session.objects.filter(session_key=digest(key_of(client))).update(expire_date=before - by)


def test_what_the_database_holds_signs_nobody_in(oscar: User):
    client = signed_in(oscar)
    assert is_in(client)
    kept = [str(value) for row in Session.objects.values_list() for value in row]
    assert not [value for value in kept if key_of(client) in value]
    thief = Client()
    for row in Session.objects.all():
        thief.cookies[settings.SESSION_COOKIE_NAME] = row.session_key
        assert not is_in(thief)


def test_signing_out_takes_the_row_away_and_the_old_cookie_opens_nothing(oscar: User):
    client = signed_in(oscar)
    key = key_of(client)
    client.post("/sign-out/")
    assert not Session.objects.exists()
    client.cookies[settings.SESSION_COOKIE_NAME] = key
    assert not is_in(client)


def test_a_key_of_ones_own_making_is_not_taken_over(oscar: User):
    client = Client()
    client.cookies[settings.SESSION_COOKIE_NAME] = "a" * 32
    client.post("/sign-in/", {"username": "oscar", "password": PASSWORD})
    assert is_in(client)
    assert key_of(client) != "a" * 32


@pytest.mark.parametrize(("person", "kind"), [("oscar", USUAL), ("alice", SUPERUSERS)])
def test_it_ends_when_nobody_uses_it(request: pytest.FixtureRequest, person: str, kind: tuple[timedelta, timedelta]):
    client = signed_in(request.getfixturevalue(person))
    move(client, kind[1] - timedelta(minutes=2))
    assert is_in(client)
    move(client, kind[1] + timedelta(minutes=2))
    assert not is_in(client)


@pytest.mark.parametrize(("person", "kind"), [("oscar", USUAL), ("alice", SUPERUSERS)])
def test_it_ends_however_much_it_is_used(
    request: pytest.FixtureRequest, person: str, kind: tuple[timedelta, timedelta]
):
    client = signed_in(request.getfixturevalue(person))
    step = kind[1] * 0.9
    passed = timedelta(0)
    while passed + step < kind[0]:
        move(client, step)
        passed += step
        assert is_in(client), passed
    move(client, kind[0] - passed)
    assert not is_in(client)


def test_superusers_have_less_time():
    assert SUPERUSERS[0] < USUAL[0]
    assert SUPERUSERS[1] < USUAL[1]


def test_use_is_written_now_and_then_and_not_for_what_a_page_asks_by_itself(oscar: User):
    client = signed_in(oscar)
    before = row_of(client).expire_date
    is_in(client)
    assert row_of(client).expire_date == before
    move(client, USUAL[1] / 2)
    before = row_of(client).expire_date
    client.get("/account/", headers={"HX-Request": "true"})
    assert row_of(client).expire_date == before
    is_in(client)
    assert row_of(client).expire_date > before


def test_noting_the_use_keeps_what_another_request_has_put_into_the_session(oscar: User):
    client = signed_in(oscar)
    move(client, USUAL[1] / 2)
    mine, other = SessionStore(key_of(client)), SessionStore(key_of(client))
    assert mine["ends_at"]  # loaded before the other one writes
    other["chosen"] = "kept"
    other.save()
    mine.note_use()
    assert SessionStore(key_of(client))["chosen"] == "kept"


def test_a_database_that_cannot_note_it_keeps_no_reader_out(oscar: User, monkeypatch: pytest.MonkeyPatch):
    client = signed_in(oscar)
    move(client, USUAL[1] / 2)

    def busy(*_, **__):
        raise OperationalError("database is locked")

    monkeypatch.setattr("django.db.models.query.QuerySet.update", busy)
    assert is_in(client)


def test_ending_a_persons_sessions_leaves_those_of_others(oscar: User, rita: User):
    first, second, ritas = signed_in(oscar), signed_in(oscar), signed_in(rita)
    assert end_sessions(oscar) == 2
    assert [is_in(client) for client in (first, second, ritas)] == [False, False, True]
