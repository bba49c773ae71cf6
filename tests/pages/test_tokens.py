"""Tokens in the browser: issued within what one may, shown once, revoked."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from connections.access.models import ApiToken
from connections.access.tokens import find_token, issue_token
from connections.models import Connection, Project
from exportadmin.audit.models import AuditEntry
from exportadmin.lib.actor import Actor
from tests.pages.people import signed_in, trail
from tests.pages.squeezed import page_html

PAGE = "/account/tokens/"
SHELL = Actor(kind="user", name="tester", channel="shell")


def asked(**more: Any) -> dict[str, Any]:
    return {"name": "nightly", "scopes": ["exports:read"], "days": "90", "project": "", **more}


def key_in(page: str) -> str:
    found = re.search(r'<code id="key"[^>]*>(ea_[\w-]{43})</code>', page)
    assert found is not None, page
    return found[1]


def token_of(user: User, **more: Any) -> ApiToken:
    return issue_token(user=user, name="script", scopes=["exports:read"], actor=SHELL, **more)[0]


# --- bad days --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"scopes": ["exports:everything"]}, "unknown scope"),
        ({"scopes": []}, "at least one scope"),
        ({"name": ""}, "needs a name"),
        ({"name": "a\nb"}, "needs a name"),
        ({"days": "0"}, "lives 1 to"),
        ({"days": "-1"}, "no number of days"),
        ({"days": "soon"}, "no number of days"),
        ({"days": ""}, "no number of days"),
        ({"days": "99999"}, "lives 1 to"),
    ],
)
def test_what_makes_no_sense_is_said_in_the_form_and_makes_no_token(
    members: Project, oscar: User, said: dict[str, Any], field: str
):
    answer = signed_in(oscar).post(PAGE, asked(**said))
    assert answer.status_code == 400
    assert field in answer.content.decode()
    assert ApiToken.objects.count() == 0


def test_a_project_that_is_not_ones_own_is_not_there_and_the_trail_is_told(members: Project, oscar: User):
    foreign = Project.objects.create(connection=Connection.objects.get(), name="Secret harbour")
    for wanted in (foreign.public_id, "nosuch", "a\x00b"):
        answer = signed_in(oscar).post(PAGE, asked(project=wanted))
        assert answer.status_code == 404
        assert "Secret harbour" not in answer.content.decode()
    assert ApiToken.objects.count() == 0
    (entry,) = AuditEntry.objects.filter(event="request.refused")
    assert (entry.actor_name, entry.project_name) == ("oscar", "Secret harbour")


def test_who_may_not_issue_for_others_does_not_learn_which_accounts_there_are(
    members: Project, oscar: User, rita: User
):
    for name in ("rita", "nobody"):
        assert signed_in(oscar).post(PAGE, asked(user=name)).status_code == 403
    assert ApiToken.objects.count() == 0


def test_a_superuser_is_told_that_there_is_no_such_user(visitor: Client):
    answer = visitor.post(PAGE, asked(user="nobody"))
    assert (answer.status_code, 'role="alert" id="user_error"' in page_html(answer)) == (400, True)


def test_a_superuser_binds_nobodys_token_to_a_project_they_do_not_see(members: Project, visitor: Client, mallory: User):
    answer = visitor.post(PAGE, asked(user="mallory", project=members.public_id))
    assert (answer.status_code, "has no role in project" in answer.content.decode()) == (400, True)
    assert trail("token.issued") == [("token.issued", "refused", "alice", "")]


def test_somebody_elses_token_is_not_there(members: Project, oscar: User, rita: User):
    token = token_of(rita)
    client = signed_in(oscar)
    assert client.post(f"{PAGE}{token.public_id}/revoke/").status_code == 404
    assert client.get(PAGE, {"user": "rita"}).content.decode().count("script") == client.get(
        PAGE, {"user": "nobody"}
    ).content.decode().count("script")
    token.refresh_from_db()
    assert token.revoked_at is None


@pytest.mark.parametrize("query", [{"state": "gone"}, {"sort": "name"}, {"user": "a\x00"}])
def test_an_unknown_question_is_refused(visitor: Client, query: dict[str, str]):
    assert visitor.get(PAGE, query).status_code == 400


# --- the key ---------------------------------------------------------------------------------------------------------


def test_the_key_is_shown_once_works_and_is_never_shown_again(members: Project, oscar: User):
    client = signed_in(oscar)
    form = asked(once="abc", project=members.public_id)
    answer = client.post(PAGE, form)
    assert answer.status_code == 200
    assert "no-store" in answer.headers["Cache-Control"]
    key = key_in(answer.content.decode())
    token = find_token(key)
    assert token is not None
    assert (token.user, token.project, token.scopes) == (oscar, members, ["exports:read"])
    left = token.expires_at - timezone.now()  # type: ignore[operator]
    assert dt.timedelta(days=89) < left < dt.timedelta(days=91)

    again = client.post(PAGE, form)  # a reload of that page
    assert again.status_code == 409
    listed = client.get(PAGE)
    assert "no-store" in listed.headers["Cache-Control"]
    for page in (again, listed):
        assert key not in page.content.decode()
    assert ApiToken.objects.count() == 1
    assert key not in "".join(f"{entry.details_json}{entry.after_json}" for entry in AuditEntry.objects.all())
    assert not any(key in str(value) for value in client.session.values())


def test_the_form_offers_ninety_days_and_no_end_must_be_chosen(members: Project, oscar: User):
    client = signed_in(oscar)
    assert '<option value="90" selected>90 days</option>' in client.get(PAGE).content.decode()
    left_out = {key: value for key, value in asked().items() if key != "days"}
    client.post(PAGE, left_out)
    client.post(PAGE, asked(days="no end"))
    ends = [token.expires_at is None for token in ApiToken.objects.order_by("pk")]
    assert ends == [False, True]


# --- good days -------------------------------------------------------------------------------------------------------


def test_a_revoked_token_opens_nothing_and_twice_is_no_error(members: Project, oscar: User):
    client = signed_in(oscar)
    key = key_in(client.post(PAGE, asked()).content.decode())
    token = ApiToken.objects.get()
    for _ in range(2):
        answer = client.post(f"{PAGE}{token.public_id}/revoke/", follow=True)
        assert "is revoked" in answer.content.decode()
    assert find_token(key) is None
    assert trail("token.issued", "token.revoked")[:2] == [
        ("token.issued", "done", "oscar", "nightly"),
        ("token.revoked", "done", "oscar", "nightly"),
    ]


def test_superusers_see_everybodys_and_issue_for_others(members: Project, visitor: Client, oscar: User, rita: User):
    token_of(rita)
    key_in(visitor.post(PAGE, asked(user="oscar")).content.decode())
    assert ApiToken.objects.get(name="nightly").user == oscar
    every = visitor.get(PAGE).content.decode()
    assert "script" in every and "nightly" in every
    of_rita = visitor.get(PAGE, {"user": "rita"}).content.decode()
    assert ">script <" in of_rita and ">nightly <" not in of_rita


def test_ended_ones_can_be_told_from_those_in_use(members: Project, oscar: User):
    living, revoked, expired = (token_of(oscar, expires_in_days=9) for _ in range(3))
    ApiToken.objects.filter(pk=revoked.pk).update(revoked_at=timezone.now())
    ApiToken.objects.filter(pk=expired.pk).update(expires_at=timezone.now() - dt.timedelta(seconds=1))
    client = signed_in(oscar)
    for state, expected in (("living", {living}), ("ended", {revoked, expired}), ("", {living, revoked, expired})):
        page = client.get(PAGE, {"state": state}).content.decode()
        assert {token for token in (living, revoked, expired) if token.prefix in page} == expected


def test_the_list_costs_the_same_with_many_tokens(members: Project, oscar: User, django_assert_num_queries):
    client = signed_in(oscar)
    token_of(oscar)
    with django_assert_num_queries(6):
        client.get(PAGE)
    for _ in range(30):
        token_of(oscar, project=members)
    with django_assert_num_queries(6):
        assert "1–25 of 31 tokens" in client.get(PAGE).content.decode()
