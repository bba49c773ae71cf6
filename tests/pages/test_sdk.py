"""A project's lines for another platform's client: complete, with a token that is made there and shown once."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
from django.contrib.auth.models import User

from connections.access import passwords
from connections.access.models import ApiToken
from connections.access.tokens import find_token
from connections.models import Project
from exports.dialects import DIALECTS
from tests.pages.people import signed_in, trail
from tests.pages.squeezed import page_html

LABELLERR = DIALECTS["labellerr"]


def address(project: Project) -> str:
    return f"/projects/{project.public_id}/sdk/labellerr/"


def scripts_in(page: str) -> list[str]:
    return [html.unescape(text) for text in re.findall(r"<code data-script>([^<]*)<", page)]


def once_in(page: str) -> str:
    (found,) = re.findall(r'name="once" value="([^"]+)"', page)
    return str(found)


def test_there_are_lines_for_every_generation_and_no_key_before_one_is_made(members: Project, oscar: User):
    page = page_html(signed_in(oscar).get(address(members)))
    scripts = scripts_in(page)
    assert len(scripts) == len(LABELLERR.scripts) == 3
    for lines in scripts:
        compile(lines, "script", "exec")
        assert "http://testserver/dialects/labellerr" in lines
        assert members.public_id in lines
        assert 'api_key="TOKEN_ID"' in lines
    assert not ApiToken.objects.exists()


def test_a_token_is_made_into_the_lines_and_can_do_no_more_than_they_need(members: Project, oscar: User):
    client = signed_in(oscar)
    once = once_in(client.get(address(members)).content.decode())
    answer = client.post(address(members), {"days": "30", "once": once})
    token = ApiToken.objects.get()
    keys = {re.findall(r'api_secret="(ea_[^"]+)"', lines)[0] for lines in scripts_in(page_html(answer))}
    assert len(keys) == 1
    assert find_token(keys.pop()) == token
    assert all(f'api_key="{token.public_id}"' in lines for lines in scripts_in(page_html(answer)))
    assert (token.user, token.project, token.scopes) == (oscar, members, sorted(LABELLERR.scopes))
    assert token.expires_at is not None
    assert (token.expires_at - token.created_at).days in (29, 30)
    assert "no-store" in answer["Cache-Control"]
    assert trail("token.issued") == [("token.issued", "done", "oscar", token.name)]


def test_the_same_form_sent_again_makes_no_second_token(members: Project, oscar: User):
    client = signed_in(oscar)
    form = {"days": "30", "once": once_in(client.get(address(members)).content.decode())}
    client.post(address(members), form)
    again = client.post(address(members), form)
    assert again.status_code == 409
    assert "is not shown again" in page_html(again)
    assert "api_secret" not in page_html(again)
    assert ApiToken.objects.count() == 1


@pytest.mark.parametrize("form", [{"days": "5"}, {"days": "30", "scopes": "admin"}, {}])
def test_nothing_but_a_lifetime_that_is_offered_can_be_chosen(members: Project, oscar: User, form: dict[str, Any]):
    answer = signed_in(oscar).post(address(members), form)
    assert answer.status_code == 400
    assert not ApiToken.objects.exists()


def test_a_password_that_was_given_long_ago_is_asked_for_first(
    members: Project, oscar: User, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(passwords, "is_recent", lambda given_at: False)
    client = signed_in(oscar)
    assert 'name="password"' in page_html(client.get(address(members)))
    refused = client.post(address(members), {"days": "30", "password": "no"})
    assert refused.status_code in (400, 403)
    assert not ApiToken.objects.exists()


def test_a_reviewer_is_told_that_the_lines_are_beyond_her_role(members: Project, rita: User, oscar: User):
    told = "Your role in this project may look at exports"
    assert told in page_html(signed_in(rita).get(address(members)))
    assert told not in page_html(signed_in(oscar).get(address(members)))


def test_a_stranger_and_an_unknown_client_find_nothing(members: Project, mallory: User, oscar: User):
    assert signed_in(mallory).get(address(members)).status_code == 404
    assert signed_in(mallory).post(address(members), {"days": "30"}).status_code == 404
    assert signed_in(oscar).get(f"/projects/{members.public_id}/sdk/nowhere/").status_code == 404
    assert not ApiToken.objects.exists()
