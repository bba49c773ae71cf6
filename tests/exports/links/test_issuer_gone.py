"""Tokens and links end with the right of whoever made them, each with a line that says why."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext

from connections.access import people
from connections.access.invitations import invite_again
from connections.access.members import remove_member, set_role
from connections.access.models import ApiToken, Membership
from connections.access.tokens import find_token, issue_token
from connections.models import Project
from exportadmin.audit.models import AuditEntry
from exportadmin.lib.actor import USER, Actor
from exports.links import actions as link_actions
from exports.models import Artifact, Link
from tests.exports.downloads.support import actor as actor_for
from tests.pages.people import signed_in
from tests.pages.reports import deliver
from tests.support.cast import PASSWORD

SHELL = Actor(kind=USER, name="root", channel="shell")
NEW = "another horse, another staple"


@pytest.fixture
def artifact(members: Project, tmp_path: Path) -> Artifact:
    return deliver(members, tmp_path / "d")


def link_of(user: User, artifact: Artifact) -> str:
    _, token = link_actions.issue_link(artifact=artifact, actor=actor_for(user), seconds=3600)
    return f"/exports/l/{token}/"


def key_of(user: User, project: Project | None = None) -> str:
    return issue_token(user=user, name="script", scopes=["exports:read"], actor=SHELL, project=project)[1]


def lines(event: str) -> list[tuple[str, str, str]]:
    found = AuditEntry.objects.filter(event=event).order_by("sequence")
    return [(entry.outcome, entry.reason, str(entry.details.get("why", ""))) for entry in found]


def opens(address: str) -> list[int]:
    return [Client().get(each).status_code for each in (address, f"{address}file")]


# --- when a right is taken away --------------------------------------------------------------------------------------


def test_who_is_taken_out_of_a_project_leaves_no_open_link_and_no_token_of_it(
    alice: User, oscar: User, members: Project, artifact: Artifact
):
    address, bound, free = link_of(oscar, artifact), key_of(oscar, members), key_of(oscar)
    assert opens(address) == [200, 200]
    remove_member(project=members, user=oscar, actor=actor_for(alice))
    assert opens(address) == [410, 410]
    assert Link.objects.get().revoked_at is not None
    why = f"no role in {members.name} any more"
    assert lines("link.revoked") == [("done", "", why)]
    assert lines("token.revoked") == [("done", "", why)]
    assert find_token(bound) is None
    assert find_token(free) is not None, "it acts in other projects, as far as its person may"


def test_the_links_of_others_stay(alice: User, oscar: User, members: Project, artifact: Artifact):
    address = link_of(alice, artifact)
    remove_member(project=members, user=oscar, actor=actor_for(alice))
    assert opens(address) == [200, 200]


def test_a_role_that_may_not_hand_out_ends_links_and_one_that_may_does_not(
    alice: User, oscar: User, members: Project, artifact: Artifact
):
    address = link_of(oscar, artifact)
    set_role(project=members, user=oscar, role="admin", actor=actor_for(alice))
    assert opens(address) == [200, 200]
    set_role(project=members, user=oscar, role="reviewer", actor=actor_for(alice))
    assert opens(address) == [410, 410]
    assert lines("link.revoked") == [("done", "", f"role reviewer in {members.name}")]


def test_a_disabled_account_leaves_nothing_open_also_when_it_is_enabled_again(
    alice: User, oscar: User, artifact: Artifact
):
    address, key, client = link_of(oscar, artifact), key_of(oscar), signed_in(oscar)
    for is_active in (False, True):
        oscar.is_active = is_active
        people.save_user(user=oscar, actor=actor_for(alice))
    assert opens(address) == [410, 410]
    assert find_token(key) is None
    assert client.get("/account/").status_code == 302
    (entry,) = AuditEntry.objects.filter(event="user.disabled")
    assert entry.details == {"sessions_ended": 1, "ended": "1 token and 1 open link"}
    assert lines("link.revoked") == [("done", "", "account disabled")]


def test_who_is_no_superuser_any_more_keeps_what_a_role_allows(
    alice: User, oscar: User, members: Project, artifact: Artifact
):
    Membership.objects.filter(user=alice).delete()
    oscar.is_superuser = True
    people.save_user(user=oscar, actor=actor_for(alice))
    hers, his = link_of(alice, artifact), link_of(oscar, artifact)
    for user in (alice, oscar):
        user.is_superuser = False
        people.save_user(user=user, actor=SHELL) if user is alice else None
    assert opens(hers) == [410, 410]
    assert opens(his) == [200, 200]


# --- when a password is changed --------------------------------------------------------------------------------------


def test_a_new_password_ends_tokens_and_links_unless_their_owner_keeps_them(oscar: User, artifact: Artifact):
    client = signed_in(oscar)
    form = {"old_password": PASSWORD, "new_password1": NEW, "new_password2": NEW}
    address, key = link_of(oscar, artifact), key_of(oscar)
    assert "You have 1 token and 1 open link" in client.get("/account/password/").content.decode()
    assert client.post("/account/password/", {**form, "keys": "keep"}).status_code == 302
    assert (opens(address), find_token(key) is not None) == ([200, 200], True)
    again = {"old_password": NEW, "new_password1": PASSWORD, "new_password2": PASSWORD}
    assert client.post("/account/password/", {**again, "keys": "some"}).status_code == 400
    assert client.post("/account/password/", again).status_code == 302
    assert (opens(address), find_token(key)) == ([410, 410], None)
    changes = AuditEntry.objects.filter(event="user.password_changed", outcome="done").order_by("sequence")
    details = [entry.details for entry in changes]
    assert details == [{"keys_kept": True}, {"keys_kept": False, "ended": "1 token and 1 open link"}]
    assert "You have" not in client.get("/account/password/").content.decode()


def test_a_password_that_a_superuser_gives_ends_them(alice: User, oscar: User, artifact: Artifact):
    address, key = link_of(oscar, artifact), key_of(oscar)
    form = {"password1": NEW, "password2": NEW, "usable_password": "true"}
    assert signed_in(alice).post(f"/admin/auth/user/{oscar.pk}/password/", form).status_code == 302
    oscar.refresh_from_db()
    assert oscar.check_password(NEW)
    assert (opens(address), find_token(key)) == ([410, 410], None)


@pytest.mark.parametrize(("flags", "stays"), [([], False), (["--keep-keys"], True)])
def test_the_shell_does_the_same(oscar: User, monkeypatch: pytest.MonkeyPatch, flags: list[str], stays: bool):
    key = key_of(oscar)
    monkeypatch.setattr("getpass.getpass", lambda prompt: NEW)
    call_command("changepassword", "oscar", *flags)
    assert (find_token(key) is not None) == stays


@pytest.mark.parametrize("way", ["disabled", "invited again", "no role", "password"])
def test_all_rows_are_held_and_changed_before_the_first_line_of_the_trail(
    alice: User, oscar: User, members: Project, artifact: Artifact, way: str
):
    """The head of the trail is one row for all: whoever holds it must not wait for anybody."""
    for _ in range(2):
        link_of(oscar, artifact), key_of(oscar, members)
    with CaptureQueriesContext(database) as captured:
        if way == "disabled":
            people.set_active(user=oscar, is_active=False, actor=SHELL)
        elif way == "invited again":
            invite_again(user=oscar, actor=SHELL)
        elif way == "no role":
            remove_member(project=members, user=oscar, actor=actor_for(alice))
        else:
            people.change_password(user=oscar, password=NEW, actor=SHELL)
    writes = re.compile(r'(?:UPDATE|INSERT INTO|DELETE FROM) "([a-z_]+)"')
    tables = [found[1] for query in captured if (found := writes.match(query["sql"]))]
    tables = [table for table in tables if table != "django_session"]
    first = {"no role": "access_membership"}.get(way, "auth_user")
    assert tables[:3] == [first, "exports_link", "access_apitoken"]
    assert set(tables[3:]) == {"audit_auditentry", "audit_audithead"}
    assert len(lines("link.revoked")) == len(lines("token.revoked")) == 2


# --- at use ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["role gone", "role less", "account disabled"])
def test_a_link_whose_issuer_may_no_more_is_refused_at_use_however_that_came(
    oscar: User, members: Project, artifact: Artifact, way: str
):
    """By hand in the database, by a version of the product that did not end links: what is asked at use holds."""
    address = link_of(oscar, artifact)
    if way == "account disabled":
        User.objects.filter(pk=oscar.pk).update(is_active=False)
    elif way == "role less":
        Membership.objects.filter(user=oscar).update(role="reviewer")
    else:
        Membership.objects.filter(user=oscar).delete()
    assert opens(address) == [410, 410]
    assert "may not hand out the file any more" in Client().get(address).content.decode()
    assert lines("link.refused") == [("refused", "withdrawn", "")] * 3


def test_another_issuer_cannot_be_written_into_the_row(alice: User, oscar: User, artifact: Artifact):
    address = link_of(oscar, artifact)
    Link.objects.update(created_by=alice)
    assert opens(address) == [404, 404]


def test_a_link_of_the_shell_belongs_to_nobody_and_stays(artifact: Artifact):
    _, token = link_actions.issue_link(artifact=artifact, actor=SHELL, seconds=3600)
    assert opens(f"/exports/l/{token}/") == [200, 200]
    assert ApiToken.objects.count() == 0
