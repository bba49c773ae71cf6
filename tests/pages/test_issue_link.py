"""Issuing a link: wrong values are explained beside their field, and the address is shown once and kept nowhere."""

from __future__ import annotations

import logging
import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from exportadmin.audit.models import AuditEntry
from exports.links import tokens
from exports.models import Artifact, Link
from tests.exports.downloads.support import trail
from tests.pages.reports import deliver, make_report

pytestmark = pytest.mark.django_db


@pytest.fixture
def artifact(members, tmp_path) -> Artifact:
    return deliver(members, tmp_path / "d")


@pytest.fixture
def operator(oscar) -> Client:
    client = Client()
    client.force_login(oscar)
    return client


def form(artifact: Artifact) -> str:
    return f"/links/new/{artifact.public_id}/"


def address_in(page: str) -> str:
    (found,) = re.findall(r'id="address"[^>]*>([^<]+)<', page)
    return found


def said_beside(page: str) -> list[str]:
    return re.findall(r'ea-field-wrong"[^>]*><strong[^>]*>Wrong: </strong>([^<]+)<', page)


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({}, "Choose how long the link lasts."),
        ({"last": "5"}, "5 is not one of the available choices"),
        ({"last": "other"}, "1 minute to 30 days"),
        ({"last": "other", "amount": "0", "unit": "days"}, "1 minute to 30 days"),
        ({"last": "other", "amount": "-3", "unit": "days"}, "1 minute to 30 days"),
        ({"last": "other", "amount": "1.5", "unit": "days"}, "1 minute to 30 days"),
        ({"last": "other", "amount": "9" * 20, "unit": "days"}, "1 minute to 30 days"),
        ({"last": "other", "amount": "31", "unit": "days"}, "A link lasts 1 minute to 30 days"),
        ({"last": "other", "amount": "721", "unit": "hours"}, "A link lasts 1 minute to 30 days"),
        ({"last": "other", "amount": "5", "unit": "years"}, "years is not one of the available choices"),
        ({"last": "3600", "amount": "5"}, "Choose “Another time” to use this number"),
        ({"last": "3600", "for_user": "nobody-here"}, "expected the name with which somebody signs in here"),
        ({"last": "3600", "for_user": "x\x00"}, "It holds U+0000, which cannot be stored"),
        ({"last": "3600", "for_user": "x" * 151}, "at most 150 are kept"),
    ],
)
def test_a_wrong_value_is_explained_beside_its_field_and_makes_no_link(operator, artifact, sent: dict[str, Any], words):
    answer = operator.post(form(artifact), sent)
    page = answer.content.decode()
    assert answer.status_code == 400
    assert any(words in each for each in said_beside(page)), said_beside(page)
    assert "No link was issued" in page
    assert not Link.objects.exists()
    assert [entry.outcome for entry in trail("link.issued")] in ([], ["refused"])


def test_what_was_written_stays_in_the_form(operator, artifact):
    sent = {"last": "other", "amount": "40", "unit": "days", "for_user": "<b>", "one_time": "on"}
    page = operator.post(form(artifact), sent).content.decode()
    assert 'value="other" checked' in page
    assert 'name="amount"' in page and 'value="40"' in page
    assert '<option value="days" selected>' in page
    assert 'value="&lt;b&gt;"' in page
    assert re.search(r'id="one_time"[^>]* checked', page)


def test_a_switched_off_account_gets_no_link(operator, artifact, rita):
    rita.is_active = False
    rita.save()
    answer = operator.post(form(artifact), {"last": "3600", "for_user": "rita"})
    assert answer.status_code == 400
    assert not Link.objects.exists()


@pytest.mark.parametrize("method", ["get", "post"])
def test_who_may_not_hand_out_links_is_refused_and_a_stranger_learns_nothing(artifact, rita, mallory, client, method):
    client.force_login(rita)
    assert getattr(client, method)(form(artifact), {"last": "3600"} if method == "post" else {}).status_code == 403
    client.force_login(mallory)
    answer = getattr(client, method)(form(artifact), {"last": "3600"} if method == "post" else {})
    assert answer.status_code == 404
    assert artifact.name not in answer.content.decode()
    assert not Link.objects.exists()


@pytest.mark.parametrize("method", ["get", "post"])
def test_there_is_no_link_to_files_that_are_gone_or_were_never_delivered(operator, artifact, members, method):
    artifact.report.files_removed_at = timezone.now()
    artifact.report.save()
    answer = getattr(operator, method)(form(artifact), {"last": "3600"} if method == "post" else {})
    assert answer.status_code == 409
    assert "has no files to link to" in answer.content.decode()
    failed = make_report(members, status="failed")
    Artifact.objects.filter(pk=artifact.pk).update(report=failed)
    assert getattr(operator, method)(form(artifact), {"last": "3600"} if method == "post" else {}).status_code == 409
    assert not Link.objects.exists()


def test_unknown_files_and_parameters(operator, artifact):
    assert operator.get("/links/new/nosuch/").status_code == 404
    assert operator.get("/links/new/%00/").status_code == 404
    assert operator.get(form(artifact) + "?for_user=rita").status_code == 400
    assert operator.put(form(artifact)).status_code == 405


def test_the_address_works_and_says_what_was_asked_for(operator, artifact, client):
    answer = operator.post(form(artifact), {"last": "other", "amount": "90", "unit": "minutes", "one_time": "on"})
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "it will not be shown again" in page
    assert 'data-copy-from="address"' in page
    assert "One download" in page
    assert "Anybody who holds the address" in page
    link = Link.objects.get()
    assert (link.one_time, link.for_user, link.created_by_name) == (True, None, "oscar")
    assert 5390 <= link.seconds_left <= 5400
    address = address_in(page)
    assert address.startswith("http://testserver/exports/l/")
    assert client.get(address).status_code == 200
    (file_address,) = re.findall(r'id="file-address"[^>]*>([^<]+)<', page)
    assert len(b"".join(client.get(file_address).streaming_content)) == artifact.bytes  # type: ignore[attr-defined]
    assert trail("link.issued")[-1].actor_name == "oscar"


def test_a_link_for_one_person(operator, artifact, rita, mallory, client):
    page = operator.post(form(artifact), {"last": "86400", "for_user": "mallory"}).content.decode()
    assert "mallory alone, after signing in" in page
    assert client.get(address_in(page)).status_code == 302
    client.force_login(rita)
    assert client.get(address_in(page)).status_code == 404
    client.force_login(mallory)
    assert client.get(address_in(page)).status_code == 200


def test_the_secret_is_in_the_one_answer_and_nowhere_else(operator, artifact, caplog):
    with caplog.at_level(logging.DEBUG):
        answer = operator.post(form(artifact), {"last": "3600"})
    secret = address_in(answer.content.decode()).rstrip("/").split(".")[-1]
    assert len(secret) == 43
    assert answer.content.decode().count(secret) == 2  # of its page, and of the file itself
    assert "no-store" in answer.headers["Cache-Control"]
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    kept = [caplog.text, str(dict(answer.headers)), str(answer.cookies), str(Link.objects.values())]
    kept += [str(entry.__dict__) for entry in AuditEntry.objects.all()]
    kept += [str(session.get_decoded()) for session in Session.objects.all()]
    assert not [each for each in kept if secret[:20] in each]
    link = Link.objects.get()
    for path in ("/links/", f"/links/{link.public_id}/", form(artifact), f"/exports/{artifact.report.report_id}/"):
        assert secret[:20] not in operator.get(path).content.decode()


def test_the_form_needs_its_csrf_token(artifact, oscar):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(oscar)
    assert strict.post(form(artifact), {"last": "3600"}).status_code == 403
    assert not Link.objects.exists()


def test_a_number_that_was_wrong_is_in_nobodys_way_when_another_time_is_chosen(operator, artifact):
    refused = operator.post(form(artifact), {"last": "other", "amount": "0", "unit": "hours"})
    assert refused.status_code == 400
    answer = operator.post(form(artifact), {"last": "86400", "amount": "0", "unit": "hours"})
    assert answer.status_code == 200
    assert Link.objects.get().expires_at > timezone.now() + timedelta(hours=23)


@pytest.mark.parametrize(
    ("amount", "unit", "seconds"), [("1", "minutes", tokens.SHORTEST), ("30", "days", tokens.LONGEST)]
)
def test_the_shortest_and_the_longest(operator, artifact, amount, unit, seconds):
    answer = operator.post(form(artifact), {"last": "other", "amount": amount, "unit": unit})
    assert answer.status_code == 200
    assert seconds - 5 <= Link.objects.get().seconds_left <= seconds
