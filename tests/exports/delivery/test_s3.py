"""What is delivered into a bucket is downloaded, linked, read, converted, verified, kept and removed as from here.

The store is a real one; it is looked at past everything of ours.
"""

from __future__ import annotations

import hashlib
import zipfile
from datetime import timedelta
from io import BytesIO

import pytest
from django.test import Client
from django.utils import timezone

from connections.connection_actions import change_connection
from connections.models import Connection
from connections.sinks.base import ReportKey
from connections.sinks.s3 import S3Sink
from exportadmin.audit.models import AuditEntry
from exportadmin.lib.errors import ConflictError
from exportadmin.lib.ids import new_id
from exportadmin.runs import statuses
from exportadmin.runs.execute import execute
from exportadmin.runs.reaper import reap
from exports import actions, delivery_actions
from exports.formats import FORMATS, formats_of_projects
from exports.models import Download, ExportReport
from exports.results.search import search
from exports.run import retention
from tests.exports.delivery.conftest import ROWS
from tests.rest.world import SHELL, whole
from tests.support import seaweed
from tests.support.s3_store import save_connection

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def destination(saved_s3_connection: Connection, s3_folder: str, home) -> dict[str, str]:
    return {"kind": "s3", "connection": saved_s3_connection.public_id, "folder": f"s3://{s3_folder}out/"}


@pytest.fixture
def report(destination, deliver) -> ExportReport:
    done = deliver(destination)
    assert done.status == statuses.COMPLETED, done.error
    return done


@pytest.fixture
def keys(s3_store: seaweed.Store, s3_folder: str):
    """What lies in the store, by names below the test's folder."""
    bucket, _, prefix = s3_folder.partition("/")

    def listed() -> list[str]:
        assert s3_store.uploads(bucket, prefix) == []
        return [key.removeprefix(prefix) for key in s3_store.keys(bucket, prefix)]

    return listed


def test_it_lies_in_its_own_folder_with_its_manifest_and_tells_what_it_is(
    report, saved_s3_connection, keys, s3_store, s3_folder, home
):
    artifact = report.artifacts.get()
    bucket, _, prefix = s3_folder.partition("/")
    assert report.location == f"{s3_folder}out/{report.report_id}"
    assert report.config["destination"]["folder"] == f"{s3_folder}out/"
    assert keys() == [f"out/{report.report_id}/{name}" for name in ("manifest.json", artifact.name)]
    found = s3_store.client().get_object(Bucket=bucket, Key=f"{prefix}out/{report.report_id}/{artifact.name}")
    assert hashlib.sha256(found["Body"].read()).hexdigest() == artifact.sha256
    assert found["ContentType"] == artifact.media_type
    assert found["Metadata"] == {"report-id": report.report_id, "attempt": "1", "sha256": artifact.sha256}
    assert not list((home / "artifacts").rglob("*"))


@pytest.mark.one_database
@pytest.mark.parametrize("format", sorted(formats_of_projects()))
def test_every_format_is_delivered_read_back_verified_linked_and_ranged(destination, deliver, script, pages, format):
    report, here = deliver(destination, format=format), deliver(format=format)
    assert report.status == statuses.COMPLETED, report.error
    artifact = report.artifacts.get()
    if not FORMATS[format].prints_report:
        assert (artifact.bytes, artifact.sha256) == (here.artifacts.get().bytes, here.artifacts.get().sha256)
    body = whole(pages.get(f"/exports/{report.report_id}/files/{artifact.name}/"))
    assert hashlib.sha256(body).hexdigest() == artifact.sha256
    verdict = script.post(f"reports/{report.report_id}/verify/").json()
    assert (verdict["ok"], verdict["as_delivered"], verdict["files"]) == (True, True, 1)
    part = script.get(f"artifacts/{artifact.public_id}/download/", headers={"Range": "bytes=100-199"})
    # pictures have no transcript: that manifest is empty
    assert (part.status_code, whole(part)) == (206, body[100:200]) if body else part.status_code == 416
    url = script.post(f"artifacts/{artifact.public_id}/links/", {"one_time": True}).json()["url"]
    assert whole(Client().get(f"{url}/file".replace("//file", "/file"))) == body
    if format == "png":
        assert zipfile.ZipFile(BytesIO(body)).testzip() is None


def test_it_is_previewed_searched_compared_and_converted(report, deliver, script, pages, keys):
    assert "row-00000" in pages.get(f"/exports/{report.report_id}/preview/").content.decode()
    assert search("row-00003", projects=None).exports == 1
    other = deliver(statuses=["accepted"])
    found = delivery_actions.compare_rows(older=report, newer=other, actor=SHELL)
    assert (found.removed, found.unchanged) == (ROWS - other.rows_done, other.rows_done)
    lines = whole(script.get(f"reports/{report.report_id}/rows/")).splitlines(keepends=True)
    assert whole(script.get(f"reports/{report.report_id}/rows/", {"line": 31, "limit": 2})) == b"".join(lines[31:33])
    body = {"format": "csv", "destination": report.config["destination"]}
    answer = script.post(f"reports/{report.report_id}/convert/", body)
    assert answer.status_code == 202, answer.content
    converted = ExportReport.objects.get(report_id=answer.json()["report_id"])
    execute("export", converted.pk)
    converted.refresh_from_db()
    assert converted.status == statuses.COMPLETED, converted.error
    assert (converted.rows_done, converted.destination) == (ROWS, report.destination)
    assert len(keys()) == 4


def test_removed_by_age_its_objects_are_gone(report, keys, script):
    ExportReport.objects.filter(pk=report.pk).update(finished_at=timezone.now() - timedelta(days=31))
    assert retention.retain(timezone.now()).addresses[retention.EXPIRED] == [f"s3://{report.location}/"]
    assert keys() == []
    assert AuditEntry.objects.filter(event="export.deleted", object_id=report.report_id).exists()
    assert script.get(f"artifacts/{report.artifacts.get().public_id}/download/").status_code == 410


def test_an_object_that_was_replaced_is_handed_out_by_nobody(report, script, s3_store, s3_folder):
    artifact = report.artifacts.get()
    bucket, _, prefix = s3_folder.partition("/")
    key = f"{prefix}out/{report.report_id}/{artifact.name}"
    s3_store.client().put_object(Bucket=bucket, Key=key, Body=b"x" * artifact.bytes)
    assert script.get(f"artifacts/{artifact.public_id}/download/").status_code == 410
    verdict = script.post(f"reports/{report.report_id}/verify/").json()
    assert (verdict["ok"], artifact.name in verdict["problems"][0]) == (False, True)


def test_a_store_that_does_not_answer_is_no_missing_file(report, script, pages, s3_store, seaweed_silent):
    artifact = report.artifacts.get()
    answer = script.get(f"artifacts/{artifact.public_id}/download/")
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert "does not answer" in answer.json()["detail"]
    page = pages.get(f"/exports/{report.report_id}/files/{artifact.name}/")
    assert (page.status_code, "does not answer" in page.content.decode()) == (503, True)
    report.refresh_from_db()
    assert report.altered_at is None


@pytest.fixture
def seaweed_silent(report, saved_s3_connection, monkeypatch) -> None:
    """From now on the connection leads to a port where nobody listens."""
    from connections.s3 import client

    monkeypatch.setattr(client, "FIRST_PAUSE", 0.001)
    monkeypatch.setattr(client, "LONGEST_PAUSE", 0.001)
    (port,) = seaweed.free_ports(1)
    address = f"127.0.0.1:{port}"
    saved_s3_connection.config |= {"endpoint": f"http://{address}", "private_address": address}
    saved_s3_connection.save()


@pytest.fixture
def killed(destination, dies_before_its_end) -> ExportReport:
    """A run that died between publication and commit, its lease long over."""
    return dies_before_its_end(destination)


def test_published_before_its_worker_died_it_is_adopted(killed, script, keys):
    published = keys()
    execute("export", killed.pk)
    killed.refresh_from_db()
    assert (killed.status, killed.attempts) == (statuses.COMPLETED, 2), killed.error
    assert keys() == published
    assert script.post(f"reports/{killed.report_id}/verify/").json()["ok"] is True


def test_cancelled_after_publication_it_is_taken_back(killed, script, keys):
    assert len(keys()) == 2
    script.post(f"reports/{killed.report_id}/cancel/")
    reap()
    killed.refresh_from_db()
    assert (killed.status, keys()) == (statuses.CANCELLED, [])


def swept() -> retention.Summary:
    """By the retention of the day after tomorrow."""
    return retention.retain(timezone.now() + timedelta(days=2), days=0)


def dead(project, connection: Connection, destination) -> ExportReport:
    """A report that failed, on its way there."""
    config = {"destination": {**destination, "folder": destination["folder"].removeprefix("s3://")}}
    return ExportReport.objects.create(
        project=project, name="x", config=config, destination=connection, status=statuses.FAILED, attempts=1
    )


def test_drafts_that_the_database_does_not_know_are_somebody_elses(
    destination, saved_s3_connection, keys, filled, s3_folder
):
    failed, others = dead(filled, saved_s3_connection, destination), new_id()
    sink = S3Sink(saved_s3_connection, {"folder": f"{s3_folder}out/"})
    for report_id in (failed.report_id, others):
        sink.begin(ReportKey(report_id, filled.public_id, 1)).open_file("rows", "text/plain").write(b"x")
    found = swept()
    assert found.addresses[retention.DRAFT] == [f"s3://{s3_folder}out/{failed.report_id}/"]
    assert found.addresses[retention.UNKNOWN] == [f"s3://{s3_folder}out/{others}/"]
    assert keys() == [f"out/.{others}.1.part"]


def test_what_others_copy_or_reach_by_another_connection_stays(
    report, saved_s3_connection, keys, members, s3_store, s3_folder
):
    bucket, _, prefix = s3_folder.partition("/")
    save_connection(members, s3_store.endpoint, f"{s3_folder}out/")  # leads to the same place
    store, name = s3_store.client(), report.artifacts.get().name
    for copied in (name, "manifest.json"):
        source = {"Bucket": bucket, "Key": f"{prefix}out/{report.report_id}/{copied}"}
        store.copy_object(Bucket=bucket, Key=f"{prefix}kept/{report.report_id}/{copied}", CopySource=source)
        if copied == name:
            store.copy_object(Bucket=bucket, Key=f"{prefix}alone/{report.report_id}/{copied}", CopySource=source)
    before = keys()
    found = swept()
    assert found.addresses[retention.DRAFT] == found.addresses[retention.FOLDER] == []
    store.delete_object(Bucket=bucket, Key=f"{prefix}out/{report.report_id}/manifest.json")
    swept()  # what is left of a delivery is no draft
    assert keys() == [key for key in before if key != f"out/{report.report_id}/manifest.json"]


@pytest.mark.parametrize(
    ("folder", "words"),
    [
        ("out", "does not end with a slash"),
        ("other-bucket/out/", "is in bucket 'other-bucket', but the connection reaches"),
        ("{bucket}/elsewhere/", "is outside of the connection's prefix; begin it {bucket}/"),
        ("{folder}../x/", "has '..' in it"),
        ("{folder}a//b/", "has two slashes in a row"),
        ("/{folder}", "begins with a slash"),
        ("https://{folder}", "is a URL of something else"),
        ("{folder}" + "x" * 800 + "/", "bytes after the bucket's name; at most"),
        ("{folder}a\x07/", "a control character"),
    ],
)
def test_a_folder_that_is_none_is_refused_in_words(saved_s3_connection, script, filled, s3_folder, folder, words):
    bucket = s3_folder.partition("/")[0]
    wanted = folder.replace("{folder}", s3_folder).replace("{bucket}", bucket)
    to = {"kind": "s3", "connection": saved_s3_connection.public_id, "folder": wanted}
    answer = script.post("reports/", {"project": filled.name, "format": "json", "destination": to})
    assert (answer.status_code, answer.json()["field"]) == (400, "destination")
    assert words.replace("{bucket}", bucket) in answer.json()["detail"]
    assert not ExportReport.objects.exists()


# --- handed over to the store ----------------------------------------------------------------------------------------


@pytest.fixture
def handed_over(report, saved_s3_connection) -> ExportReport:
    """The connection allows it. Its endpoint is that of a store with TLS, which only a browser would reach."""
    from connections.s3 import client

    saved_s3_connection.config["presigned_downloads"] = True
    saved_s3_connection.save()
    bucket = client.open_bucket(saved_s3_connection)
    assert bucket.gives_urls is False  # without TLS everybody on the way could read along
    bucket.gives_urls = True
    return report


def test_where_the_connection_allows_it_the_store_itself_hands_it_out(handed_over, script, pages):
    import urllib.request

    artifact = handed_over.artifacts.get()
    answer = pages.get(f"/exports/{handed_over.report_id}/files/{artifact.name}/")
    assert (answer.status_code, answer["Referrer-Policy"]) == (302, "no-referrer")
    with urllib.request.urlopen(answer["Location"], timeout=30) as served:
        assert hashlib.sha256(served.read()).hexdigest() == artifact.sha256
        assert served.headers["Content-Disposition"] == f'attachment; filename="{artifact.name}"'
    assert "X-Amz-Expires=60" in answer["Location"]
    download = Download.objects.get()
    assert (download.ending, download.bytes_sent, download.ending_text) == ("handed over", 0, "Handed over")
    entry = AuditEntry.objects.get(event="artifact.downloaded")
    assert entry.details["ending"] == "handed over"
    url = script.post(f"artifacts/{artifact.public_id}/links/", {}).json()["url"]
    assert Client().get(f"{url}/file".replace("//file", "/file")).status_code == 302


def test_a_one_time_link_hands_out_here_what_it_counts(handed_over, script):
    artifact = handed_over.artifacts.get()
    url = script.post(f"artifacts/{artifact.public_id}/links/", {"one_time": True}).json()["url"]
    address = f"{url}/file".replace("//file", "/file")
    assert hashlib.sha256(whole(Client().get(address))).hexdigest() == artifact.sha256
    assert Client().get(address).status_code == 410


def test_its_connection_cannot_be_led_to_another_bucket_while_files_lie_there(report, saved_s3_connection, keys):
    """Nobody would find them any more, nor take them away."""
    with pytest.raises(ConflictError, match=r"bucket cannot be changed: .*\(1 delivered export") as refused:
        change_connection(connection=saved_s3_connection, config={"bucket": "elsewhere"}, actor=SHELL)
    assert refused.value.field == "config.bucket"
    actions.remove_files(report=report, actor=SHELL, why="moved")
    assert keys() == []
    changed = change_connection(connection=saved_s3_connection, config={"bucket": "elsewhere"}, actor=SHELL)
    assert changed.config["bucket"] == "elsewhere"
