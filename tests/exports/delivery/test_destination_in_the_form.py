"""A sink that is registered can be chosen in the form of an export, with its own settings."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from connections.connection_actions import disable_connection, grant_connection
from connections.models import Connection, Project
from exports.models import ExportConfig, ExportReport
from tests.connections.sinks.blobs import BlobSink
from tests.rest.world import SHELL

pytestmark = pytest.mark.django_db(transaction=True)
NEW = "/exports/new/"
ARCHIVE = {"destination": "blobs", "blobs.connection": "Archive", "blobs.shelf": "cold"}


def form(project: Project, **values: Any) -> dict[str, Any]:
    return {"project": project.public_id, "format": "ndjson", "key": "k1", "do": "run", **values}


def page_of(answer: Any) -> str:
    return re.sub(r"\s+", " ", html.unescape(answer.content.decode()))


def test_with_this_machine_alone_there_is_nothing_to_choose(pages: Client, filled: Project):
    page = page_of(pages.get(NEW, {"project": filled.public_id}))
    assert 'name="destination"' not in page
    assert "Files stay with Export Admin" in page
    answer = pages.post(NEW, form(filled, destination="blobs"))
    assert answer.status_code == 400
    assert "unknown destination 'blobs'; known: local, s3" in page_of(answer)


def test_another_sink_is_chosen_with_its_connection_and_settings(pages: Client, filled: Project, archive: Connection):
    page = page_of(pages.get(NEW, {"project": filled.public_id}))
    assert re.findall(r'name="destination" value="(\w+)"( checked)?', page) == [("local", " checked"), ("blobs", "")]
    assert f'<option value="{archive.public_id}" selected>Archive (not tested)</option>' in page
    assert pages.post(NEW, form(filled, **ARCHIVE)).status_code == 302
    report = ExportReport.objects.get()
    assert report.config["destination"] == {"kind": "blobs", "connection": archive.public_id, "shelf": "cold"}
    assert report.destination == archive


def test_what_the_sink_refuses_is_said_beside_it(pages: Client, filled: Project, archive: Connection):
    answer = pages.post(NEW, form(filled, **{**ARCHIVE, "blobs.connection": "Attic"}))
    assert answer.status_code == 400
    assert re.search(r'id="destination_error">.*names no connection of kind blobs that project', page_of(answer))
    assert not ExportReport.objects.exists()


def test_settings_of_a_destination_that_is_not_chosen_stay_behind(pages: Client, filled: Project, archive: Connection):
    pages.post(NEW, form(filled, **{**ARCHIVE, "destination": "local"}))
    assert ExportReport.objects.get().config["destination"] == {"kind": "local"}


def test_a_saved_destination_fills_the_form(pages: Client, filled: Project, archive: Connection):
    pages.post(NEW, form(filled, do="save", **ARCHIVE))
    page = page_of(pages.get(f"/configs/{ExportConfig.objects.get().public_id}/edit/"))
    assert 'name="destination" value="blobs" checked' in page
    assert f'<option value="{archive.public_id}" selected>Archive</option>' in page
    assert 'name="blobs.shelf" value="cold"' in page


def test_the_names_that_files_will_have_are_shown_before_it_runs(pages: Client, filled: Project, archive: Connection):
    plan = page_of(pages.post(f"{NEW}plan/", form(filled, **ARCHIVE)))
    before = "blobs:cold/<report id>/"
    assert f"{before}street-scenes_<UTC time>_<report id>.ndjson</li>" in plan
    assert f"{before}manifest.json</li>" in plan
    plan = page_of(pages.post(f"{NEW}plan/", {**form(filled, **ARCHIVE), "blobs.shelf": "", "format": "csv"}))
    assert ">blobs:main/<report id>/street-scenes_<UTC time>_<report id>.csv</li>" in plan
    plan = page_of(pages.post(f"{NEW}plan/", form(filled)))
    assert ">street-scenes_<UTC time>_<report id>.ndjson</li>" in plan


def test_how_its_last_test_ended_is_shown_where_it_is_chosen(pages: Client, filled: Project, archive: Connection):
    def note() -> str:
        plan = page_of(pages.post(f"{NEW}plan/", form(filled, **{**ARCHIVE, "blobs.connection": archive.public_id})))
        found = re.search(r'id="blobs.connection_error"[^>]*>(.*?)</p>', plan)
        assert found
        return re.sub(r"<[^>]*>", "", found[1])

    assert note() == "As it is now, no test of it has come to its end."
    steps = [{"key": "open", "title": "Open it", "state": "failed", "message": "the door is shut.", "advice": "knock"}]
    Connection.objects.filter(pk=archive.pk).update(
        tested_at=datetime(2026, 11, 29, 23, 5, tzinfo=UTC), test_result={"state": "failed", "steps": steps}
    )
    assert note() == (
        "Its last test failed: exports through it are likely to fail too. Open it: the door is shut. "
        "Tested 29 Nov 2026, 23:05 UTC."
    )
    assert ">Archive (test failed)</option>" in page_of(pages.get(NEW, {"project": filled.public_id}))


def test_the_only_connection_is_chosen_and_its_folder_begun(
    pages: Client, filled: Project, archive: Connection, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(BlobSink, "starts", lambda connection: {"shelf": f"{connection.name}/"})
    page = page_of(pages.get(NEW, {"project": filled.public_id}))
    assert 'name="blobs.shelf" value="Archive/"' in page
    other = Connection.objects.create(name="Attic", kind="blobs")
    grant_connection(connection=other, project=filled, actor=SHELL)
    page = page_of(pages.get(NEW, {"project": filled.public_id}))
    assert "Archive/" not in page and "selected>A" not in page
    plan = page_of(pages.post(f"{NEW}plan/", form(filled, **{**ARCHIVE, "blobs.connection": archive.public_id})))
    assert "With this connection it begins with Archive/" in plan
    disable_connection(connection=other, actor=SHELL)
    page = page_of(pages.get(NEW, {"project": filled.public_id}))
    assert "Attic" not in page and 'value="Archive/"' in page
