"""Sign-ins stand in the trail, every request has an id, and the actor is who the request says."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from django.contrib.auth import authenticate, login, logout
from django.contrib.auth.models import AnonymousUser, User
from django.contrib.sessions.backends.db import SessionStore
from django.db import DatabaseError, connection, transaction
from django.http import HttpResponse
from django.test import RequestFactory

from exportadmin.audit.middleware import RequestIdMiddleware, actor_of, current_request_id
from exportadmin.audit.models import AuditEntry
from exportadmin.audit.record import record
from exportadmin.audit.sentences import sentence
from tests.exportadmin.audit.support import sql


@pytest.fixture
def carol(db):
    return User.objects.create_user("carol", password="a long pass phrase")


def request_of(user=None, **extra):
    request = RequestFactory().post("/", **extra)
    request.session = SessionStore()
    request.user = user or AnonymousUser()
    request.request_id = "req-9"  # type: ignore[attr-defined]
    return request


def sign_in(request, name, password):
    user = authenticate(request, username=name, password=password)
    if user is not None:
        login(request, user, backend="django.contrib.auth.backends.ModelBackend")
    return user


def test_signing_in_and_out_is_recorded(carol):
    request = request_of()
    assert sign_in(request, "carol", "a long pass phrase")
    logout(request)
    entries = list(AuditEntry.objects.order_by("sequence"))
    assert [
        (e.event, e.outcome, e.actor_name, e.actor_user_id, e.channel, e.request_id, e.address) for e in entries
    ] == [
        ("sign_in.completed", "done", "carol", carol.pk, "web", "req-9", "127.0.0.1"),
        ("sign_out.completed", "done", "carol", carol.pk, "web", "req-9", "127.0.0.1"),
    ]


@pytest.mark.parametrize("typed", ["carol", "nobody", "x" * 10_000, "a\x00b\r\nc", "\ud800", " "])
def test_a_refused_sign_in_is_recorded_with_the_typed_name_and_without_the_password(carol, typed):
    if connection.vendor == "postgresql" and ("\x00" in typed or "\ud800" in typed):
        from django.contrib.auth.signals import (
            user_login_failed,
        )  # the form refuses such a name before the database does

        user_login_failed.send("test", credentials={"username": typed, "password": "***"}, request=request_of())
    elif "\ud800" in typed:
        from django.contrib.auth.signals import user_login_failed

        user_login_failed.send("test", credentials={"username": typed}, request=request_of())
    else:
        assert sign_in(request_of(), typed, "hunter2-wrong") is None
    entry = AuditEntry.objects.get()
    assert (entry.event, entry.outcome, entry.actor_user_id) == ("sign_in.refused", "refused", None)
    assert entry.actor_name[:1] == typed[:1].replace("\ud800", "\ufffd") and len(entry.actor_name) <= 150
    assert "hunter2" not in str(vars(entry))
    assert sentence(entry).startswith("A sign-in as ")


def test_a_sign_in_from_a_shell_has_no_request(carol):
    assert authenticate(None, username="carol", password="wrong") is None
    assert AuditEntry.objects.get().channel == "shell"


def test_a_sign_in_that_cannot_be_recorded_does_not_happen(carol):
    if connection.vendor == "sqlite":
        sql("CREATE TRIGGER denied BEFORE INSERT ON {entry} BEGIN SELECT RAISE(ABORT, 'denied'); END")
    else:
        sql("CREATE FUNCTION denied() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'denied'; END $$")
        sql("CREATE TRIGGER denied BEFORE INSERT ON {entry} FOR EACH ROW EXECUTE FUNCTION denied()")
    with pytest.raises(DatabaseError, match="denied"):
        sign_in(request_of(), "carol", "a long pass phrase")


# --- request ids -----------------------------------------------------------------------------------------------------


def through(**headers):
    seen = {}

    def view(request):
        seen["request"], seen["log"] = request.request_id, current_request_id.get()
        return HttpResponse()

    response = RequestIdMiddleware(view)(RequestFactory().get("/", headers=headers))
    assert seen["request"] == seen["log"] == response["X-Request-ID"]
    assert current_request_id.get() == ""
    return response["X-Request-ID"]


@pytest.mark.parametrize("theirs", ["a", "x" * 64, "550e8400-e29b-41d4-a716-446655440000", "", "x" * 65, "a b", "<b>"])
def test_a_callers_id_is_never_ours(theirs):
    made = through(**{"X-Request-ID": theirs})
    assert made != theirs and len(made) == 24


@pytest.mark.parametrize("sane", ["a", "x" * 64, "A.b-C_9", "550e8400-e29b-41d4-a716-446655440000"])
def test_a_sane_one_stands_beside_ours(sane, carol):
    request = request_of(carol, headers={"X-Request-ID": sane})
    with transaction.atomic():
        entry = record("audit.verified", actor=actor_of(request), details={"entries": 1})
    assert (entry.request_id, entry.details) == ("req-9", {"entries": 1, "caller_request_id": sane})


@pytest.mark.parametrize("insane", ["", "x" * 65, "a b", "a\n", "ä", "a;b", "<script>", "a/b", "\x00"])
def test_any_other_stands_nowhere(insane, carol):
    assert actor_of(request_of(carol, headers={"X-Request-ID": insane})).caller_request_id == ""


def test_without_one_each_request_gets_its_own():
    assert through() != through()


# --- who -------------------------------------------------------------------------------------------------------------


def test_the_actor_is_the_user_of_the_request(carol):
    actor = actor_of(request_of(carol))
    assert (actor.kind, actor.name, actor.user_id, actor.channel) == ("user", "carol", carol.pk, "web")
    assert (actor.request_id, actor.address) == ("req-9", "127.0.0.1")


def test_a_token_acts_for_its_user_under_its_own_name(carol):
    request = request_of(carol)
    request.auth = SimpleNamespace(pk=5, name="ci")
    actor = actor_of(request, channel="rest")
    assert (actor.kind, actor.name, actor.user_id, actor.token_id, actor.channel) == (
        "token",
        "ci of carol",
        carol.pk,
        5,
        "rest",
    )


def test_nobody_is_anonymous():
    actor = actor_of(request_of(), channel="link")
    assert (actor.kind, actor.name, actor.user_id, actor.channel) == ("user", "anonymous", None, "link")


def test_a_request_that_the_middleware_never_saw_still_has_an_actor():
    request = RequestFactory().get("/")
    assert actor_of(request).request_id == ""
