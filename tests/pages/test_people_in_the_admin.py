"""Accounts in Django's admin: every change reaches the trail, nothing that has a history goes away."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse

from connections.access import people, user_admin
from connections.access.models import Membership, Preference
from connections.access.tokens import issue_token
from connections.models import Project
from exportadmin.audit.models import AuditEntry
from exportadmin.lib.actor import Actor
from exportadmin.lib.errors import ConflictError, DeniedError
from tests.pages.people import signed_in, trail
from tests.pages.reports import deliver
from tests.support.cast import PASSWORD

NEW = "another horse, another staple"
SHELL = Actor(kind="user", name="tester", channel="shell")


def page(user: User, verb: str = "change") -> str:
    name = "auth_user_password_change" if verb == "password" else f"auth_user_{verb}"
    return reverse(f"admin:{name}", args=[user.pk])


def form(user: User, **more: Any) -> dict[str, Any]:
    """What the admin's form sends for the account as it is; a box that is not ticked is not sent."""
    said = {name: getattr(user, name) for name in people.KEPT} | more
    return {name: value for name, value in said.items() if value is not False}


def entry(event: str) -> AuditEntry:
    return AuditEntry.objects.get(event=event)


# --- bad days --------------------------------------------------------------------------------------------------------


def test_staff_that_is_no_superuser_comes_to_no_account(oscar: User, rita: User):
    from django.contrib.auth.models import Permission

    oscar.is_staff = True
    oscar.save()
    oscar.user_permissions.set(Permission.objects.all())  # nobody can, but for a shell
    client = signed_in(oscar)
    for address in ("/admin/auth/user/", "/admin/auth/user/add/", page(rita), page(rita, "delete"), page(oscar)):
        assert client.get(address).status_code == 403
    assert client.post(page(oscar), form(oscar, is_superuser=True)).status_code == 403
    oscar.refresh_from_db()
    assert not oscar.is_superuser


@pytest.mark.parametrize("lost", ["is_superuser", "is_active"])
def test_the_last_superuser_stays_one_and_the_try_is_recorded(alice: User, visitor: Client, lost: str):
    answer = visitor.post(page(alice), form(alice, **{lost: False}), follow=True)
    assert "is the last superuser: make someone else one first" in answer.content.decode()
    alice.refresh_from_db()
    assert alice.is_superuser and alice.is_active
    assert trail("user.changed", "user.disabled") == [("user.changed", "refused", "alice", "alice")]


@pytest.mark.parametrize("history", ["membership", "token", "trail"])
def test_an_account_with_a_history_is_not_deleted(
    project: Project, rita: User, visitor: Client, tmp_path: Path, history: str
):
    if history == "membership":
        Membership.objects.create(project=project, user=rita, role="reviewer")
    elif history == "token":
        issue_token(user=rita, name="t", scopes=["admin"], actor=SHELL)
    else:
        signed_in(rita)
        deliver(project, tmp_path / "d", created_by=rita, requested_by=rita.pk, created_by_name="rita")
    looked = visitor.get(page(rita, "delete"), follow=True)
    assert "is not deleted but disabled" in looked.content.decode()
    assert trail("user.deleted") == []
    visitor.post(page(rita, "delete"), {"post": "yes"})
    assert trail("user.deleted") == [("user.deleted", "refused", "alice", "rita")]
    assert User.objects.filter(pk=rita.pk).exists()
    with pytest.raises(ConflictError):
        people.delete_user(user=rita, actor=SHELL)


def test_the_last_superuser_is_not_deleted_from_any_channel(db: None):
    only = User.objects.create_superuser("first", password="a-long-password-1")
    User.objects.create_superuser("invited", password=None)  # cannot sign in yet, so is nobody who could stay
    with pytest.raises(ConflictError, match="first is the last superuser"):
        people.delete_user(user=only, actor=SHELL)
    assert User.objects.filter(pk=only.pk).exists()
    assert trail("user.deleted")[-1][1] == "failed"
    User.objects.create_superuser("second", password="a-long-password-2")
    people.delete_user(user=only, actor=SHELL)
    assert not User.objects.filter(username="first").exists()


def test_many_are_not_deleted_at_once(visitor: Client, rita: User):
    said = {"action": "delete_selected", "_selected_action": [rita.pk], "post": "yes"}
    visitor.post("/admin/auth/user/", said)
    assert User.objects.filter(pk=rita.pk).exists()
    assert "delete_selected" not in visitor.get("/admin/auth/user/").content.decode()


def test_a_token_changes_no_account_and_nobody_anybody_elses(alice: User, rita: User, mallory: User):
    script = Actor(kind="token", name="t of alice", channel="rest", user_id=alice.pk, token_id=1)
    other = Actor(kind="user", name="mallory", channel="web", user_id=mallory.pk)
    rita.email = "elsewhere@example.org"
    for actor in (script, other):
        with pytest.raises(DeniedError):
            people.save_user(user=rita, actor=actor)
        with pytest.raises(DeniedError):
            people.change_password(user=rita, password=NEW, actor=actor)
    rita.refresh_from_db()
    assert rita.email == "rita@example.org" and rita.check_password(PASSWORD)


def test_a_change_that_cannot_be_recorded_does_not_happen(rita: User, visitor: Client, monkeypatch):
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("no line")

    monkeypatch.setattr("exportadmin.audit.record.record", broken)
    monkeypatch.setattr("connections.access.people.record", broken)
    visitor.raise_request_exception = False
    assert visitor.post(page(rita), form(rita, email="new@example.org")).status_code == 500
    said = {"password1": NEW, "password2": NEW, "usable_password": "true"}
    assert visitor.post(page(rita, "password"), said).status_code == 500
    rita.refresh_from_db()
    assert rita.email == "rita@example.org" and rita.check_password(PASSWORD)


def test_what_somebody_else_changed_meanwhile_is_not_undone(rita: User, visitor: Client, monkeypatch):
    """Between the form's read and its save."""
    real = user_admin.actor_of

    def meanwhile(request: Any) -> Actor:
        User.objects.filter(pk=rita.pk).update(is_active=False, password="!taken away")
        return real(request)

    monkeypatch.setattr(user_admin, "actor_of", meanwhile)
    assert visitor.post(page(rita), form(rita, email="new@example.org")).status_code == 302
    rita.refresh_from_db()
    assert (rita.email, rita.is_active, rita.password) == ("new@example.org", False, "!taken away")
    assert entry("user.changed").after == {"email": "new@example.org"}


def test_the_last_superusers_password_is_not_taken_away(alice: User, visitor: Client):
    User.objects.create(username="root", is_superuser=True, is_staff=True, password="!")
    answer = visitor.post(page(alice, "password"), {"usable_password": "false", "unset-password": "1"}, follow=True)
    assert "is the last superuser" in answer.content.decode()
    assert User.objects.get(pk=alice.pk).check_password(PASSWORD)
    assert trail("user.password_changed") == [("user.password_changed", "refused", "alice", "alice")]


# --- good days -------------------------------------------------------------------------------------------------------


def test_a_new_account_is_recorded_without_its_password(visitor: Client):
    said = {"username": "ines", "password1": NEW, "password2": NEW, "usable_password": "true"}
    assert visitor.post("/admin/auth/user/add/", said).status_code == 302
    made = User.objects.get(username="ines")
    assert made.check_password(NEW) and not made.is_superuser
    line = entry("user.created")
    assert (line.actor_name, line.object_name, line.object_id, line.before) == ("alice", "ines", str(made.pk), None)
    assert line.after["is_superuser"] is False
    for secret in (NEW, made.password):
        assert secret not in f"{line.after_json}{line.details_json}"


def test_a_changed_account_shows_before_and_after(rita: User, visitor: Client):
    assert visitor.post(page(rita), form(rita, email="r@example.org", is_superuser=True)).status_code == 302
    line = entry("user.changed")
    assert line.before == {"email": "rita@example.org", "is_superuser": False}
    assert line.after == {"email": "r@example.org", "is_superuser": True}
    visitor.post(page(rita), form(User.objects.get(pk=rita.pk)))  # nothing new: nothing recorded
    assert AuditEntry.objects.filter(event="user.changed").count() == 1


def test_who_is_disabled_is_out_at_once_and_may_come_back(rita: User, visitor: Client):
    theirs = signed_in(rita)
    assert theirs.get("/account/").status_code == 200
    visitor.post(page(rita), form(rita, is_active=False, last_name="Gone"))
    assert theirs.get("/account/").status_code == 302
    line = entry("user.disabled")
    assert line.before == {"last_name": "", "is_active": True}
    assert line.after == {"last_name": "Gone", "is_active": False}
    visitor.post(page(rita), form(User.objects.get(pk=rita.pk), is_active=True))
    assert entry("user.enabled").after == {"is_active": True}


def test_a_password_that_was_set_for_somebody_is_recorded_without_itself(rita: User, visitor: Client):
    visitor.post(page(rita, "password"), {"password1": NEW, "password2": "else", "usable_password": "true"})
    assert trail("user.password_changed") == []
    visitor.post(page(rita, "password"), {"password1": NEW, "password2": NEW, "usable_password": "true"})
    rita.refresh_from_db()
    assert rita.check_password(NEW)
    line = entry("user.password_changed")
    assert (line.actor_name, line.object_name) == ("alice", "rita")
    assert NEW not in f"{line.before_json}{line.after_json}{line.details_json}"


def test_ones_own_password_is_changed_on_the_account_page_only(visitor: Client):
    for address in ("/admin/password_change/", "/admin/password_change/done/"):
        said = {"old_password": PASSWORD, "new_password1": NEW, "new_password2": NEW}
        assert visitor.post(address, said).headers["Location"].startswith("/account/")
    assert User.objects.get(username="alice").check_password(PASSWORD)


def test_an_account_that_was_never_used_can_be_deleted(rita: User, visitor: Client):
    Preference.objects.create(user=rita)
    assert "Are you sure" in visitor.get(page(rita, "delete")).content.decode()
    visitor.post(page(rita, "delete"), {"post": "yes"})
    assert not User.objects.filter(pk=rita.pk).exists()
    line = entry("user.deleted")
    assert (line.object_name, line.before["username"], line.after) == ("rita", "rita", None)


def test_no_piece_of_a_password_is_shown(rita: User, visitor: Client):
    rita.set_password(NEW)
    rita.save()
    shown = visitor.get(page(rita)).content.decode()
    algorithm, salt, digest = rita.password.split("$")[0], *rita.password.split("$")[-2:]
    assert [piece for piece in (algorithm, salt[:4], digest[:6]) if piece in shown] == []
    assert "<strong>Set</strong>" in shown
    rita.set_unusable_password()
    rita.save()
    assert "Not set: nobody signs in with it" in visitor.get(page(rita)).content.decode()


def test_groups_give_nobody_anything_and_are_not_there():
    assert Group not in admin.site._registry
    fields = [name for _, options in admin.site._registry[User].fieldsets or () for name in options["fields"]]
    assert set(fields) == {*people.KEPT, "password", "last_login", "date_joined"}
