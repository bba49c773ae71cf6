"""Nothing is shown to people who have not signed in."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from connections.models import Project
from tests.pages.reports import deliver
from tests.support.cast import PASSWORD


@pytest.fixture
def addresses(project: Project, tmp_path: Path) -> list[str]:
    """Every page there is, with something behind it."""
    artifact = deliver(project, tmp_path / "delivery")
    report_id = artifact.report.report_id
    return [
        reverse("home"),
        reverse("exports:list"),
        reverse("exports:detail", args=[report_id]),
        reverse("exports:download", args=[report_id, artifact.name]),
        reverse("media:media", args=[project.public_id, "demo-0001.png"]),
    ]


def test_every_page_sends_those_who_are_signed_out_to_the_sign_in_page(addresses: list[str], client: Client):
    for address in addresses:
        answer = client.get(address)
        assert (answer.status_code, answer.headers["Location"]) == (302, f"/sign-in/?next={address}"), address


def test_a_page_that_is_not_there_looks_the_same_to_the_signed_out_as_one_that_is(client: Client, db: None):
    assert client.get("/exports/nosuchreport/").headers["Location"] == "/sign-in/?next=/exports/nosuchreport/"


def test_a_wrong_password_is_refused_with_words_and_the_name_stays(alice: User, client: Client):
    answer = client.post("/sign-in/", {"username": "alice", "password": "wrong"})
    assert answer.status_code == 200
    assert "_auth_user_id" not in client.session
    page = answer.content.decode()
    assert "User name and password do not belong to an account" in page
    assert 'value="alice"' in page
    assert "wrong" not in page.replace("went wrong", "")


def test_an_empty_form_says_what_is_missing(client: Client, db: None):
    assert "Fill in both user name and password." in client.post("/sign-in/", {}).content.decode()


def test_the_right_password_leads_to_the_page_that_was_asked_for(alice: User, client: Client):
    answer = client.post("/sign-in/", {"username": "alice", "password": PASSWORD, "next": "/exports/?page=2"})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/exports/?page=2")


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example/", "javascript:alert(1)"])
def test_signing_in_leads_to_no_other_site(alice: User, client: Client, elsewhere: str):
    answer = client.post("/sign-in/", {"username": "alice", "password": PASSWORD, "next": elsewhere})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")


def test_a_form_without_its_token_is_refused_with_words(alice: User):
    answer = Client(enforce_csrf_checks=True).post("/sign-in/", {"username": "alice", "password": PASSWORD})
    assert answer.status_code == 403
    assert "This form is out of date" in answer.content.decode()


def test_a_link_cannot_sign_anybody_out(visitor: Client):
    assert visitor.get("/sign-out/").status_code == 405
    assert visitor.get("/exports/").status_code == 200


def test_signing_out_ends_the_session(visitor: Client):
    assert visitor.post("/sign-out/").headers["Location"] == "/sign-in/"
    assert visitor.get("/exports/").status_code == 302
