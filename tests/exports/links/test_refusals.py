"""A link that is good no more says so on a friendly page, and the trail keeps the reason."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.db import DatabaseError
from django.test import Client
from django.utils import timezone

from exportadmin.audit import noise
from exports.links import tokens
from exports.models import Artifact, Download, ExportReport, Link
from tests.exports.downloads.support import actor, file_path, issue, trail

pytestmark = pytest.mark.django_db


def page_path(token: str) -> str:
    return tokens.paths_for(token)["url"]


def refused(client: Client, token: str, status: int, words: str, reason: str) -> None:
    """Page and file both refuse, tell nothing of the file, and leave the reason in the trail."""
    for number, path in enumerate((page_path(token), file_path(token)), start=1):
        answer = client.get(path)
        page = answer.content.decode()
        assert answer.status_code == status
        assert words in page
        assert "rows.json" not in page
        assert "Street scenes" not in page
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        entries = trail("link.refused")
        assert [(entry.outcome, entry.reason, entry.channel) for entry in entries] == [
            ("refused", reason, "link")
        ] * number
    assert not Download.objects.exists()


def test_expired(client, artifact, alice):
    with time_machine.travel(timezone.now() - timedelta(seconds=61), tick=False):
        link, token = issue(artifact, alice, seconds=60)
    refused(client, token, 410, "This link has expired.", "expired")
    assert link.seconds_left == 0
    about = {"link": link.public_id, "report": artifact.report.report_id, "shared_by": "alice"}
    assert trail("link.refused")[0].details == about


def test_a_link_is_good_until_its_last_moment(client, artifact, alice):
    link, token = issue(artifact, alice, seconds=60)
    with time_machine.travel(link.expires_at - timedelta(milliseconds=1), tick=False):
        assert client.get(page_path(token)).status_code == 200
    with time_machine.travel(link.expires_at, tick=False):
        assert client.get(page_path(token)).status_code == 410


def test_revoked(client, artifact, alice):
    link, token = issue(artifact, alice)
    Link.objects.filter(pk=link.pk).update(revoked_at=timezone.now())
    refused(client, token, 410, "This link was revoked.", "revoked")


def test_revoked_between_the_check_and_the_first_byte(client, artifact, alice, monkeypatch):
    link, token = issue(artifact, alice)
    real = tokens.hold

    def late(each):
        Link.objects.filter(pk=link.pk).update(revoked_at=timezone.now())
        real(each)

    monkeypatch.setattr(tokens, "hold", late)
    assert client.get(file_path(token)).status_code == 410
    assert [entry.reason for entry in trail("link.refused")] == ["revoked"]
    assert not Download.objects.exists()


def test_removed_between_the_check_and_the_first_byte(client, artifact, alice, monkeypatch):
    _, token = issue(artifact, alice)
    real = tokens.hold

    def late(each):
        ExportReport.objects.filter(pk=artifact.report_id).update(files_removed_at=timezone.now())
        real(each)

    monkeypatch.setattr(tokens, "hold", late)
    assert client.get(file_path(token)).status_code == 410
    assert [entry.reason for entry in trail("link.refused")] == ["removed"]
    assert not Download.objects.exists()


def test_used(client, artifact, alice):
    link, token = issue(artifact, alice, one_time=True)
    Link.objects.filter(pk=link.pk).update(used_at=timezone.now())
    refused(client, token, 410, "This link was good for one download, and that has been made.", "used")


def test_removed_by_retention(client, artifact: Artifact, alice):
    _, token = issue(artifact, alice)
    artifact.report.files_removed_at = timezone.now()
    artifact.report.save()
    refused(client, token, 410, "The file behind this link has been removed.", "removed")


def test_unknown(client, artifact):
    refused(client, "a" * 24 + "." + "b" * 43, 404, "There is no such link.", "unknown")
    entry = trail("link.refused")[0]
    assert (entry.actor_name, entry.object_id, entry.project_id) == ("anonymous", "", "")


def test_bound_to_somebody_else(client, artifact, alice, oscar, mallory):
    _, token = issue(artifact, alice, for_user=oscar)
    client.force_login(mallory)
    refused(client, token, 404, "This link was made for somebody else.", "not for you")
    assert trail("link.refused")[0].actor_name == "mallory"


def test_a_bound_link_that_ended_tells_a_stranger_no_more_than_that_it_is_not_for_them(
    client, artifact, alice, oscar, mallory
):
    link, token = issue(artifact, alice, for_user=oscar)
    Link.objects.filter(pk=link.pk).update(revoked_at=timezone.now())
    client.force_login(mallory)
    refused(client, token, 404, "This link was made for somebody else.", "not for you")


def test_a_bound_link_asks_for_the_sign_in_first_and_then_works(client, artifact, alice, oscar):
    _, token = issue(artifact, alice, for_user=oscar)
    for path in (page_path(token), file_path(token)):
        answer = client.get(path)
        assert answer.status_code == 302
        assert answer.headers["Location"] == f"/sign-in/?next={path}"
        assert answer.headers["Cache-Control"] == "no-store"
    assert not trail("link.refused")
    client.force_login(oscar)
    assert "for you alone" in client.get(page_path(token)).content.decode()
    assert client.get(file_path(token)).getvalue()
    assert Download.objects.get().user == oscar


def test_a_file_that_vanished_is_a_410_without_its_name(client, artifact, alice, tmp_path):
    _, token = issue(artifact, alice)
    (tmp_path / "delivery" / artifact.name).unlink()
    answer = client.get(file_path(token))
    page = answer.content.decode()
    assert answer.status_code == 410
    assert "The file is no longer in its place." in page
    assert artifact.name not in page
    (entry,) = trail("artifact.downloaded")
    assert (entry.outcome, "no longer in its place" in entry.reason) == ("refused", True)


def test_a_refusal_that_cannot_be_recorded_is_not_answered_as_one(client, artifact, alice, monkeypatch):
    link, token = issue(artifact, alice)
    Link.objects.filter(pk=link.pk).update(revoked_at=timezone.now())

    def denied(*args, **kwargs):
        raise DatabaseError("INSERT denied")

    monkeypatch.setattr(noise, "record", denied)
    client.raise_request_exception = False
    assert client.get(page_path(token)).status_code == 500


def test_only_reading_is_allowed(client, artifact, alice):
    _, token = issue(artifact, alice)
    for path in (page_path(token), file_path(token)):
        assert client.post(path).status_code == 405


def test_a_link_that_was_deleted_while_it_was_asked_is_unknown(artifact, alice, rf):
    from exports.links import downloads

    _, token = issue(artifact, alice)
    link = tokens.open_link(token, actor(alice))
    Link.objects.all().delete()
    with pytest.raises(tokens.LinkNotFoundError):
        downloads.respond(rf.get("/"), artifact, actor=actor(alice), link=link)
    assert not Download.objects.exists()
