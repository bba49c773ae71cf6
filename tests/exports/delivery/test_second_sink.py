"""What is delivered to another sink is downloaded, read, compared, verified, kept and removed as from this machine."""

from __future__ import annotations

import hashlib
import zipfile
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from connections.models import Connection
from connections.sinks import SINKS
from exportadmin.audit.models import AuditEntry
from exportadmin.runs import statuses
from exportadmin.runs.execute import execute
from exportadmin.runs.reaper import reap
from exports import delivery_actions
from exports.delivery.destination import delivery_of
from exports.models import ExportReport, Proof
from exports.results.search import search
from exports.run import pipeline, retention
from tests.connections.sinks.blobs import BlobSink
from tests.exports.delivery.conftest import ROWS
from tests.rest.world import SHELL, whole

pytestmark = pytest.mark.django_db(transaction=True)
ARCHIVE = {"kind": "blobs", "connection": "Archive", "shelf": "cold"}


def files_below(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def report(archive, deliver) -> ExportReport:
    done = deliver(ARCHIVE)
    assert done.status == statuses.COMPLETED, done.error
    return done


def test_it_goes_where_the_destination_says_and_nowhere_else(report, archive, home):
    assert report.destination == archive
    assert report.location == f"cold/{report.report_id}"
    assert files_below(home / "artifacts") == []
    assert len(files_below(home / "blob-stores" / "Archive" / "blobs")) == 2
    assert files_below(home / "blob-stores" / "Archive" / "index") == [f"{report.location}.json"]


def test_the_bytes_are_those_that_this_machine_gets(archive, deliver, script):
    here, there = deliver(), deliver(ARCHIVE)
    first, second = (one.artifacts.get() for one in (here, there))
    assert (first.bytes, first.sha256, first.lines) == (second.bytes, second.sha256, second.lines)
    assert here.check_values == there.check_values


def test_it_is_downloaded_whole_and_in_ranges(report, script, pages):
    artifact = report.artifacts.get()
    address = f"artifacts/{artifact.public_id}/download/"
    body = whole(script.get(address))
    assert hashlib.sha256(body).hexdigest() == artifact.sha256
    part = script.get(address, headers={"Range": "bytes=100-199"})
    assert (part.status_code, whole(part)) == (206, body[100:200])
    assert whole(pages.get(f"/exports/{report.report_id}/files/{artifact.name}/")) == body
    url = script.post(f"artifacts/{artifact.public_id}/links/", {"one_time": True}).json()["url"]
    assert whole(Client().get(f"{url}/file".replace("//file", "/file"))) == body


def test_a_changed_file_is_handed_out_by_nobody(report, script, home):
    artifact = report.artifacts.get()
    blob = home / "blob-stores" / "Archive" / "blobs" / artifact.sha256
    blob.write_bytes(blob.read_bytes()[:-1])
    assert script.get(f"artifacts/{artifact.public_id}/download/").status_code == 410
    assert script.get(f"reports/{report.report_id}/rows/").status_code == 410
    verdict = script.post(f"reports/{report.report_id}/verify/").json()
    assert (verdict["ok"], artifact.name in verdict["problems"][0]) == (False, True)


def test_its_rows_are_read_from_any_line_and_byte_on(report, script):
    lines = whole(script.get(f"reports/{report.report_id}/rows/")).splitlines(keepends=True)
    assert len(lines) == ROWS
    assert whole(script.get(f"reports/{report.report_id}/rows/", {"line": 31, "limit": 2})) == b"".join(lines[31:33])
    offset = len(b"".join(lines[:7])) + 5
    assert whole(script.get(f"reports/{report.report_id}/rows/", {"offset": offset, "limit": 1})) == lines[7]


def test_its_pages_show_preview_comparison_and_verdict(report, deliver, pages):
    other = deliver(statuses=["accepted"])
    assert "row-00000" in pages.get(f"/exports/{report.report_id}/preview/").content.decode()
    compared = pages.get(f"/exports/{other.report_id}/compare/", {"with": report.report_id})
    assert compared.status_code == 200
    found = delivery_actions.compare_rows(older=report, newer=other, actor=SHELL)
    assert (found.removed, found.unchanged) == (ROWS - other.rows_done, other.rows_done)
    assert compared.context["rows"] == found
    assert pages.post(f"/exports/{report.report_id}/prove/").status_code == 302
    execute("proof", Proof.objects.get().pk)  # what lies elsewhere is read by a worker
    assert ", as delivered" in pages.get(f"/exports/{report.report_id}/").content.decode()


@pytest.mark.parametrize("format", ["ndjson", "json", "csv", "png", "coco_json"])
def test_every_format_is_delivered_verified_and_searched(archive, deliver, script, format, home):
    report = deliver(ARCHIVE, format=format)
    assert report.status == statuses.COMPLETED, report.error
    assert script.post(f"reports/{report.report_id}/verify/").json()["ok"] is True
    found = search("row-00003", projects=None)
    assert (found.exports, report.report_id in found.how) == (1, True)
    if format == "png":
        body = whole(script.get(f"artifacts/{report.artifacts.get().public_id}/download/"))
        assert zipfile.ZipFile(BytesIO(body)).testzip() is None


def test_removed_by_hand_the_objects_are_gone(report, pages, script, home):
    artifact = report.artifacts.get()
    pages.post(f"/exports/{report.report_id}/delete-files/", {"why": "no longer needed"})
    assert files_below(home / "blob-stores") == []
    assert script.get(f"artifacts/{artifact.public_id}/download/").status_code == 410


def test_removed_by_age_the_objects_are_gone(report, home):
    ExportReport.objects.filter(pk=report.pk).update(finished_at=timezone.now() - timedelta(days=31))
    assert retention.retain(timezone.now()).addresses[retention.EXPIRED] == [f"blobs:{report.location}"]
    assert files_below(home / "blob-stores") == []
    assert AuditEntry.objects.filter(event="export.deleted", object_id=report.report_id).exists()


def test_what_dead_runs_left_there_is_swept_away(report, archive, home):
    failed = ExportReport.objects.create(project=report.project, name="x", config={}, status=statuses.FAILED)
    sink = BlobSink(archive, {})
    from connections.sinks.base import ReportKey
    from exportadmin.lib.ids import new_id

    key = ReportKey(failed.report_id, report.project.public_id, 1)
    sink.begin(key).write_file("rows", "text/plain", [b"x"])
    sink.begin(ReportKey(failed.report_id, key.project_id, 2)).commit(b"{}")
    unknown = ReportKey(new_id(), key.project_id, 1)
    sink.begin(unknown).commit(b"{}")
    found = retention.retain(timezone.now() + timedelta(days=2), days=0)
    assert found.addresses[retention.FOLDER] == [f"blobs:main/{failed.report_id}"]
    assert found.addresses[retention.UNKNOWN] == [f"blobs:main/{unknown.report_id}"]
    assert sink.published(key) is None
    assert sink.published(unknown) is not None
    assert any(delivery_of(report).entries())


@pytest.fixture
def killed(archive, dies_before_its_end) -> ExportReport:
    """A run that died between publication and commit, its lease long over."""
    return dies_before_its_end(ARCHIVE)


def test_published_before_its_worker_died_it_is_adopted(killed, script):
    assert BlobSink(killed.destination, {"shelf": "cold"}).published(pipeline.key_of(killed)) is not None
    execute("export", killed.pk)
    killed.refresh_from_db()
    assert (killed.status, killed.attempts) == (statuses.COMPLETED, 2), killed.error
    assert killed.artifacts.get().lines == ROWS
    assert script.post(f"reports/{killed.report_id}/verify/").json()["ok"] is True


def test_cancelled_after_publication_it_is_taken_back(killed, script, home):
    assert len(files_below(home / "blob-stores" / "Archive" / "blobs")) == 2
    script.post(f"reports/{killed.report_id}/cancel/")
    reap()
    killed.refresh_from_db()
    assert killed.status == statuses.CANCELLED
    assert files_below(home / "blob-stores") == []


def test_run_again_it_goes_to_the_same_place(report, script):
    again = script.post(f"reports/{report.report_id}/retry/").json()
    assert again["config"]["destination"] == {**ARCHIVE, "connection": report.destination.public_id}
    retried = ExportReport.objects.get(report_id=again["report_id"])
    assert retried.destination == report.destination


@pytest.mark.parametrize(
    ("destination", "words"),
    [
        ({"kind": "tape"}, "unknown destination 'tape'; known: blobs, local, s3"),
        ({"kind": "blobs"}, "names no connection of kind blobs that project"),
        ({"kind": "blobs", "connection": "Built-in store"}, "may use; known: ARCHIVE ('Archive')"),
        (
            {"kind": "blobs", "connection": "Archive", "bucket": "x"},
            "unknown destination setting 'bucket'; known: kind",
        ),
        ({"kind": "local", "connection": "Archive"}, "unknown destination setting 'connection'; known: kind"),
        ({"kind": "local", "folder": "/etc"}, "unknown destination setting 'folder'; known: kind"),
        ({"kind": "blobs", "connection": "Archive", "shelf": 3}, "destination.shelf is 3; expected a text"),
        ({"kind": 7}, "destination.kind is 7"),
    ],
)
def test_a_destination_that_there_is_not_is_refused_when_it_is_asked_for(archive, script, filled, destination, words):
    body = {"project": filled.name, "format": "json", "destination": destination}
    answer = script.post("reports/", body)
    assert answer.status_code == 400
    assert words.replace("ARCHIVE", archive.public_id) in answer.json()["detail"]
    assert not ExportReport.objects.exists()


def test_a_destination_that_is_gone_when_the_run_starts_fails_it_in_words(archive, script, filled, home):
    body = {"project": filled.name, "format": "json", "destination": ARCHIVE}
    report = ExportReport.objects.get(report_id=script.post("reports/", body).json()["report_id"])
    SINKS.unregister(BlobSink.key)
    try:
        execute("export", report.pk)
    finally:
        SINKS.register(BlobSink.key, BlobSink)
    report.refresh_from_db()
    assert (report.status, report.error) == (statuses.FAILED, "unknown destination 'blobs'; known: local, s3")
    assert files_below(home / "artifacts") == []


def test_files_of_a_kind_that_is_gone_are_gone_in_words(report, script):
    SINKS.unregister(BlobSink.key)
    try:
        assert script.get(f"artifacts/{report.artifacts.get().public_id}/download/").status_code == 410
        assert script.post(f"reports/{report.report_id}/verify/").status_code == 400
    finally:
        SINKS.register(BlobSink.key, BlobSink)


def test_a_connection_that_deliveries_lie_behind_is_not_deleted(report, archive):
    from django.db.models import ProtectedError

    with pytest.raises(ProtectedError):
        Connection.objects.get(pk=archive.pk).delete()


def test_the_rest_document_offers_the_sink_and_its_settings(archive):
    from drf_spectacular.generators import SchemaGenerator

    document = SchemaGenerator().get_schema(request=None, public=True)
    offered = document["components"]["schemas"]["CreateReport"]["properties"]["destination"]["properties"]
    assert offered["kind"]["enum"] == ["blobs", "local", "s3"]
    assert set(offered) == {"kind", "connection", "shelf", "folder"}
    assert offered["shelf"]["description"] == "blobs: the part of the store, without a slash"


def test_the_help_tells_of_it(archive, pages):
    page = " ".join(pages.get("/help/formats/").content.decode().split())
    assert "<dt>Blob store <code>blobs</code></dt>" in page
    assert "Keeps equal files once. Needs a <code>connection</code> of this kind" in page
    assert "<code>shelf</code>: the part of the store, without a slash" in page


def test_the_shell_delivers_there_too(archive, filled, home, capsys):
    flags = ["--destination", "kind=blobs", "--destination", "connection=Archive", "--destination", "shelf=cold"]
    call_command("run_export", filled.name, "--format", "ndjson", *flags)
    report = ExportReport.objects.get()
    assert (report.destination, report.location) == (archive, f"cold/{report.report_id}")
    assert f"{report.artifacts.get().sha256}  blobs:{report.location}/" in capsys.readouterr().out
    call_command("convert", report.report_id, "--format", "csv", *flags[:4])
    assert ExportReport.objects.get(converted_from=report).location.startswith("main/")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--destination", "kind=tape"], "unknown destination 'tape'"),
        (["--destination", "blobs"], "--destination 'blobs' is not NAME=VALUE"),
        (["--destination", "kind=blobs", "--destination", "kind=local"], "--destination kind is given twice"),
        (["--destination", "kind=blobs", "--destination", "connection=Archive", "--output", "x"], "not both"),
    ],
)
def test_the_shell_refuses_a_destination_that_is_none(archive, filled, flags, message):
    with pytest.raises(CommandError, match=message):
        call_command("run_export", filled.name, "--format", "csv", *flags)


def test_the_plan_asks_the_destination_for_its_room(archive, script, filled, monkeypatch):
    body = {"project": filled.name, "format": "ndjson", "destination": ARCHIVE}
    assert script.post("reports/plan/", body).json()["stops"] == []
    monkeypatch.setattr(BlobSink, "free_bytes", lambda self: 7)
    (stop,) = script.post("reports/plan/", body).json()["stops"]
    assert stop.endswith("but the destination has room for 7 bytes")
    assert script.post("reports/plan/", {**body, "destination": {"kind": "local"}}).json()["stops"] == []


def test_a_folder_of_this_machine_is_no_delivery_of_a_report_that_lies_elsewhere(report, home):
    folder = home / "artifacts" / report.project.public_id / report.report_id
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text("{}")
    ExportReport.objects.filter(pk=report.pk).update(location=f"{report.project.public_id}/{report.report_id}")
    found = retention.retain(timezone.now() + timedelta(days=2), days=0)
    assert str(folder) in found.addresses[retention.FOLDER]


def test_a_plan_foretells_the_names_of_the_files(report, archive, script, filled):
    planned = script.post("reports/plan/", {"project": filled.name, "format": "ndjson", "destination": ARCHIVE}).json()
    file, manifest = planned["files_expected"]
    delivered = f"blobs:{report.location}/{report.artifacts.get().name}"
    moment = f"{report.created_at:%Y%m%dT%H%M%SZ}"
    assert file.replace("<report id>", report.report_id).replace("<UTC time>", moment) == delivered
    assert manifest == "blobs:cold/<report id>/manifest.json"
