"""Connections are made, changed, tested, granted and deleted by superusers, each step in the trail without a secret."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict

import pytest
from django.contrib.auth.models import User
from django.db import connection as database

from connections import connection_actions as actions
from connections import deletion
from connections.access.models import Membership
from connections.access.permissions import connections_for
from connections.access.tokens import issue_token
from connections.actions import delete_project
from connections.adapters import FAILED, PASSED, SKIPPED, Step
from connections.connection_actions import (
    change_connection,
    create_connection,
    delete_connection,
    disable_connection,
    enable_connection,
    grant_connection,
    revoke_connection,
    rotate_secret,
)
from connections.models import Connection, ConnectionGrant, ConnectionSecret, Project
from exportadmin.audit.models import AuditEntry
from exportadmin.lib.actor import TOKEN, USER, Actor
from exportadmin.lib.errors import ConflictError, DeniedError, NotFoundError, PermanentError, UserError
from tests.connections import toy
from tests.connections.toy import Vault
from tests.rest.world import SHELL

pytestmark = pytest.mark.django_db(transaction=True)
CANARY = "canary-20b7fe"


@pytest.fixture(autouse=True)
def vaults() -> Iterator[None]:
    """The kind is registered."""
    with toy.registered():
        yield


@pytest.fixture
def superuser(alice: User) -> Actor:
    return acting(alice)


def acting(user: User) -> Actor:
    return Actor(kind=USER, name=user.username, channel="web", user_id=user.pk)


@pytest.fixture
def vault(superuser: Actor) -> Connection:
    return create_connection(
        kind="vault", name="Deep", config={"room": "east"}, secrets={"phrase": CANARY}, actor=superuser
    )


def last(event: str) -> AuditEntry:
    return AuditEntry.objects.filter(event=f"connection.{event}").order_by("-sequence")[0]


def trail() -> str:
    return json.dumps(list(AuditEntry.objects.values()), default=str)


# --- making ----------------------------------------------------------------------------------------------------------


def test_it_is_kept_as_its_kind_reads_it_with_the_defaults_of_what_was_not_given(vault):
    assert vault.config == {"room": "EAST", "floor": "1", "alarm": True, "private_address": ""}
    assert dict(vault.secrets()) == {"phrase": CANARY}
    assert (vault.created_by, vault.stored_secrets.get().set_by) == ("alice", "alice")


def test_the_trail_tells_of_it_and_holds_no_secret(vault):
    made = last("created")
    assert (made.object_id, made.object_name, made.actor_name) == (vault.public_id, "Deep", "alice")
    assert made.after == {"name": "Deep", "kind": "vault", "config": vault.config, "secrets.phrase": "set"}
    assert CANARY not in trail()


GOOD = {"kind": "vault", "name": "New", "config": {"room": "east"}, "secrets": {"phrase": "p"}}


@pytest.mark.parametrize(
    ("wrong", "field", "words"),
    [
        (
            {"kind": "tape"},
            "kind",
            "known: diffgram, label_studio, labelbox, labellerr, s3, vault",
        ),
        ({"kind": "local"}, "kind", "unknown kind of connection 'local'"),
        ({"name": "  "}, "name", "1 to 120 characters"),
        ({"name": "x" * 121}, "name", "1 to 120 characters"),
        ({"name": "a\nb"}, "name", "control character"),
        ({"config": {}}, "config.room", "config.room is missing: which room of the vault"),
        ({"config": {"room": ""}}, "config.room", "config.room is missing"),
        ({"config": {"room": "9"}}, "config.room", "room is '9'; expected letters only"),
        ({"config": {"room": 9}}, "config.room", "config.room is '9'; expected a text"),
        ({"config": {"room": "e" * 2001}}, "config.room", "has 2,001 characters"),
        ({"config": {"room": "e\x00"}}, "config.room", "U+0000"),
        ({"config": {"room": "e", "floor": "3"}}, "config.floor", "config.floor is '3'; known: 1, 2"),
        ({"config": {"room": "e", "alarm": "yes"}}, "config.alarm", "expected true or false"),
        ({"config": {"room": "e", "door": "x"}}, "config", "unknown config setting 'door'; known: room, floor"),
        ({"config": ["room"]}, "config", "config is no JSON object"),
        ({"secrets": {}}, "secrets.phrase", "secrets.phrase is missing: what is said at the door"),
        ({"secrets": {"phrase": ""}}, "secrets.phrase", "secrets.phrase is missing"),
        ({"secrets": {"phrase": 7}}, "secrets.phrase", "secrets.phrase is no text"),
        ({"secrets": {"phrase": " p"}}, "secrets.phrase", "phrase: there are blanks around it"),
        ({"secrets": {"phrase": "env:"}}, "secrets.phrase", "expected env:NAME or file:/absolute/path"),
        ({"secrets": {"phrase": "env:EXPORTADMIN_SECRET_KEY"}}, "secrets.phrase", "are the installation's own"),
        ({"secrets": {"phrase": "p", "pin": "1"}}, "secrets", "unknown secrets setting 'pin'; known: phrase, knock"),
        ({"secrets": "phrase"}, "secrets", "secrets is no JSON object"),
        ({"config": {"room": "e", "floor": "2"}}, "secrets.knock", "opens to a knock only"),
    ],
)
def test_what_cannot_be_is_refused_with_the_field_and_what_would_be_right(superuser, wrong, field, words):
    with pytest.raises(UserError) as refused:
        create_connection(**{**GOOD, **wrong}, actor=superuser)
    assert (refused.value.field, words in refused.value.message) == (field, True), refused.value.message
    assert not Connection.objects.exists()
    assert last("created").outcome == "refused"


def test_a_name_is_given_once(vault, superuser):
    with pytest.raises(ConflictError, match="there is a connection called 'Deep' already"):
        create_connection(**{**GOOD, "name": " Deep "}, actor=superuser)
    other = create_connection(**GOOD, actor=superuser)
    with pytest.raises(ConflictError, match="there is a connection called 'Deep' already"):
        change_connection(connection=other, name="Deep", actor=superuser)


# --- changing --------------------------------------------------------------------------------------------------------


def test_a_change_keeps_what_is_not_given_and_says_what_became_of_each(vault, superuser):
    change_connection(
        connection=vault, config={"alarm": False}, secrets={"phrase": CANARY, "knock": CANARY}, actor=superuser
    )
    assert Connection.objects.get().config == vault.config == {
        "room": "EAST", "floor": "1", "alarm": False, "private_address": ""
    }  # fmt: skip
    changed = last("changed")
    assert (changed.before["config"]["alarm"], changed.after["config"]["alarm"]) == (True, False)
    assert (changed.before["secrets.phrase"], changed.after["secrets.phrase"]) == ("set", "unchanged")
    assert (changed.before["secrets.knock"], changed.after["secrets.knock"]) == ("not set", "set")
    assert CANARY not in trail()


def test_nothing_new_is_not_recorded(vault, superuser):
    set_at = ConnectionSecret.objects.get().set_at
    change_connection(
        connection=vault, name="Deep", config={"room": "East"}, secrets={"phrase": CANARY}, actor=superuser
    )
    change_connection(connection=vault, actor=superuser)
    rotate_secret(connection=vault, secrets={"phrase": CANARY, "knock": ""}, actor=superuser)
    assert not AuditEntry.objects.filter(event__in=["connection.changed", "connection.secret_rotated"]).exists()
    assert ConnectionSecret.objects.get().set_at == set_at


def test_an_empty_setting_goes_back_to_its_default_and_an_empty_secret_is_forgotten(vault, superuser):
    change_connection(connection=vault, config={"alarm": False}, secrets={"knock": "thrice"}, actor=superuser)
    change_connection(connection=vault, config={"alarm": None}, secrets={"knock": None}, actor=superuser)
    assert vault.config["alarm"] is True
    assert set(vault.secrets()) == {"phrase"}
    assert last("changed").after["secrets.knock"] == "not set"
    with pytest.raises(UserError, match=r"secrets\.phrase is missing"):
        change_connection(connection=vault, secrets={"phrase": ""}, actor=superuser)
    assert vault.secrets()["phrase"] == CANARY


def test_a_change_that_does_not_fit_is_refused_whole(vault, superuser):
    with pytest.raises(UserError, match="opens to a knock only"):
        change_connection(connection=vault, config={"floor": "2"}, secrets={"phrase": "other"}, actor=superuser)
    assert Connection.objects.get().config["floor"] == "1"
    assert vault.secrets()["phrase"] == CANARY


def test_a_secret_is_rotated_and_who_set_it_when_is_known(vault, superuser):
    before = ConnectionSecret.objects.get()
    rotate_secret(connection=vault, secrets={"phrase": "sesame"}, actor=SHELL)
    after = ConnectionSecret.objects.get()
    assert vault.secrets()["phrase"] == "sesame"
    assert (after.set_by, after.set_at > before.set_at) == (SHELL.name, True)
    told = last("secret_rotated")
    assert (told.before, told.after) == ({"secrets.phrase": "set"}, {"secrets.phrase": "changed"})
    with pytest.raises(UserError, match="no secret was given; known: phrase, knock"):
        rotate_secret(connection=vault, secrets={}, actor=superuser)


def test_a_secret_that_cannot_be_read_any_more_is_replaced(vault, superuser):
    ConnectionSecret.objects.update(value="aes256gcm:00000000:AAAA")
    with pytest.raises(PermanentError, match="secret phrase of connection 'Deep' cannot be decrypted"):
        vault.secrets()
    rotate_secret(connection=vault, secrets={"phrase": "sesame"}, actor=superuser)
    assert vault.secrets()["phrase"] == "sesame"


def test_a_reference_takes_the_place_of_a_value(vault, superuser, monkeypatch):
    monkeypatch.setenv("PHRASE", CANARY)
    rotate_secret(connection=vault, secrets={"phrase": "env:PHRASE"}, actor=superuser)
    assert (vault.stored_secrets.get().reference, vault.secrets()["phrase"]) == ("env:PHRASE", CANARY)
    assert last("secret_rotated").after == {"secrets.phrase": "changed"}


# --- permission ------------------------------------------------------------------------------------------------------


def every_action(connection: Connection, project: Project, actor: Actor):
    yield lambda: change_connection(connection=connection, name="Mine", actor=actor)
    yield lambda: rotate_secret(connection=connection, secrets={"phrase": "mine"}, actor=actor)
    yield lambda: disable_connection(connection=connection, actor=actor)
    yield lambda: enable_connection(connection=connection, actor=actor)
    yield lambda: grant_connection(connection=connection, project=project, actor=actor)
    yield lambda: revoke_connection(connection=connection, project=project, actor=actor)
    yield lambda: delete_connection(connection=connection, actor=actor)


def state() -> list:
    rows = (Connection.objects.values(), ConnectionSecret.objects.values(), ConnectionGrant.objects.values())
    return [list(some) for some in rows]


def test_without_a_grant_nobody_but_a_superuser_learns_that_it_is_there(vault, members, oscar, rita, mallory):
    Membership.objects.update_or_create(project=members, user=oscar, defaults={"role": "admin"})
    before = state()
    for person in (oscar, rita, mallory):
        actor = acting(person)
        assert not connections_for(person).exists()
        for action in every_action(vault, members, actor):
            with pytest.raises(NotFoundError) as refused:
                action()
            assert "Deep" not in str(refused.value)
        with pytest.raises(NotFoundError) as refused:
            actions.test_connection(connection=vault, actor=actor)
        assert "Deep" not in str(refused.value)
        with pytest.raises(DeniedError, match="made by superusers"):
            create_connection(**GOOD, actor=actor)
    assert state() == before


def test_with_a_grant_a_projects_people_see_it_and_change_nothing_and_its_admins_test_it(
    vault, members, superuser, oscar, rita, mallory
):
    grant_connection(connection=vault, project=members, actor=superuser)
    before = state()
    for person in (oscar, rita):
        assert connections_for(person).get() == vault
        for action in every_action(vault, members, acting(person)):
            with pytest.raises(DeniedError, match="it is for superusers"):
                action()
        with pytest.raises(DeniedError, match="a test also for admins"):
            actions.test_connection(connection=vault, actor=acting(person))
    assert not connections_for(mallory).exists()
    assert state() == before
    Membership.objects.filter(user=oscar).update(role="admin")
    assert [step.key for step in actions.test_connection(connection=vault, actor=acting(oscar))] == [
        "reach",
        "open",
        "write",
    ]
    with pytest.raises(DeniedError):
        change_connection(connection=vault, name="Mine", actor=acting(oscar))


def test_a_token_needs_the_scope_admin_and_no_project(vault, members, superuser, alice):
    grant_connection(connection=vault, project=members, actor=superuser)

    def by(**kwargs) -> Actor:
        token, _ = issue_token(user=alice, name="script", actor=SHELL, **kwargs)
        return Actor(kind=TOKEN, name="script of alice", channel="rest", user_id=alice.pk, token_id=token.pk)

    for actor in (by(scopes=("exports:run",)), by(scopes=("admin",), project=members)):
        with pytest.raises(DeniedError):
            disable_connection(connection=vault, actor=actor)
        with pytest.raises(DeniedError):
            create_connection(**GOOD, actor=actor)
    disable_connection(connection=vault, actor=by(scopes=("admin",)))
    assert Connection.objects.get(pk=vault.pk).disabled_at is not None


# --- grants, state, deletion -----------------------------------------------------------------------------------------


def test_grants_are_given_and_taken_and_told_to_the_project(vault, members, superuser):
    first = grant_connection(connection=vault, project=members, actor=superuser)
    assert grant_connection(connection=vault, project=members, actor=superuser) == first
    assert (last("granted").project_id, last("granted").object_id) == (members.public_id, vault.public_id)
    revoke_connection(connection=vault, project=members, actor=superuser)
    assert not ConnectionGrant.objects.exists()
    assert last("revoked").project_id == members.public_id
    with pytest.raises(NotFoundError, match="is not granted to project"):
        revoke_connection(connection=vault, project=members, actor=superuser)


def test_grants_of_a_deleted_project_go_with_it(vault, members, superuser):
    grant_connection(connection=vault, project=members, actor=superuser)
    delete_project(project=members, confirm=members.name, actor=superuser)
    with pytest.raises(NotFoundError):
        grant_connection(connection=vault, project=members, actor=superuser)
    list(deletion.take_away(Project.with_deleted.get(pk=members.pk)))
    assert not ConnectionGrant.objects.exists()


def test_disabled_and_enabled_again(vault, superuser):
    assert disable_connection(connection=vault, actor=superuser).disabled_at is not None
    at = Connection.objects.get().disabled_at
    disable_connection(connection=vault, actor=superuser)
    assert Connection.objects.get().disabled_at == at
    assert enable_connection(connection=vault, actor=superuser).disabled_at is None
    assert Connection.objects.get().disabled_at is None


def test_deleted_it_is_gone_with_its_secrets_and_its_name_is_free(vault, members, superuser):
    grant_connection(connection=vault, project=members, actor=superuser)
    delete_connection(connection=vault, actor=superuser)
    assert not Connection.objects.filter(kind="vault").exists()
    assert not ConnectionSecret.objects.exists()
    assert not ConnectionGrant.objects.exists()
    assert last("deleted").before["name"] == "Deep"
    for action in every_action(vault, members, superuser):
        with pytest.raises(NotFoundError):
            action()
    create_connection(**{**GOOD, "name": "Deep"}, actor=superuser)


# --- tests -----------------------------------------------------------------------------------------------------------


def test_a_test_is_kept_step_by_step_as_it_goes_on(vault, superuser):
    rotate_secret(connection=vault, secrets={"phrase": "sesame"}, actor=superuser)
    running = actions.test_connection(connection=vault, actor=superuser)
    first = next(running)
    half = Connection.objects.get()
    assert (half.test_result["state"], half.test_steps) == ("running", [first])
    assert half.tested_at is not None
    rest = list(running)
    whole = Connection.objects.get()
    assert (whole.test_result["state"], whole.test_result["tested_by"]) == (PASSED, "alice")
    assert whole.test_steps == [first, *rest] == vault.test_steps
    assert last("tested").details == {"result": PASSED, "steps": {"reach": PASSED, "open": PASSED, "write": PASSED}}


def test_a_test_that_fails_says_where_and_what_to_do(vault, superuser):
    steps = list(actions.test_connection(connection=vault, actor=superuser))
    assert [step.state for step in steps] == [PASSED, FAILED, SKIPPED]
    assert steps[1].advice == "rotate the secret phrase"
    told = last("tested")
    assert (told.outcome, told.reason) == ("failed", "Open it: the phrase is another one")
    assert CANARY not in trail() + json.dumps(Connection.objects.get().test_result)


def test_a_test_that_nobody_waits_for_is_stopped_and_says_so(vault, superuser):
    running = actions.test_connection(connection=vault, actor=superuser)
    next(running)
    running.close()
    assert Connection.objects.get().test_result["state"] == "stopped"
    assert last("tested").details["result"] == "stopped"


def test_a_change_forgets_what_was_found_out_before_it_even_while_a_test_runs(vault, superuser):
    list(actions.test_connection(connection=vault, actor=superuser))
    change_connection(connection=vault, name="Deeper", actor=superuser)
    assert Connection.objects.get().test_steps
    running = actions.test_connection(connection=vault, actor=superuser)
    next(running)
    change_connection(connection=Connection.objects.get(), config={"room": "west"}, actor=superuser)
    list(running)
    now = Connection.objects.get()
    assert (now.tested_at, now.test_result) == (None, {})


@pytest.mark.parametrize(
    ("raised", "words"),
    [
        (PermanentError(f"the store answered {CANARY}"), "the store answered ***"),
        (UserError("no such room"), "no such room"),
        (RuntimeError(CANARY), "stopped by a fault in Export Admin"),
    ],
)
def test_whatever_a_kind_raises_is_a_failed_step_without_a_secret(vault, superuser, monkeypatch, caplog, raised, words):
    def breaks(connection):
        yield Step("reach", "Reach", PASSED, f"with {CANARY}", f"try {CANARY} again")
        raise raised

    monkeypatch.setattr(Vault, "test", breaks)
    first, second = actions.test_connection(connection=vault, actor=superuser)
    assert (first.message, first.advice) == ("with ***", "try *** again")
    assert (second.state, words in second.message) == (FAILED, True)
    assert CANARY not in caplog.text + trail() + json.dumps([asdict(first), asdict(second)])


def test_a_test_has_an_end(vault, superuser, monkeypatch):
    def endless(connection):
        while True:
            yield Step("reach", "Reach", PASSED)

    monkeypatch.setattr(Vault, "test", endless)
    monkeypatch.setattr("connections.steps.MOST_SECONDS", -1.0)
    steps = list(actions.test_connection(connection=vault, actor=superuser))
    assert [(step.key, step.state) for step in steps] == [("reach", PASSED), ("time", FAILED)]


def test_no_table_holds_a_secret_in_clear(vault, superuser):
    list(actions.test_connection(connection=vault, actor=superuser))
    change_connection(connection=vault, secrets={"knock": CANARY}, actor=superuser)
    with database.cursor() as cursor:
        tables = database.introspection.table_names(cursor)
        for table in tables:
            cursor.execute(f'SELECT * FROM "{table}"')
            assert CANARY not in str(cursor.fetchall()), table
