"""People in the product: invited by a link that works once, given roles, disabled; by pages, REST and shell alike."""

from __future__ import annotations

import html
import io
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext

from connections.access import invitations, people
from connections.access.models import Membership
from connections.access.roles import SCOPES
from connections.access.tokens import find_token, issue_token
from connections.models import Connection, Project
from exportadmin.audit.models import AuditEntry
from exportadmin.lib.actor import USER, Actor
from exportadmin.lib.errors import ConflictError, DeniedError, ExportAdminError, GoneError
from tests.pages.people import signed_in, trail
from tests.support.cast import PASSWORD

SHELL = Actor(kind=USER, name="root", channel="shell")
CHOSEN = "a horse of another colour"


def address_in(page: str) -> str:
    (found,) = re.findall(r'id="address"[^>]*>([^<]+)<', page)
    return html.unescape(found).removeprefix("http://testserver")


def invited(username: str = "newcomer", **more: Any) -> str:
    return invitations.path_for(invitations.invite(username=username, actor=SHELL, **more)[1])


def choose(address: str, password: str = CHOSEN, again: str | None = None) -> Any:
    return Client().post(address, {"password": password, "again": password if again is None else again})


def may_sign_in(username: str, password: str = CHOSEN) -> bool:
    return Client().login(username=username, password=password)


# --- bad days --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({}, "whom do you invite"),
        ({"username": "a b"}, "Enter a valid username"),
        ({"username": "x" * 151}, "at most 150"),
        ({"username": "oscar"}, "there is an account"),
        ({"username": "new", "email": "not an address"}, "Enter a valid email"),
    ],
)
def test_whom_nobody_can_invite_is_said(visitor: Client, oscar: User, sent: dict[str, str], words: str):
    before = User.objects.count()
    answer = visitor.post("/people/invite/", sent)
    assert (answer.status_code, words in html.unescape(answer.content.decode())) == (400, True)
    assert User.objects.count() == before
    assert [line[1] for line in trail("user.invited")] == ["refused"]


def test_inviting_asks_for_the_password_of_who_invites(alice: User):
    client = signed_in(alice)
    session = client.session
    session["password_at"] -= 3600
    session.save()
    assert client.post("/people/invite/", {"username": "new"}).status_code == 400
    assert client.post("/people/invite/", {"username": "new", "password": "wrong"}).status_code == 400
    assert not User.objects.filter(username="new").exists()
    assert client.post("/people/invite/", {"username": "new", "password": PASSWORD}).status_code == 200


def test_neither_operators_nor_tokens_invite_or_disable(oscar: User, rita: User, alice: User):
    mine = Actor(kind=USER, name="oscar", channel="web", user_id=oscar.pk)
    script = Actor(kind="token", name="t of alice", channel="rest", user_id=alice.pk, token_id=1)
    for actor in (mine, script):
        with pytest.raises(DeniedError):
            invitations.invite(username="new", actor=actor)
        with pytest.raises(DeniedError):
            invitations.invite_again(user=rita, actor=actor)
        for is_active in (False, True):
            with pytest.raises(DeniedError):
                people.set_active(user=rita, is_active=is_active, actor=actor)
    rita.refresh_from_db()
    assert rita.is_active and rita.check_password(PASSWORD)


@pytest.mark.parametrize("text", ["nosuch", "1.", "1.abc-def", ".", "zzzzzzzzzzzzzzzzzzzz.a-b", "1.a.b"])
def test_an_invitation_that_there_is_not_opens_nothing(db: None, text: str):
    answer = Client().get(f"/account/invitation/{text}/")
    assert (answer.status_code, "This invitation is over" in answer.content.decode()) == (410, True)
    assert trail("user.invitation_refused") == [("user.invitation_refused", "refused", "anonymous", "")]


@pytest.mark.parametrize(
    ("password", "again", "words"),
    [
        ("newcomer", "newcomer", "too similar to the username"),
        ("password", "password", "too common"),
        ("12345", "12345", "too short"),
        (CHOSEN, "another", "The two passwords are not the same"),
        ("", "", "This field is required"),
    ],
)
def test_a_bad_password_is_not_kept_and_the_invitation_stays_good(db: None, password: str, again: str, words: str):
    address = invited()
    answer = choose(address, password, again)
    assert (answer.status_code, words in html.unescape(answer.content.decode())) == (400, True)
    assert not User.objects.get(username="newcomer").has_usable_password()
    assert choose(address).status_code == 302


def test_an_invitation_works_once(db: None):
    address = invited()
    assert choose(address).status_code == 302
    assert may_sign_in("newcomer")
    assert [Client().get(address).status_code, choose(address, "yet another horse").status_code] == [410, 410]
    assert may_sign_in("newcomer")


def test_an_invitation_ends_with_its_time_with_a_newer_one_and_with_the_account(db: None, time_machine: Any):
    old = invited()
    user = User.objects.get(username="newcomer")
    new = invitations.path_for(invitations.invite_again(user=user, actor=SHELL))
    assert [Client().get(address).status_code for address in (old, new)] == [410, 200]
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert Client().get(new).status_code == 410
    User.objects.filter(pk=user.pk).update(is_active=True)
    time_machine.move_to(datetime.now(UTC) + timedelta(hours=invitations.hours(), minutes=1))
    assert Client().get(new).status_code == 410


@pytest.mark.parametrize("meanwhile", ["used", "invited again", "disabled", "disabled and enabled"])
def test_an_invitation_that_ends_while_its_password_is_sent_opens_nothing(db: None, monkeypatch, meanwhile: str):
    address = invited()
    user = User.objects.get(username="newcomer")
    real = invitations.validate_password

    def at_the_same_moment(password: str, of: User) -> None:
        real(password, of)
        monkeypatch.undo()
        if meanwhile == "used":
            assert choose(address, "the horse of the other one").status_code == 302
        elif meanwhile == "invited again":
            invitations.invite_again(user=user, actor=SHELL)
        else:
            people.set_active(user=user, is_active=False, actor=SHELL)
        if meanwhile == "disabled and enabled":
            people.set_active(user=user, is_active=True, actor=SHELL)

    monkeypatch.setattr(invitations, "validate_password", at_the_same_moment)
    answer = choose(address)
    assert (answer.status_code, answer.headers["Referrer-Policy"]) == (410, "no-referrer")
    assert not may_sign_in("newcomer")
    assert may_sign_in("newcomer", "the horse of the other one") == (meanwhile == "used")
    assert [line[1] for line in trail("user.invitation_refused")] == ["failed"]


def test_an_invitation_ends_with_a_disabling_also_when_the_account_is_enabled_again(db: None):
    address = invited()
    user = User.objects.get(username="newcomer")
    for is_active in (False, True):
        people.set_active(user=user, is_active=is_active, actor=SHELL)
    assert [Client().get(address).status_code, choose(address).status_code] == [410, 410]


def test_a_profile_that_was_read_before_a_disabling_restores_nothing(oscar: User, monkeypatch):
    real = people.clean

    def meanwhile(name: str, value: str, user: User) -> str:
        User.objects.filter(pk=oscar.pk).update(is_active=False, is_staff=False, password="!taken away")
        return real(name, value, user)

    oscar.is_staff = True
    oscar.save()
    monkeypatch.setattr(people, "clean", meanwhile)
    mine = Actor(kind=USER, name="oscar", channel="web", user_id=oscar.pk)
    people.change_profile(user=oscar, actor=mine, first_name="Oscar", last_name="", email="o@example.org")
    oscar.refresh_from_db()
    assert (oscar.first_name, oscar.is_active, oscar.is_staff, oscar.password) == ("Oscar", False, False, "!taken away")
    (entry,) = AuditEntry.objects.filter(event="user.changed")
    assert entry.after == {"first_name": "Oscar", "email": "o@example.org"}


def test_where_nothing_is_changed_nothing_is_saved(oscar: User):
    old = User.objects.get(pk=oscar.pk)
    User.objects.filter(pk=oscar.pk).update(password="!taken away")
    people.save_user(user=old, actor=SHELL)
    assert User.objects.get(pk=oscar.pk).password == "!taken away"
    assert trail("user.changed") == []


def test_a_superuser_without_a_password_is_none_who_could_stay(alice: User, oscar: User):
    invitations.invite(username="newcomer", actor=SHELL)
    newcomer = User.objects.get(username="newcomer")
    newcomer.is_superuser = True
    people.save_user(user=newcomer, actor=SHELL)
    with pytest.raises(ConflictError, match="last superuser"):
        people.set_active(user=alice, is_active=False, actor=SHELL)
    with pytest.raises(ConflictError, match="last superuser"):
        invitations.invite_again(user=alice, actor=SHELL)
    assert may_sign_in("alice", PASSWORD)
    assert choose(invitations.path_for(invitations.invite_again(user=newcomer, actor=SHELL))).status_code == 302
    invitations.invite_again(user=alice, actor=SHELL)
    assert not may_sign_in("alice", PASSWORD)


def test_the_only_superuser_who_has_no_password_yet_is_invited(db: None):
    made = people.create_superuser(username="root", email="", password=None, actor=SHELL)
    assert choose(invitations.path_for(invitations.invite_again(user=made, actor=SHELL))).status_code == 302
    assert may_sign_in("root")


def test_who_is_enabled_again_signs_in_anew(oscar: User):
    """A session that was begun while the account was being disabled."""
    browser = signed_in(oscar)
    User.objects.filter(pk=oscar.pk).update(is_active=False)
    people.set_active(user=oscar, is_active=True, actor=SHELL)
    assert browser.get("/account/").status_code == 302
    assert AuditEntry.objects.get(event="user.enabled").details == {"sessions_ended": 1}


def test_a_copy_of_the_database_makes_no_invitation(db: None, settings):
    invitation = invited().split("/")[-2]
    settings.SECRET_KEY = "another key " * 5
    invitations._TOKENS.__dict__.pop("_secret", None)
    with pytest.raises(GoneError):
        invitations.find_invited(invitation)


def test_the_last_superuser_is_not_disabled_and_nobody_disables_themselves(alice: User, oscar: User):
    with pytest.raises(ConflictError, match="last superuser"):
        people.set_active(user=alice, is_active=False, actor=SHELL)
    client = signed_in(alice)
    page = client.post(f"/people/{alice.pk}/disable/", follow=True).content.decode()
    assert "this is your own account" in page
    alice.refresh_from_db()
    assert alice.is_active
    assert [line[1] for line in trail("user.disabled")] == ["failed", "failed"]


# --- good days -------------------------------------------------------------------------------------------------------


def test_from_an_invitation_to_a_role_to_the_end(visitor: Client, project: Project):
    answer = visitor.post("/people/invite/", {"username": "newcomer", "first_name": "Nora", "email": "n@example.org"})
    assert answer.status_code == 200
    assert "no-store" in answer.headers["Cache-Control"]
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    address = address_in(answer.content.decode())
    user = User.objects.get(username="newcomer")
    assert (user.has_usable_password(), user.is_superuser, user.first_name) == (False, False, "Nora")
    assert "Invited" in visitor.get("/people/?state=invited").content.decode()

    page = Client().get(address)
    assert (page.status_code, page.headers["Referrer-Policy"]) == (200, "no-referrer")
    assert choose(address).headers["Location"] == "/sign-in/"
    newcomer = Client()
    assert newcomer.post("/sign-in/", {"username": "newcomer", "password": CHOSEN}).status_code == 302
    assert newcomer.get(f"/projects/{project.public_id}/").status_code == 404

    given = visitor.post(f"/people/{user.pk}/role/", {"project": project.public_id, "role": "operator"})
    assert given.status_code == 302
    assert newcomer.get(f"/projects/{project.public_id}/").status_code == 200

    key = issue_token(user=user, name="script", scopes=["exports:read"], actor=SHELL)[1]
    assert "1 token" in visitor.get(f"/people/{user.pk}/").content.decode()
    visitor.post(f"/people/{user.pk}/disable/")
    assert newcomer.get("/").status_code == 302
    assert (find_token(key), may_sign_in("newcomer")) == (None, False)
    visitor.post(f"/people/{user.pk}/enable/")
    assert (find_token(key), may_sign_in("newcomer")) == (None, True)

    about = ("user.invited", "user.password_changed", "membership.granted", "user.disabled", "user.enabled")
    assert [(event, actor, name) for event, _, actor, name in trail(*about)] == [
        ("user.invited", "alice", "newcomer"),
        ("user.password_changed", "newcomer", "newcomer"),
        ("membership.granted", "alice", "newcomer"),
        ("user.disabled", "alice", "newcomer"),
        ("user.enabled", "alice", "newcomer"),
    ]
    kept = "".join(f"{each.details_json}{each.after_json}{each.reason}" for each in AuditEntry.objects.all())
    assert CHOSEN not in kept
    assert address.split("/")[-2] not in kept


def test_a_new_invitation_takes_the_old_password_away_with_all_that_it_made(visitor: Client, oscar: User):
    browser = signed_in(oscar)
    key = issue_token(user=oscar, name="script", scopes=["exports:read"], actor=SHELL)[1]
    address = address_in(visitor.post(f"/people/{oscar.pk}/invitation/").content.decode())
    assert browser.get("/account/").status_code == 302
    assert (find_token(key), may_sign_in("oscar", PASSWORD)) == (None, False)
    assert choose(address).status_code == 302
    assert may_sign_in("oscar")


def test_people_and_projects_are_a_table(visitor: Client, members: Project, oscar: User, rita: User, mallory: User):
    page = visitor.get("/people/").content.decode()
    cells = {
        name: re.sub(r"<[^>]+>|\s+", " ", row)
        for row in re.findall(r"<tr>(.*?)</tr>", page, re.S)
        for name in ("alice", "oscar", "rita", "mallory")
        if f">{name}<" in row
    }
    assert "Operator" in cells["oscar"] and "Reviewer" in cells["rita"]
    assert "All" in cells["alice"] and "–" in cells["mallory"]
    assert ">rita<" in visitor.get("/people/?q=RIT").content.decode()
    assert ">oscar<" not in visitor.get("/people/?q=RIT").content.decode()


def test_many_people_and_projects_cost_no_more_queries(visitor: Client, members: Project):
    def cost() -> int:
        with CaptureQueriesContext(database) as captured:
            assert visitor.get("/people/").status_code == 200
        return len(captured)

    before = cost()
    projects = Project.objects.bulk_create(
        Project(connection=Connection.objects.get(), name=f"P{number:02}") for number in range(20)
    )
    for number in range(40):
        user = User.objects.create(username=f"p{number:02}")
        Membership.objects.bulk_create(
            Membership(project=each, user=user, role="reviewer") for each in projects[: number % 20]
        )
    assert cost() == before
    page = visitor.get("/people/").content.decode()
    assert "1–25 of" in page and "Projects 1–8 of 21" in page
    assert visitor.get("/people/?projects=3&page=2").status_code == 200


# --- the same by REST and shell --------------------------------------------------------------------------------------


def test_rest_does_the_same(visitor: Client, oscar: User, members: Project):
    made = visitor.post("/api/v1/people/", {"username": "newcomer"}, "application/json")
    assert (made.status_code, made.json()["good_for_hours"]) == (201, 72)
    address = made.json()["url"].removeprefix("http://testserver")
    assert visitor.get("/api/v1/people/newcomer/").json()["has_password"] is False
    assert choose(address).status_code == 302
    assert visitor.get("/api/v1/people/newcomer/").json()["has_password"] is True
    (mine,) = [each for each in visitor.get("/api/v1/people/").json()["results"] if each["username"] == "oscar"]
    assert mine["roles"] == [{"project": members.public_id, "project_name": members.name, "role": "operator"}]
    for _ in range(2):
        assert visitor.post("/api/v1/people/newcomer/disable/").json()["is_active"] is False
    again = visitor.post("/api/v1/people/newcomer/invitation/", {}, "application/json")
    assert (again.status_code, "enable it first" in again.json()["detail"]) == (409, True)
    assert visitor.post("/api/v1/people/newcomer/enable/").json()["is_active"] is True
    again = visitor.post("/api/v1/people/newcomer/invitation/", {}, "application/json")
    assert (again.status_code, may_sign_in("newcomer")) == (201, False)
    taken = visitor.post("/api/v1/people/", {"username": "oscar"}, "application/json")
    assert (taken.status_code, taken.json()["field"]) == (400, "username")


def test_a_token_of_a_superuser_looks_and_changes_nothing(alice: User, oscar: User):
    key = issue_token(user=alice, name="script", scopes=["admin"], actor=SHELL)[1]
    script = Client(headers={"Authorization": f"Bearer {key}"})
    assert script.get("/api/v1/people/").status_code == 200
    for path in ("people/oscar/disable/", "people/oscar/enable/", "people/oscar/invitation/"):
        assert script.post(f"/api/v1/{path}", {}, "application/json").status_code == 403, path
    assert script.post("/api/v1/people/", {"username": "new"}, "application/json").status_code == 403


@pytest.mark.parametrize("scope", [scope for scope in SCOPES if scope != "admin"])
def test_a_token_of_a_superuser_without_scope_admin_sees_nobody(alice: User, scope: str):
    key = issue_token(user=alice, name="script", scopes=[scope], actor=SHELL)[1]
    script = Client(headers={"Authorization": f"Bearer {key}"})
    for path in ("people/", "people/alice/", "people/nobody/"):
        assert script.get(f"/api/v1/{path}").status_code == 403, path


def test_a_token_that_is_bound_to_a_project_sees_nobody(alice: User, project: Project):
    key = issue_token(user=alice, name="script", scopes=["admin"], actor=SHELL, project=project)[1]
    assert Client(headers={"Authorization": f"Bearer {key}"}).get("/api/v1/people/").status_code == 403


def run(*arguments: str) -> str:
    told = io.StringIO()
    call_command(*arguments, stdout=told)
    return told.getvalue()


@pytest.mark.django_db(transaction=True)
def test_the_shell_does_the_same(alice: User):
    address = run("invite", "newcomer", "--site", "https://exports.example.org/").strip()
    assert address.startswith("https://exports.example.org/account/invitation/")
    assert choose(address.removeprefix("https://exports.example.org")).status_code == 302
    assert "newcomer\tactive\tno role" in run("people")
    assert run("disable_user", "newcomer") == "newcomer is disabled\n"
    assert {each["username"]: each["state"] for each in json.loads(run("people", "--json"))} == {
        "alice": "active",
        "newcomer": "disabled",
    }
    assert run("enable_user", "newcomer") == "newcomer is enabled\n"
    again = run("invite", "newcomer", "--again").strip()
    assert Client().get(again).status_code == 200
    assert not may_sign_in("newcomer")
    for wrong in (("invite", "newcomer"), ("invite", "nobody", "--again"), ("disable_user", "nobody")):
        with pytest.raises((ExportAdminError, CommandError)):
            run(*wrong)
    with pytest.raises((ExportAdminError, CommandError), match="last superuser"):
        run("disable_user", "alice")
