"""A new export that the platform makes: its own formats, statuses and settings, here or delivered by itself."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from connections.access.models import Membership
from connections.models import Connection, Project
from connections.platforms.base import RemoteConnection, RemoteOption, Waiting
from connections.steps import one_of_few
from connections.sync.models import Mirror
from exportadmin.lib.errors import TransientError
from exports.models import ExportReport
from tests.connections.platforms.toy import ToyPlatform
from tests.exports.platform_export.conftest import mirrored, own_folders, server, step  # noqa: F401
from tests.pages.people import signed_in
from tests.pages.squeezed import page_html

PAGE = "/exports/new/platform/"


@pytest.fixture
def harbour(mirrored: Project, oscar: User, rita: User) -> Project:  # noqa: F811
    Mirror.objects.create(project=mirrored)
    Membership.objects.create(project=mirrored, user=oscar, role="operator")
    Membership.objects.create(project=mirrored, user=rita, role="reviewer")
    return mirrored


def sent(harbour: Project, **more: Any) -> dict[str, Any]:
    return {"project": harbour.public_id, "format": "json", "destination": "local", "do": "run", **more}


def test_the_page_offers_what_the_platform_says_of_itself(harbour: Project, oscar: User):
    page = page_html(signed_in(oscar).get(PAGE, {"project": harbour.public_id}))
    for text in ("made by Toy", 'value="json"', 'value="accepted"', "Updated after", "Another one"):
        assert text in page
    here = page_html(signed_in(oscar).get("/exports/new/", {"project": harbour.public_id}))
    assert f'href="{PAGE}?project={harbour.public_id}"' in here


def test_what_is_chosen_is_what_the_platform_will_be_asked(harbour: Project, oscar: User):
    client = signed_in(oscar)
    answer = client.post(PAGE, sent(harbour, statuses=["accepted"], after="2026-01-01", name="Weekly", key="k" * 20))
    report = ExportReport.objects.get()
    assert answer["Location"] == f"/exports/{report.report_id}/"
    assert (report.name, report.made_by, report.created_by_name) == ("Weekly", "toy", "oscar")
    wanted = report.config["platform_export"]
    assert (wanted["format"], wanted["statuses"], wanted["updated_after"]) == ("json", ["accepted"], "2026-01-01")
    assert wanted["where"] == "here"
    client.post(PAGE, sent(harbour, statuses=["accepted"], after="2026-01-01", name="Weekly", key="k" * 20))
    assert ExportReport.objects.count() == 1
    again = page_html(client.get("/exports/new/", {"from": report.report_id}))
    assert "made by Toy" in again
    assert 'value="accepted" checked' in again.replace('id="id_statuses_1" ', "")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"after": "some day"}, "some day"),
        ({"format": "other-format", "other": ""}, "expected a text of 1 to"),
        ({"format": "other-format", "other": "spare_json"}, "Toy makes no &#x27;spare_json&#x27;"),
        ({"destination": "moon"}, "moon"),
    ],
)
def test_what_is_wrong_is_told_and_nothing_is_requested(
    harbour: Project, oscar: User, change: dict[str, Any], told: str
):
    answer = signed_in(oscar).post(PAGE, sent(harbour, **change))
    assert answer.status_code == 400
    assert told in page_html(answer)
    assert not ExportReport.objects.exists()


def test_the_plan_says_what_can_be_known_before(harbour: Project, oscar: User):
    page = page_html(signed_in(oscar).post(PAGE, sent(harbour, do="plan")))
    assert "known only when it is made" in page
    assert "Files at the destination" in page
    assert not ExportReport.objects.exists()


def test_a_word_that_nobody_knows_stands_in_amber_and_is_no_failure(harbour: Project, server: Any, oscar: User):  # noqa: F811
    server.looks = [Waiting("Perhaps", is_known=False)]
    client = signed_in(oscar)
    client.post(PAGE, sent(harbour))
    report = step(ExportReport.objects.get())
    page = page_html(client.get(f"/exports/{report.report_id}/"))
    assert '<div class="ea-note ea-note-warning">Needs attention: Toy says &#x27;Perhaps&#x27;' in page
    assert "What went wrong" not in page
    assert report.remote_id in page


def test_a_reviewer_and_a_stranger_have_no_such_page(harbour: Project, rita: User, mallory: User):
    assert signed_in(rita).get(PAGE, {"project": harbour.public_id}).status_code == 403
    assert signed_in(mallory).post(PAGE, sent(harbour)).status_code == 404
    assert signed_in(rita).post(PAGE, sent(harbour)).status_code == 403


@pytest.mark.parametrize("wanted", [True, False])
def test_whether_it_is_brought_up_to_date_first_is_chosen_in_the_form(harbour: Project, oscar: User, wanted: bool):
    client = signed_in(oscar)
    page = page_html(client.get("/exports/new/", {"project": harbour.public_id}))
    assert "Bring it up to date first" in page and "Nothing was read from" in page
    form = sent(harbour, labels="all", max_refused="0.01", **({"sync_first": "on"} if wanted else {}))
    answer = client.post("/exports/new/", form)
    assert answer.status_code == 302, page_html(answer)
    report = ExportReport.objects.get()
    assert report.config["sync_first"] is wanted
    again = client.get("/exports/new/", {"from": report.report_id}).content.decode()
    (box,) = [tag for tag in again.split("<input") if 'name="sync_first"' in tag]
    assert ("checked" in box.split(">")[0]) is wanted


def test_a_project_that_mirrors_nothing_has_no_such_choice(members: Project, oscar: User):
    page = page_html(signed_in(oscar).get("/exports/new/", {"project": members.public_id}))
    assert "Bring it up to date first" not in page
    assert "/exports/new/platform/" not in page
    assert signed_in(oscar).get(PAGE, {"project": members.public_id}).status_code == 400


@pytest.fixture
def vault(harbour: Project, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What Toy tells of its own connections, one of which its exports need; an error is raised. Each time that it is
    asked adds a line."""
    told: list[Any] = [[RemoteConnection("c-1", "Team <vault>")]]

    def answer(_: ToyPlatform) -> list[RemoteConnection]:
        told.append("asked")
        if isinstance(told[0], Exception):
            raise told[0]
        return list(told[0])

    option = RemoteOption("vault", "Vault", "by which Toy delivers", is_connection=True)
    monkeypatch.setattr(ToyPlatform, "remote_options", (*ToyPlatform.remote_options, option))
    monkeypatch.setattr(ToyPlatform, "remote_connections", answer)
    return told


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ([RemoteConnection("c-1", "Team <vault>")], '<option value="c-1">Team &lt;vault&gt;</option>'),
        ([], ">Toy has none</option>"),
        (TransientError("no answer"), "does not tell its connections now (connection &#x27;Toys&#x27;: no answer)"),
    ],
)
def test_who_manages_connections_chooses_one_of_the_platforms(
    harbour: Project, alice: User, vault: list[Any], told: Any, expected: str
):
    vault[0] = told
    page = page_html(signed_in(alice).get(PAGE, {"project": harbour.public_id}))
    assert expected in page
    assert ('<select name="option.vault"' in page) is not isinstance(told, Exception)


def test_who_may_only_start_exports_learns_nothing_of_them_and_writes_the_id(
    harbour: Project, oscar: User, vault: list[Any]
):
    page = page_html(signed_in(oscar).get(PAGE, {"project": harbour.public_id}))
    assert 'name="option.vault"' in page and "<select name=" not in page.split('name="option.vault"')[0][-40:]
    assert "c-1" not in page and "Team" not in page
    assert "asked" not in vault
    assert signed_in(oscar).post(PAGE, sent(harbour, **{"option.vault": "c-1"})).status_code == 302
    assert ExportReport.objects.get().config["platform_export"]["options"]["vault"] == "c-1"


def test_the_platform_is_not_asked_while_enough_threads_wait_for_others(
    harbour: Project, alice: User, vault: list[Any]
):
    with one_of_few(), one_of_few():
        page = page_html(signed_in(alice).get(PAGE, {"project": harbour.public_id}))
    assert "other connections are being tested or asked" in page and "asked" not in vault


def test_a_disabled_connection_is_used_for_nothing_new(
    harbour: Project, alice: User, vault: list[Any], monkeypatch: pytest.MonkeyPatch
):
    Connection.objects.update(disabled_at=timezone.now())
    client = signed_in(alice)
    told = "connection &#x27;Toys&#x27; is disabled"
    assert told in page_html(client.get(PAGE, {"project": harbour.public_id})) and "asked" not in vault
    assert told in page_html(client.post(PAGE, sent(harbour)))
    assert told in page_html(client.post(PAGE, sent(harbour, do="plan")))
    assert not ExportReport.objects.exists()
    monkeypatch.setattr(ToyPlatform, "exports", lambda *_: pytest.fail("it was asked"))
    assert told in page_html(client.get(f"/projects/{harbour.public_id}/exports-there/"))
