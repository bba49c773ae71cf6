"""What a platform delivers into a bucket of its own: proved where a connection of the project's reaches it."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import time
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management.base import OutputWrapper
from django.utils import timezone

from connections.models import Connection, Project
from connections.platforms.base import Ready, Waiting
from connections.sinks.there import objects_at
from exportadmin.audit.models import AuditEntry
from exportadmin.lib.ids import new_id
from exportadmin.runs import statuses
from exports import actions
from exports.delivery import reading
from exports.delivery.receipt import verify as receipt
from exports.delivery.verify import verify_report
from exports.display.representation import report_json
from exports.management.commands._running import print_report
from exports.models import ExportReport
from exports.models.proof import ATTRIBUTES, CHANGED, EQUAL, UNPROVEN
from exports.register.lines import DELIVERY, lines, register_entries
from exports.run import retention
from exports.run.nightly import to_prove
from exports.spec.spec import ExportSpec
from tests.exports.platform_export.conftest import SHELL, delivered, row, step
from tests.support.s3_store import save_connection

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def put(server, s3_store, s3_folder):
    """What Toy delivers to lies in the store, below ``s3_folder``."""
    client = s3_store.client()

    def write(name: str, content: bytes) -> None:
        bucket, _, prefix = s3_folder.partition("/")
        client.put_object(Bucket=bucket, Key=f"{prefix}{name}", Body=content)

    server.deliver = lambda place, content: write(f"out/export-#{len(server.exports)}.json", content)
    return write


@pytest.fixture
def bucket_connection(mirrored: Project, s3_store, s3_folder) -> Connection:
    """By which the project reaches the bucket."""
    return save_connection(mirrored, s3_store.endpoint, s3_folder, identity="read-only")


@pytest.fixture
def there(ask, put, s3_folder):
    """Request one that Toy delivers itself, below ``s3_folder``."""

    def request(**wanted) -> ExportReport:
        options = {"folder": f"{s3_folder}out/", **wanted.pop("options", {})}
        return ask(where="there", options=options, **wanted)

    return request


def test_what_is_new_there_is_read_hashed_and_proved(server, there, bucket_connection):
    report = step(there(statuses=["review"]))
    assert (report.status, report.error) == (statuses.COMPLETED, "")
    content = server.exports["remote-1"][2]
    (artifact,) = report.artifacts.all()
    assert (artifact.name, artifact.bytes) == ("export-#1.json", len(content))
    assert artifact.sha256 == hashlib.sha256(content).hexdigest()
    values = report.check_values
    assert (values["rows_kept"], values["rows_by_status"], values["files"]) == (2, {"review": 2}, 1)
    assert report_json(report)["made_by"]["proved"] is True
    assert list(delivered(report)) == ["manifest.json"]  # the file stays where it is


def test_it_can_be_downloaded_and_proved_later_through_that_connection(server, there, bucket_connection, put):
    report = step(there())
    artifact = report.artifacts.get()
    with reading.open_delivered(artifact) as file:
        assert file.read() == server.exports["remote-1"][2]
    verdict = verify_report(report)
    assert (verdict.result, verdict.as_delivered) == (EQUAL, True)
    assert report in to_prove(report.created_at)
    put("out/export-#1.json", b"[]")
    assert verify_report(report).result == CHANGED
    assert verify_report(report, how=ATTRIBUTES).result == CHANGED


def test_what_lay_there_before_is_none_of_it(there, bucket_connection, put):
    put("out/export-#0.json", b"older")
    put("out/export-#1.json", b"to be written anew")
    report = step(there())
    assert [artifact.name for artifact in report.artifacts.all()] == ["export-#1.json"]


def test_deliveries_of_ours_below_that_place_are_none_of_it(server, there, bucket_connection, put):
    """They may be another project's, which only shares the bucket."""
    theirs = new_id()
    deliver = server.deliver

    def together(place, content):
        deliver(place, content)
        put(f"out/{theirs}/secret.json", b"[]")
        put(f"out/.{theirs}.1.part", b"")

    server.deliver = together
    assert [artifact.name for artifact in step(there()).artifacts.all()] == ["export-#1.json"]


def test_into_one_place_goes_one_export_at_a_time(server, there, bucket_connection):
    server.looks = [Waiting("Processing"), Ready("Created")]
    first, second = step(there()), step(there())
    assert (second.status, second.remote_id, len(server.exports)) == (statuses.QUEUED, "", 1)
    assert second.error.startswith("another export into s3://")
    for report in (first, second):
        assert step(report).status == statuses.COMPLETED
    assert [report.artifacts.get().name for report in (first, second)] == ["export-#1.json", "export-#2.json"]
    started = AuditEntry.objects.filter(object_id=second.report_id, event="export.started")
    assert started.count() == 1


def test_what_was_cancelled_here_is_waited_for_until_it_is_done_there(server, there, bucket_connection):
    """It goes on there, and its file would be taken for the next one's."""
    server.looks = [Waiting("Processing")] * 2 + [Ready("Created")]
    first = step(there())
    actions.cancel(report=first, actor=SHELL)
    second = step(there())
    assert (second.status, len(server.exports)) == (statuses.QUEUED, 1)
    assert "is still at it (it says 'Processing')" in second.error
    second = step(step(second))
    assert (second.status, second.error) == (statuses.COMPLETED, "")
    assert [artifact.name for artifact in second.artifacts.all()] == ["export-#2.json"]


def test_what_was_cancelled_here_and_is_gone_there_is_not_waited_for(server, there, bucket_connection):
    server.looks = [Waiting("Processing")]
    first = step(there())
    actions.cancel(report=first, actor=SHELL)
    server.exports["another"] = server.exports.pop(first.remote_id)
    server.looks = [Ready("Created")]
    assert step(there()).status == statuses.COMPLETED


def test_more_new_objects_than_one_export_makes_are_said(server, there, bucket_connection, put, monkeypatch):
    monkeypatch.setattr("exports.run.platform_export.MOST_NEW", 2)
    deliver = server.deliver

    def among_others(place, content):
        deliver(place, content)
        for number in range(2):
            put(f"out/stray-{number}.json", b"[]")

    server.deliver = among_others
    report = step(there())
    assert report.status == statuses.FAILED
    assert report.error.startswith("more than 2 objects in s3://")


def test_made_there_with_nothing_new_in_its_place_fails(server, there, bucket_connection):
    server.deliver = lambda place, content: None
    report = step(there())
    assert report.status == statuses.FAILED
    assert report.error.startswith("Toy says 'Created', but nothing in s3://")


def test_rows_that_were_not_asked_for_fail_it(server, there, bucket_connection):
    server.ignored = [row(9, "accepted")]
    report = step(there(statuses=["review"]))
    assert report.status == statuses.FAILED
    assert "f9 (status 'accepted')" in report.error
    assert not report.artifacts.exists()


def test_the_manifest_says_where_the_files_lie(there, bucket_connection, s3_folder):
    report = step(there())
    told = json.loads(delivered(report)["manifest.json"])
    place = f"s3://{s3_folder}out/"
    _, _, prefix = s3_folder.partition("/")
    assert told["made_there"]["place"] == place
    assert told["made_there"]["objects"] == {"export-#1.json": f"{prefix}out/export-#1.json"}
    assert told["made_there"]["proved"] is True


def test_removing_it_leaves_what_the_platform_delivered(there, bucket_connection, s3_store, s3_folder):
    report = step(there())
    actions.remove_files(report=report, actor=SHELL, why="old")
    bucket, _, prefix = s3_folder.partition("/")
    assert s3_store.keys(bucket, prefix) == [f"{prefix}out/export-#1.json"]


def test_an_attempt_that_died_after_publication_is_adopted(there, bucket_connection, monkeypatch):
    from exports.run import platform_export

    report = there()
    with monkeypatch.context() as patch:
        patch.setattr(platform_export, "finish", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            step(report)
    step(report)
    assert (report.status, report.error) == (statuses.COMPLETED, "")
    assert [artifact.name for artifact in report.artifacts.all()] == ["export-#1.json"]


# --- where nothing of ours reaches it --------------------------------------------------------------------------------


def test_the_same_bytes_written_once_more_are_another_version(put, bucket_connection, s3_folder):
    def version() -> str:
        put("out/fixed.json", b"[]")
        (found,) = objects_at(bucket_connection, f"s3://{s3_folder}out/")
        return found.version

    first = version()
    until = time.monotonic() + 30  # the store tells whole seconds
    while version() == first:
        assert time.monotonic() < until


def test_retention_leaves_its_manifest_where_it_is(there, bucket_connection):
    report = step(there())
    retention.retain(timezone.now() + timedelta(days=2))
    assert (list(delivered(report)), verify_report(report).as_delivered) == (["manifest.json"], True)


def test_the_trail_says_where_the_platform_delivered_and_what_nobody_saw(there, bucket_connection, s3_folder):
    proved = step(there())
    bucket_connection.grants.all().delete()
    unseen = step(there())
    details = {
        report: AuditEntry.objects.get(object_id=report.report_id, event="export.completed").details
        for report in (proved, unseen)
    }
    assert [each["delivered_to"] for each in details.values()] == [f"s3://{s3_folder}out/"] * 2
    assert ["proved" in each for each in details.values()] == [False, True]
    lines_of = lines(register_entries({"kind": DELIVERY}))
    assert [(line.report_id, line.is_whole) for line in lines_of] == [
        (unseen.report_id, False),
        (proved.report_id, True),
    ]


def test_where_no_connection_reaches_it_it_is_delivered_and_not_proved(there):
    report = step(there())
    assert (report.status, report.error) == (statuses.COMPLETED, "")
    assert report_json(report)["made_by"]["proved"] is False
    values = report.check_values
    assert (values["rows_kept"], values["files"], values["bytes"]) == (None, None, None)
    assert not report.artifacts.exists()


def test_one_that_is_not_proved_is_unproven_at_each_look(there, s3_folder):
    report = step(there())
    verdict = verify_report(report)
    assert (verdict.result, verdict.as_delivered) == (UNPROVEN, False)
    assert f"delivered to s3://{s3_folder}out/ by the platform itself" in verdict.statement
    assert "not proved" in verdict.statement


def test_its_receipt_says_so_too(there, tmp_path):
    report = step(there())
    folder = tmp_path / "received"
    folder.mkdir()
    for name, content in delivered(report).items():
        (folder / name).write_bytes(content)
    done = subprocess.run([sys.executable, receipt.__file__, str(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "not proved: whoever signed the manifest has not seen the files" in done.stdout
    assert "delivered by toy itself" in done.stderr


def test_a_connection_that_is_not_granted_to_the_project_proves_nothing(there, bucket_connection):
    bucket_connection.grants.all().delete()
    assert report_json(step(there()))["made_by"]["proved"] is False


def test_a_connection_that_was_taken_away_meanwhile_proves_nothing(server, there, bucket_connection):
    server.looks = [Waiting("Processing"), Ready("Created")]
    report = step(there())
    bucket_connection.grants.all().delete()
    step(report)
    assert (report.status, report.error, report.is_proved) == (statuses.COMPLETED, "", False)
    assert not report.artifacts.exists()


def test_the_shell_waits_for_it_and_says_where_it_lies(mirrored, there, bucket_connection, s3_folder):
    spec = ExportSpec.from_json(there().config, mirrored)
    ExportReport.objects.all().delete()
    report = actions.run_now(project=mirrored, spec=spec, actor=SHELL)
    out = OutputWrapper(StringIO())
    print_report(report, out, as_json=False)
    assert f"s3://{s3_folder}out/export-#1.json" in out.getvalue()
    assert "made by toy (its id remote-1); 3 rows, an unknown number of annotations" in out.getvalue()


def test_a_plan_says_before_what_cannot_be_proved(mirrored, s3_folder, server):
    wanted = {"format": "json", "where": "there", "options": {"folder": f"{s3_folder}out/"}}
    spec = ExportSpec.parse({"platform_export": wanted}, mirrored)
    answer = actions.plan_export(project=mirrored, spec=spec, actor=SHELL).answer
    assert answer["files_expected"] == [f"s3://{s3_folder}out/<files of Toy>"]
    assert answer["warnings"][1].endswith("what Toy delivers there cannot be proved")
