"""A worker that is killed anywhere between the first part and the commit of the database leaves one dataset, once.

The worker is a fork of this process that kills itself. The places are before and after each request that it sends to
the store, and around the end that it writes. A sample here, 100 kills in ``make soak``.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from datetime import timedelta

import pytest
from django.utils import timezone

from connections.models import Connection
from connections.s3.client import Bucket
from connections.store.upsert import write_rows
from exportadmin.audit.models import AuditEntry
from exportadmin.runs import statuses
from exportadmin.runs.execute import execute
from exportadmin.runs.reaper import reap
from exports.models import ExportReport
from exports.run import pipeline
from tests.support import kills
from tests.support.kills import Places
from tests.support.rows import mixed

pytestmark = pytest.mark.django_db(transaction=True)
KILLS = 100 if os.environ.get("SOAK") else 6
BEFORE, AFTER = "before", "after"


@pytest.fixture
def filled(members):
    """Some MiB of rows: a file of several parts, in ndjson."""
    write_rows(members, mixed(60, source_extra={"text": "x" * 100_000}), now_ms=1_000)
    return members


@pytest.fixture
def request_export(script, filled, saved_s3_connection: Connection, s3_folder: str, home, s3_in_a_hurry):
    destination = {"kind": "s3", "connection": saved_s3_connection.public_id, "folder": s3_folder}
    body = {"project": filled.name, "format": "ndjson", "destination": destination}

    def make() -> ExportReport:
        answer = script.post("reports/", body)
        assert answer.status_code == 202, answer.content
        return ExportReport.objects.get(report_id=answer.json()["report_id"])

    return make


def watched(patch: pytest.MonkeyPatch, deadly: int = 0) -> Places:
    """The places that the run of this process passes from its first part on; it dies at ``deadly``."""
    found = Places(patch, deadly)
    once = Bucket.try_once

    def counted(bucket, action, *rest):
        if not found.passed and action != "upload_part":
            return once(bucket, action, *rest)
        found.reach(f"{BEFORE} {action}")
        answer = once(bucket, action, *rest)
        found.reach(f"{AFTER} {action}")
        return answer

    patch.setattr(Bucket, "try_once", counted)
    found.watch(pipeline, "end", lambda *arguments, **named: "the end")  # within its transaction: it is not committed
    return found


def dies(report: ExportReport, place: int) -> bool:
    """The attempt of a worker that dies at that place, if it gets there; its lease is over then."""

    def act() -> None:
        watched(pytest.MonkeyPatch(), place)
        execute("export", report.pk)

    if not kills.dies(act):
        return False
    ExportReport.objects.filter(pk=report.pk).update(lease_until=timezone.now() - timedelta(minutes=1))
    report.refresh_from_db()
    assert report.status == statuses.RUNNING
    return True


@pytest.fixture
def places(request_export) -> list[str]:
    """Those that a run passes that nobody disturbs."""
    with pytest.MonkeyPatch.context() as patch:
        found = watched(patch)
        report = request_export()
        execute("export", report.pk)
    report.refresh_from_db()
    assert report.status == statuses.COMPLETED, report.error
    assert {"after upload_part", "after complete_multipart_upload", "after put_object", "after the end"} <= {
        *found.passed
    }
    return found.passed


def check_one_dataset(report: ExportReport, s3_store, s3_folder, script) -> None:
    report.refresh_from_db()
    assert report.status == statuses.COMPLETED, report.error
    bucket, _, prefix = s3_folder.partition("/")
    artifact = report.artifacts.get()
    names = [key.removeprefix(prefix) for key in s3_store.keys(bucket, prefix) if report.report_id in key]
    assert names == [f"{report.report_id}/{name}" for name in ("manifest.json", artifact.name)]
    assert s3_store.uploads(bucket, prefix) == []
    assert script.post(f"reports/{report.report_id}/verify/").json()["as_delivered"] is True
    assert AuditEntry.objects.filter(event="export.completed", object_id=report.report_id).count() == 1


def test_killed_anywhere_there_is_one_dataset_one_manifest_and_nothing_left_over(
    places, request_export, s3_store, s3_folder, script
):
    dice = random.Random(20261130)
    ahead = [round(step * (len(places) - 1) / (KILLS - 1)) + 1 for step in range(KILLS)]
    dice.shuffle(ahead)
    done: Counter[str] = Counter()
    while done.total() < KILLS:
        report = request_export()
        first = ahead.pop() if ahead else dice.randint(1, len(places))
        assert dies(report, first)
        done[places[first - 1]] += 1
        # an attempt that adopts what the first one published has the last two places only
        if dice.random() < 0.5 and dies(report, again := dice.choice([1, 2, dice.randint(1, len(places))])):
            done[f"place {again} of a second attempt"] += 1
        execute("export", report.pk)
        check_one_dataset(report, s3_store, s3_folder, script)
    print(f"{done.total()} kills: {dict(sorted(done.items()))}")


def test_killed_between_the_manifest_and_the_marker_it_is_adopted_and_the_marker_goes(
    places, request_export, s3_store, s3_folder, script
):
    report = request_export()
    assert dies(report, places.index("before delete_object") + 1)
    bucket, _, prefix = s3_folder.partition("/")
    (manifest,) = (key for key in s3_store.keys(bucket, prefix) if key.endswith(f"{report.report_id}/manifest.json"))
    execute("export", report.pk)
    adopted = s3_store.client().head_object(Bucket=bucket, Key=manifest)
    assert adopted["Metadata"]["attempt"] == "1", "the first attempt's, not made anew"
    check_one_dataset(report, s3_store, s3_folder, script)


def test_killed_and_then_cancelled_nothing_is_there(places, request_export, s3_store, s3_folder, script):
    for what in ("after upload_part", "after complete_multipart_upload", "before the end"):
        report = request_export()
        assert dies(report, places.index(what) + 1)
        script.post(f"reports/{report.report_id}/cancel/")
        reap()
        report.refresh_from_db()
        bucket, _, prefix = s3_folder.partition("/")
        assert report.status == statuses.CANCELLED
        assert [key for key in s3_store.keys(bucket, prefix) if report.report_id in key] == []
        assert s3_store.uploads(bucket, prefix) == []
