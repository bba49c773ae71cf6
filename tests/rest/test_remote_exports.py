"""Exports that were made on a platform: REST, shell and page list the same, and fetch one of them."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command

from connections.access.models import Membership
from connections.access.tokens import issue_token
from connections.models import Project
from connections.platforms.base import Wanted
from connections.sync.models import SyncRun
from exportadmin.lib.errors import TransientError
from exports.models import ExportReport
from tests.exports.platform_export.conftest import SHELL, mirrored, own_folders, server, step  # noqa: F401
from tests.pages.people import signed_in
from tests.pages.squeezed import page_html
from tests.rest.world import Rest


@pytest.fixture
def harbour(mirrored: Project, server: Any, oscar: User, rita: User) -> Project:  # noqa: F811
    """With one export that others made there."""
    Membership.objects.create(project=mirrored, user=oscar, role="operator")
    Membership.objects.create(project=mirrored, user=rita, role="reviewer")
    server.exports["theirs-1"] = ("one", Wanted("By hand", "json"), json.dumps(server.rows["one"]).encode())
    return mirrored


def script(user: User) -> Rest:
    return Rest(issue_token(user=user, name="s", scopes=["exports:read", "exports:run"], actor=SHELL)[1])


def shell(*args: str) -> Any:
    out = StringIO()
    call_command("remote_exports", *args, "--json", stdout=out)
    return json.loads(out.getvalue())


def test_all_channels_list_what_others_made(harbour: Project, oscar: User):
    listed = script(oscar).get(f"projects/{harbour.public_id}/remote-exports/").json()
    assert listed == shell("Harbour")
    (one,) = listed
    assert (one["remote_id"], one["name"], one["is_theirs"], one["fetched_by"]) == ("theirs-1", "By hand", True, None)
    page = page_html(signed_in(oscar).get(f"/projects/{harbour.public_id}/exports-there/"))
    assert "By hand" in page and "theirs-1" in page


def test_what_a_sync_had_made_is_ours_too(harbour: Project, server: Any, oscar: User):  # noqa: F811
    server.exports["ours-1"] = ("one", Wanted("exportadmin-sync", "json"), b"[]")
    run = SyncRun.objects.create(project=harbour, status="completed", remote_id="ours-1")
    listed = {one["remote_id"]: one for one in shell("Harbour")}
    assert (listed["ours-1"]["is_theirs"], listed["ours-1"]["sync_id"]) == (False, run.public_id)
    page = page_html(signed_in(oscar).get(f"/projects/{harbour.public_id}/exports-there/"))
    assert f'href="/syncs/{run.public_id}/"' in page


def test_one_is_fetched_and_then_known_here(harbour: Project, oscar: User, rita: User):
    path = f"projects/{harbour.public_id}/remote-exports/"
    assert script(rita).post(path, {"remote_id": "theirs-1"}).status_code == 403
    made = script(oscar).post(path, {"remote_id": "theirs-1", "name": "Brought here"})
    assert made.status_code == 202
    report = ExportReport.objects.get()
    assert made["Location"].endswith(f"/api/v1/reports/{report.report_id}/")
    assert (report.name, report.made_by, report.remote_id) == ("Brought here", "toy", "theirs-1")
    assert shell("Harbour")[0]["fetched_by"] == report.report_id
    second = shell("Harbour", "--fetch", "theirs-1")
    assert second["report_id"] != report.report_id
    third = signed_in(oscar).post(f"/projects/{harbour.public_id}/exports-there/", {"remote_id": "theirs-1"})
    assert third.status_code == 302
    assert ExportReport.objects.count() == 3


def test_a_platform_that_is_away_is_told(harbour: Project, server: Any, oscar: User, monkeypatch: Any):  # noqa: F811
    def away(*args: Any) -> Any:
        raise TransientError("it is away")

    monkeypatch.setattr("tests.connections.platforms.toy.ToyPlatform.exports", away)
    answer = script(oscar).get(f"projects/{harbour.public_id}/remote-exports/")
    assert (answer.status_code, "it is away" in answer.json()["detail"]) == (409, True)
    page = page_html(signed_in(oscar).get(f"/projects/{harbour.public_id}/exports-there/"))
    assert "it is away" in page and "Look again" in page


def test_unknown_keys_and_empty_ids_are_refused(harbour: Project, oscar: User):
    path = f"projects/{harbour.public_id}/remote-exports/"
    assert script(oscar).post(path, {"remote_id": "theirs-1", "all": True}).json()["field"] == "all"
    assert script(oscar).post(path, {"remote_id": ""}).status_code == 400
    refused = signed_in(oscar).post(f"/projects/{harbour.public_id}/exports-there/", {}, follow=True)
    assert "expected a text of 1 to" in page_html(refused)
    assert not ExportReport.objects.exists()


def test_a_project_of_no_platform_is_refused_as_such(members: Project, oscar: User):
    path = f"projects/{members.public_id}/remote-exports/"
    for answer in (script(oscar).get(path), script(oscar).post(path, {"remote_id": "theirs-1"})):
        told = answer.json()
        assert (answer.status_code, told["field"]) == (400, "project")
        assert told["detail"] == f"project '{members.name}' is of no labelling platform"
    assert not ExportReport.objects.exists()
