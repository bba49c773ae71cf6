"""The shell's door: wrong use is 2, a failure 1, each with one clear line and nothing left behind."""

from __future__ import annotations

import json

import pytest
from django.core.management import CommandError, call_command

from connections.store.upsert import write_rows
from exportadmin.audit.models import AuditEntry
from exports.display.representation import report_json
from exports.models import ExportReport
from tests.support.rows import mixed

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def filled(project, tmp_path, settings):
    settings.ARTIFACTS_DIR = tmp_path / "artifacts"
    write_rows(project, mixed(20), now_ms=1_000)
    return project


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ({"filter": '{"updatd_after": 1}'}, "unknown filter 'updatd_after'"),
        ({"filter": "{"}, "--filter is not a JSON object"),
        ({"filter": "[1]"}, "--filter is not a JSON object"),
        ({"filter": '{"updated_after": 1, "updated_after": 2}'}, "'updated_after' occurs twice"),
        ({"filter": "[" * 100_000}, "--filter is not a JSON object"),
        ({"filter": '{"updated_after": NaN}'}, "is not a time"),
        ({"filter": '{"updated_after": 1}', "updated_after": "2"}, "given twice"),
        ({"updated_after": "next Tuesday"}, "'next Tuesday' is not a time"),
        ({"status": ["accepted", "fine"]}, "unknown review status 'fine'"),
        ({"include": ["pictures"]}, "unknown part 'pictures'; known: data_row_details"),
        ({"option": ["profile"]}, "is not NAME=VALUE"),
        ({"option": ["colour=red"]}, "unknown option 'colour'"),
        ({"name": "x" * 201}, "the name has 201 characters"),
    ],
)
def test_wrong_use_is_said_in_one_line_and_leaves_nothing(filled, tmp_path, flags, words):
    with pytest.raises(CommandError) as caught:
        call_command("run_export", filled.name, format="json", output=tmp_path / "out", **flags)
    assert words in str(caught.value)
    assert caught.value.returncode == 2
    assert not ExportReport.objects.exists()
    assert not (tmp_path / "out").exists()


def test_a_project_that_there_is_not_is_named_with_those_that_there_are(filled):
    with pytest.raises(CommandError, match="no project 'Streets'; known: 'Street scenes'") as caught:
        call_command("run_export", "Streets", format="json")
    assert caught.value.returncode == 2


def test_a_failed_export_is_exit_code_1_with_its_reason(filled, monkeypatch, tmp_path):
    from exportadmin.lib.errors import PermanentError
    from exports.sources.store import StoreReader

    def refused(self):
        raise PermanentError("the platform says no")
        yield

    monkeypatch.setattr(StoreReader, "batches", refused)
    with pytest.raises(CommandError, match="export failed: the platform says no") as caught:
        call_command("run_export", filled.name, format="json", output=tmp_path / "out")
    assert caught.value.returncode == 1
    assert not (tmp_path / "out").exists()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_the_json_is_the_report_as_rest_prints_it(filled, capsys):
    call_command("run_export", filled.name, format="csv", option=["profile=spreadsheet-safe"], json=True)
    printed = json.loads(capsys.readouterr().out)
    report = ExportReport.objects.get()
    assert printed == json.loads(json.dumps(report_json(report)))
    assert printed["config"]["options"] == {"profile": "spreadsheet-safe", "dataset": "no", "metadata": "no"}
    call_command("list_exports", json=True)
    assert json.loads(capsys.readouterr().out) == [printed]


def test_a_delivery_into_a_folder_is_that_folder_and_verifies(filled, tmp_path, capsys):
    call_command("run_export", filled.name, format="ndjson", output=tmp_path / "out" / "deep")
    files = sorted(path.name for path in (tmp_path / "out" / "deep").iterdir())
    assert len(files) == 2
    assert files[0] == "manifest.json"
    manifest = (tmp_path / "out" / "deep" / "manifest.json").read_text("utf-8")
    assert json.loads(manifest)["config"]["destination"] == {"kind": "local"}
    assert str(tmp_path) not in manifest
    call_command("verify", str(tmp_path / "out" / "deep"))
    assert capsys.readouterr().out.rstrip().endswith("as delivered")


def test_files_are_deleted_once_and_the_report_says_why(filled, settings, capsys):
    call_command("run_export", filled.name, format="ndjson", json=True)
    report = ExportReport.objects.get()
    folder = settings.ARTIFACTS_DIR / report.location
    assert list(folder.iterdir())
    call_command("delete_files", report.report_id, why="no room")
    assert "1 file(s) deleted" in capsys.readouterr().out
    report.refresh_from_db()
    assert report.files_removed_why == "no room" and not folder.exists()
    gone = AuditEntry.objects.get(event="export.deleted")
    assert (gone.channel, gone.details["why"]) == ("shell", "no room")
    with pytest.raises(CommandError, match=f"report {report.report_id} has no files to remove"):
        call_command("delete_files", report.report_id)
