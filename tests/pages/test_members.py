"""Members of a project: who may change them, and that nobody is locked out by accident."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from connections.access.members import remove_member, set_role
from connections.access.models import Membership
from connections.models import Project
from exportadmin.audit.models import AuditEntry
from exportadmin.lib.actor import Actor
from exportadmin.lib.errors import ConflictError
from tests.pages.people import make_admin, signed_in, trail
from tests.pages.squeezed import page_html


def page(project: Project, *rest: str) -> str:
    return "/".join(["/projects", project.public_id, "members", *rest, ""])


def roles(project: Project) -> dict[str, str]:
    return dict(Membership.objects.filter(project=project).values_list("user__username", "role"))


# --- bad days --------------------------------------------------------------------------------------------------------


def test_to_a_stranger_there_are_no_members_and_the_trail_is_told(members: Project, stranger: Client, oscar: User):
    before = roles(members)
    assert stranger.get(page(members)).status_code == 404
    assert stranger.post(page(members), {"username": "mallory", "role": "admin"}).status_code == 404
    assert stranger.post(page(members, str(oscar.pk), "change"), {"role": "admin"}).status_code == 404
    assert stranger.post(page(members, str(oscar.pk), "remove")).status_code == 404
    assert roles(members) == before
    refused = AuditEntry.objects.filter(event="request.refused", actor_name="mallory")
    assert {(entry.outcome, entry.project_name) for entry in refused} == {("refused", "Street scenes")}
    assert refused.count() == 4


def test_an_operator_looks_but_adds_nobody_and_does_not_learn_which_accounts_there_are(
    members: Project, oscar: User, mallory: User
):
    client = signed_in(oscar)
    shown = client.get(page(members)).content.decode()
    assert "Reads everything and the trail, changes nothing." in shown
    assert "Add a person" not in shown and "Remove" not in shown
    there = client.post(page(members), {"username": "mallory", "role": "reviewer"})
    nobody = client.post(page(members), {"username": "nobody", "role": "reviewer"})
    assert (there.status_code, nobody.status_code) == (403, 403)
    assert "mallory" not in roles(members)
    assert trail("request.refused") == [("request.refused", "refused", "oscar", "Street scenes")] * 2


@pytest.mark.parametrize("name", ["nobody", "", "a\x00b", "x" * 300, "<script>"])
def test_an_unknown_user_name_is_said_beside_its_field(members: Project, visitor: Client, name: str):
    answer = visitor.post(page(members), {"username": name, "role": "reviewer"})
    assert answer.status_code == 400
    assert 'role="alert" id="username_error"' in page_html(answer)
    assert "<script>" not in answer.content.decode().replace("<script src", "")
    assert len(roles(members)) == 2


def test_a_disabled_account_gets_no_role(members: Project, visitor: Client, mallory: User):
    User.objects.filter(pk=mallory.pk).update(is_active=False)
    assert visitor.post(page(members), {"username": "mallory", "role": "reviewer"}).status_code == 400
    assert len(roles(members)) == 2


@pytest.mark.parametrize("role", ["owner", "", "ADMIN", "admin\x00"])
def test_a_role_that_there_is_not_is_refused_and_recorded(members: Project, visitor: Client, mallory: User, role: str):
    answer = visitor.post(page(members), {"username": "mallory", "role": role})
    assert answer.status_code == 400
    assert "unknown role" in answer.content.decode()
    assert trail("membership.granted") == [("membership.granted", "refused", "alice", "mallory")]
    assert len(roles(members)) == 2


def test_who_is_a_member_already_is_not_added_with_another_role(members: Project, visitor: Client):
    answer = visitor.post(page(members), {"username": "oscar", "role": "admin"})
    assert "is a member already" in answer.content.decode()
    assert roles(members)["oscar"] == "operator"


@pytest.mark.parametrize("verb", ["change", "remove"])
@pytest.mark.parametrize("number", ["0", "987654321", "9" * 40])
def test_who_is_no_member_cannot_be_changed_or_removed(members: Project, visitor: Client, verb: str, number: str):
    assert visitor.post(page(members, number, verb), {"role": "admin"}).status_code == 404


def test_an_unknown_parameter_is_refused(members: Project, visitor: Client):
    assert visitor.get(page(members), {"rolle": "admin"}).status_code == 400


# --- the last admin --------------------------------------------------------------------------------------------------


@pytest.fixture
def trudy(db: None) -> User:
    return User.objects.create_user("trudy")


@pytest.mark.parametrize(("verb", "said"), [("change", {"role": "operator"}), ("remove", {})])
def test_the_last_admin_cannot_be_taken_away_by_an_admin(members: Project, trudy: User, verb: str, said: dict):
    client = make_admin(members, trudy)
    answer = client.post(page(members, str(trudy.pk), verb), said, follow=True)
    assert "trudy is the last admin of" in answer.content.decode()
    assert roles(members)["trudy"] == "admin"
    event = "membership.changed" if verb == "change" else "membership.revoked"
    assert trail(event) == [(event, "failed", "trudy", "trudy")]


def test_a_disabled_admin_does_not_count(members: Project, trudy: User, mallory: User):
    client = make_admin(members, trudy)
    make_admin(members, mallory)
    User.objects.filter(pk=mallory.pk).update(is_active=False)
    client.post(page(members, str(trudy.pk), "remove"))
    assert roles(members)["trudy"] == "admin"


def test_one_of_two_admins_may_go(members: Project, trudy: User, mallory: User):
    client = make_admin(members, trudy)
    make_admin(members, mallory)
    answer = client.post(page(members, str(trudy.pk), "remove"))
    assert answer.headers["Location"] == "/projects/"
    assert "trudy" not in roles(members)


def test_a_superuser_may_take_the_last_one(members: Project, trudy: User, visitor: Client):
    make_admin(members, trudy)
    visitor.post(page(members, str(trudy.pk), "remove"))
    assert "trudy" not in roles(members)


def test_the_rule_holds_in_every_door(members: Project, trudy: User):
    make_admin(members, trudy)
    for channel in (Actor("user", "root (shell)", "shell"), Actor("user", "trudy", "rest", user_id=trudy.pk)):
        with pytest.raises(ConflictError, match="last admin"):
            set_role(project=members, user=trudy, role="reviewer", actor=channel)
        with pytest.raises(ConflictError, match="last admin"):
            remove_member(project=members, user=trudy, actor=channel)
    assert roles(members)["trudy"] == "admin"


# --- good days -------------------------------------------------------------------------------------------------------


def test_an_admin_adds_changes_and_removes(members: Project, trudy: User, mallory: User):
    client = make_admin(members, trudy)
    client.post(page(members), {"username": " mallory ", "role": "reviewer"})
    assert roles(members)["mallory"] == "reviewer"
    client.post(page(members, str(mallory.pk), "change"), {"role": "operator"})
    assert roles(members)["mallory"] == "operator"
    answer = client.post(page(members, str(mallory.pk), "remove"), follow=True)
    assert "mallory is no member of" in answer.content.decode()
    assert "mallory" not in roles(members)
    assert [line[:2] for line in trail("membership.granted", "membership.changed", "membership.revoked")] == [
        ("membership.granted", "done"),
        ("membership.changed", "done"),
        ("membership.revoked", "done"),
    ]


def test_the_page_costs_the_same_with_many_members(members: Project, visitor: Client, django_assert_num_queries):
    with django_assert_num_queries(5):
        visitor.get(page(members))
    for number in range(60):
        Membership.objects.create(project=members, user=User.objects.create_user(f"p{number}"), role="reviewer")
    with django_assert_num_queries(5):
        shown = visitor.get(page(members)).content.decode()
    assert "1–50 of 62 members" in shown
