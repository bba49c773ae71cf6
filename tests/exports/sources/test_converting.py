"""A conversion is asked for through REST, the page and the shell, and runs and is found like any export."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from connections.models import Project
from connections.store.upsert import write_rows
from exportadmin.audit.models import AuditEntry
from exportadmin.runs import statuses
from exportadmin.runs.execute import execute
from exports import actions
from exports.models import ExportReport
from exports.spec.spec import ExportSpec
from tests.rest.world import SHELL, Rest, whole
from tests.support.rows import mixed

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, settings) -> Path:
    settings.EXPORTADMIN_HOME = tmp_path
    settings.ARTIFACTS_DIR = tmp_path / "artifacts"
    return tmp_path


@pytest.fixture
def filled(members: Project) -> Project:
    write_rows(members, mixed(30), now_ms=1_000)
    return members


def export(project: Project, **body) -> ExportReport:
    report = actions.run_now(project=project, spec=ExportSpec.parse(body, project), actor=SHELL)
    assert report.is_delivered, report.error
    return report


@pytest.fixture
def delivered(filled: Project) -> ExportReport:
    return export(filled, format="ndjson", include=["label_details", "project_details"])


@pytest.fixture
def script(delivered, oscar) -> Rest:
    from connections.access.tokens import issue_token

    return Rest(issue_token(user=oscar, name="script", scopes=("admin",), actor=SHELL)[1])


@pytest.fixture
def pages(delivered, oscar) -> Client:
    client = Client()
    client.force_login(oscar)
    return client


# --- REST ------------------------------------------------------------------------------------------------------------


def test_rest_accepts_it_and_it_polls_as_any_run(script, delivered, filled):
    address = f"reports/{delivered.report_id}/convert/"
    answer = script.post(address, {"format": "csv", "options": {"profile": "spreadsheet-safe"}, "name": "As a table"})
    assert answer.status_code == 202
    made = answer.json()
    assert (made["status"], made["name"], made["format"]) == ("queued", "As a table", "csv")
    assert (made["converted_from"], made["config"]["include"]) == (
        delivered.report_id,
        ["label_details", "project_details"],
    )
    assert answer.headers["Location"].endswith(f"/api/v1/reports/{made['report_id']}/")
    execute("export", ExportReport.objects.get(report_id=made["report_id"]).pk)
    done = script.get(f"reports/{made['report_id']}/wait/").json()
    assert (done["status"], done["progress"]["rows_done"], done["progress"]["percent"]) == ("completed", 30, 100.0)
    direct = export(
        filled, format="csv", options={"profile": "spreadsheet-safe"}, include=["label_details", "project_details"]
    )
    body = whole(script.get(f"artifacts/{done['artifacts'][0]['artifact_id']}/download/"))
    assert done["artifacts"][0]["sha256"] == direct.artifacts.get().sha256
    assert len(body) == direct.artifacts.get().bytes


def test_the_same_key_is_one_conversion_and_another_report_under_it_is_refused(script, delivered, filled):
    headers = {"Idempotency-Key": "weekly"}
    first, again = (
        script.post(f"reports/{delivered.report_id}/convert/", {"format": "csv", "name": "x"}, headers=headers).json()
        for _ in range(2)
    )
    assert first["report_id"] == again["report_id"]
    other = export(filled, format="ndjson", include=["label_details", "project_details"])
    refused = script.post(f"reports/{other.report_id}/convert/", {"format": "csv", "name": "x"}, headers=headers)
    assert refused.status_code == 409


@pytest.mark.parametrize(
    ("body", "field", "words"),
    [
        ({}, "format", "required"),
        ({"format": "tiff"}, "format", "tiff"),
        ({"format": "csv", "filter": {}}, "filter", "unknown"),
        ({"format": "json", "options": {"profile": "exact"}}, "options", "this format has none"),
        ({"format": "json", "include": ["embeddings"]}, "include", "left out embeddings"),
        ({"format": "json", "destination": {"kind": "tape"}}, "destination", "unknown destination 'tape'"),
    ],
)
def test_a_wrong_body_is_refused_by_its_field(script, delivered, body, field, words):
    answer = script.post(f"reports/{delivered.report_id}/convert/", body)
    assert answer.status_code == 400
    assert answer.json()["field"] == field
    assert words in answer.json()["detail"]
    assert ExportReport.objects.count() == 1


def test_a_table_and_a_run_without_files_conflict(script, filled):
    table = export(filled, format="csv")
    assert script.post(f"reports/{table.report_id}/convert/", {"format": "json"}).status_code == 409
    waiting = actions.request_export(project=filled, spec=ExportSpec.parse({"format": "json"}, filled), actor=SHELL)
    assert script.post(f"reports/{waiting.report_id}/convert/", {"format": "csv"}).status_code == 409


def test_removed_files_are_gone(script, delivered):
    actions.remove_files(report=delivered, actor=SHELL, why="old")
    assert script.post(f"reports/{delivered.report_id}/convert/", {"format": "csv"}).status_code == 410


def test_the_trail_says_of_what_it_is_a_conversion(script, delivered):
    made = script.post(f"reports/{delivered.report_id}/convert/", {"format": "csv"}).json()
    entry = AuditEntry.objects.get(event="export.requested", object_id=made["report_id"])
    assert entry.details == {"format": "csv", "converted_from": delivered.report_id}


# --- the page --------------------------------------------------------------------------------------------------------


def test_the_page_of_rows_offers_it_and_says_what_is_not_in_the_file(pages, delivered, filled, rita):
    page = " ".join(pages.get(f"/exports/{delivered.report_id}/").content.decode().split())
    assert f'action="/exports/{delivered.report_id}/convert/"' in page
    assert (
        "The file left out data row details, attachments, metadata fields, embeddings, performance details, backup;"
        in page
    )
    table = export(filled, format="csv")
    assert "/convert/" not in pages.get(f"/exports/{table.report_id}/").content.decode()
    reader = Client()
    reader.force_login(rita)
    assert "/convert/" not in reader.get(f"/exports/{delivered.report_id}/").content.decode()


def test_sent_it_leads_to_the_new_export_which_says_where_it_comes_from(pages, delivered):
    sent = {"format": "csv", "csv.profile": "spreadsheet-safe"}
    answer = pages.post(f"/exports/{delivered.report_id}/convert/", sent)
    made = ExportReport.objects.get(converted_from=delivered)
    assert (answer.status_code, answer.headers["Location"]) == (302, f"/exports/{made.report_id}/")
    assert made.config["options"] == {"profile": "spreadsheet-safe", "dataset": "no", "metadata": "no"}
    execute("export", made.pk)
    page = " ".join(pages.get(f"/exports/{made.report_id}/").content.decode().split())
    assert f'<a href="/exports/{delivered.report_id}/">{delivered.name}</a>' in page
    made.refresh_from_db()
    assert made.status == statuses.COMPLETED


def test_a_format_that_there_is_not_is_said_under_its_field(pages, delivered):
    answer = pages.post(f"/exports/{delivered.report_id}/convert/", {"format": "tiff"})
    assert answer.status_code == 400
    assert "unknown format &#x27;tiff&#x27;; known: json, ndjson" in answer.content.decode()
    assert pages.post(f"/exports/{delivered.report_id}/convert/", {"format": "csv", "x": "1"}).status_code == 400
    assert ExportReport.objects.count() == 1


def test_the_page_asks_how_many_rows_may_be_refused(pages, delivered):
    address = f"/exports/{delivered.report_id}/convert/"
    answer = pages.post(address, {"format": "png", "max_refused": "2"})
    assert re.findall(r'is-chosen" data-format="(\w+)"', answer.content.decode()) == ["png"]
    assert answer.status_code == 400
    assert "max_refused is 2.0; expected a share from 0 (no row) to 1" in " ".join(answer.content.decode().split())
    pages.post(address, {"format": "png", "max_refused": "0.5"})
    assert ExportReport.objects.get(converted_from=delivered).config["max_refused"] == 0.5


# --- the shell -------------------------------------------------------------------------------------------------------


def test_the_shell_converts_into_a_folder_and_says_what_was_left_out(delivered, tmp_path, capsys):
    call_command("convert", delivered.report_id, format="coco_json", output=tmp_path / "coco")
    said = capsys.readouterr().out
    assert "note: the delivered file left out data_row_details, attachments," in said
    made = ExportReport.objects.get(converted_from=delivered)
    (file,) = (path for path in (tmp_path / "coco").iterdir() if path.name != "manifest.json")
    assert f"{made.artifacts.get().sha256}  {file}" in said
    assert len(json.loads(file.read_bytes())["images"]) == 30
    assert made.is_ours is False


def test_the_shell_prints_the_report_as_rest_does(delivered, capsys):
    call_command("convert", delivered.report_id, "--json", format="csv", option=["profile=exact"])
    said = json.loads(capsys.readouterr().out)
    assert (said["status"], said["converted_from"]) == ("completed", delivered.report_id)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ({"format": "csv", "option": ["profile"]}, "'profile' is not NAME=VALUE"),
        ({"format": "csv", "include": ["embeddings"]}, "left out embeddings"),
    ],
)
def test_the_shell_refuses_with_one_line(delivered, flags, words):
    with pytest.raises(CommandError, match=words):
        call_command("convert", delivered.report_id, **flags)
    with pytest.raises(CommandError, match="no report 'nonsense'"):
        call_command("convert", "nonsense", format="csv")
