"""What runs left is listed by place and taken away when it is old; a place that cannot be reached is said to be so."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from connections.models import Connection, Project
from connections.s3 import client
from connections.sinks.base import ReportKey
from connections.sinks.local import LocalSink
from exportadmin.audit.models import AuditEntry
from exportadmin.lib.errors import PermanentError, TransientError
from exportadmin.lib.ids import new_id
from exportadmin.runs import statuses
from exports.models import ExportReport, SinkSweep
from exports.models.sweep import DRAFT, UNKNOWN
from exports.run import retention
from tests.connections.sinks.blobs import BlobSink
from tests.exportadmin.operations.test_retention import DAY, fill
from tests.exports.delivery import conftest as deliveries
from tests.pages.reports import make_report
from tests.pages.squeezed import page_html
from tests.support import seaweed

home, archive = deliveries.home, deliveries.archive

pytestmark = pytest.mark.django_db(transaction=True)

HOUR = 3600


@pytest.fixture
def dead(members: Project, home: Path) -> str:
    """The id of a report that failed."""
    return make_report(members, status=statuses.FAILED).report_id


def draft(home: Path, project: Project, report_id: str, age: float) -> Path:
    return fill(home / "artifacts" / project.public_id / f".{report_id}.1.part", age=age)


def places() -> dict[str, tuple[list[tuple[str, str]], int, str]]:
    """By name: what lies there, how many were taken away, why it could not be looked at."""
    return {
        sweep.name: ([(one["kind"], one["address"]) for one in sweep.found], sweep.removed, sweep.error)
        for sweep in retention.sweeps()
    }


def test_young_ones_are_listed_and_taken_away_when_they_are_a_day_old(home: Path, members: Project, dead: str):
    path = draft(home, members, dead, age=HOUR)
    retention.retain(timezone.now())
    assert places() == {"This installation": ([(DRAFT, str(path))], 0, "")}
    (listed,) = SinkSweep.objects.get().found
    assert listed["report_id"] == dead and listed["changed_at"] < timezone.now().isoformat()
    later = timezone.now() + timedelta(days=1)
    assert retention.retain(later).addresses[DRAFT] == [str(path)]
    assert places() == {"This installation": ([], 1, "")}
    assert not path.exists()


def test_what_is_under_way_or_of_this_moment_is_not_listed(home: Path, members: Project, dead: str):
    running = make_report(members, status=statuses.RUNNING)
    draft(home, members, running.report_id, age=9 * HOUR)
    draft(home, members, dead, age=60)
    retention.retain(timezone.now())
    assert places() == {"This installation": ([], 0, "")}


def test_a_dry_run_keeps_nothing(home: Path, members: Project, dead: str):
    draft(home, members, dead, age=2 * DAY)
    retention.retain(timezone.now(), dry=True)
    assert not SinkSweep.objects.exists()


def test_a_place_that_cannot_be_reached_is_said_and_stops_no_other(
    home: Path, members: Project, dead: str, archive: Connection, monkeypatch: pytest.MonkeyPatch
):
    path = draft(home, members, dead, age=2 * DAY)
    other = Connection.objects.create(name="Bin", kind=BlobSink.key)
    retention.retain(timezone.now())
    looked = BlobSink.leftovers

    def away(self: BlobSink, older_than: Any) -> Any:
        if self.connection == archive:
            raise TransientError("archive.example.org does not answer")
        return looked(self, older_than)

    monkeypatch.setattr(BlobSink, "leftovers", away)
    Connection.objects.filter(pk=other.pk).update(disabled_at=timezone.now())
    draft(home, members, dead, age=2 * DAY)
    retention.retain(timezone.now())
    assert not path.exists()
    assert places() == {
        "This installation": ([], 1, ""),
        "Archive": ([], 0, "archive.example.org does not answer"),
        "Bin": ([], 0, "the connection is disabled: what was left there is not looked for"),
    }
    Connection.objects.filter(pk=archive.pk).update(deleted_at=timezone.now())
    assert "Archive" not in places()


def test_what_cannot_be_taken_away_is_listed_with_the_reason_and_some_of_it_is_enough(
    home: Path, members: Project, monkeypatch: pytest.MonkeyPatch
):
    for _ in range(5):
        draft(home, members, make_report(members, status=statuses.FAILED).report_id, age=2 * DAY)
    tried = []

    def refuse(self: LocalSink, leftover: Any) -> None:
        tried.append(leftover.address)
        raise PermanentError("the folder is read-only")

    monkeypatch.setattr(LocalSink, "remove_leftover", refuse)
    assert retention.retain(timezone.now()).addresses[DRAFT] == []
    assert len(tried) == retention.MOST_FAILURES
    assert SinkSweep.objects.get().error == "the folder is read-only"
    monkeypatch.setattr(retention, "MOST_FAILURES", 99)
    retention.retain(timezone.now())
    sweep = SinkSweep.objects.get()
    assert (sweep.error, sweep.found_total) == ("", 5)
    assert {found["error"] for found in sweep.found} == {"the folder is read-only"}


def test_what_stays_is_not_told_to_the_trail_as_removed(home: Path, members: Project, monkeypatch: pytest.MonkeyPatch):
    """A published folder of an export that failed all the same."""
    report = make_report(members, status=statuses.FAILED)
    LocalSink(None, {}).begin(ReportKey(report.report_id, members.public_id, 1)).commit(b"{}")

    def refuse(self: LocalSink, leftover: Any) -> None:
        raise PermanentError("the folder is read-only")

    late = timezone.now() + timedelta(seconds=2 * DAY)
    with monkeypatch.context() as broken:
        broken.setattr(LocalSink, "remove_leftover", refuse)
        retention.retain(late)
    assert not AuditEntry.objects.filter(event="artifact.removed").exists()
    retention.retain(late)
    assert AuditEntry.objects.filter(event="artifact.removed").count() == 1


def test_a_long_list_is_cut_and_counted(home: Path, members: Project, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(retention, "MOST_LISTED", 2)
    for _ in range(3):
        draft(home, members, make_report(members, status=statuses.FAILED).report_id, age=HOUR)
    retention.retain(timezone.now())
    sweep = SinkSweep.objects.get()
    assert (len(sweep.found), sweep.found_total) == (2, 3)


# --- a bucket --------------------------------------------------------------------------------------------------------


def test_an_upload_that_nobody_ended_is_listed_and_aborted_and_anothers_stays(
    home: Path, dead: str, saved_s3_connection: Connection, s3_store: seaweed.Store, s3_folder: str
):
    bucket, _, prefix = s3_folder.partition("/")
    plain = s3_store.client()
    wanted = {"kind": "s3", "connection": saved_s3_connection.public_id, "folder": f"{s3_folder}out/"}
    ExportReport.objects.filter(report_id=dead).update(
        config={"destination": wanted}, destination=saved_s3_connection, attempts=1
    )
    mine, unknown = f"{prefix}out/{dead}/rows.json", f"{prefix}out/{new_id()}/rows.json"
    theirs = f"{prefix}out/somebody/elses.bin"
    for key in (mine, unknown, theirs):
        plain.create_multipart_upload(Bucket=bucket, Key=key)
    name = saved_s3_connection.name
    retention.retain(timezone.now() + timedelta(hours=1))
    found, removed, error = places()[name]
    assert {kind: address.rpartition("/out/")[2] for kind, address in found} == {
        DRAFT: f"{dead}/",
        UNKNOWN: unknown.rpartition("/out/")[2].partition("rows")[0],
    }
    assert (removed, error) == (0, "")
    retention.retain(timezone.now() + timedelta(days=1, minutes=1))
    assert sorted(s3_store.uploads(bucket, prefix)) == sorted([unknown, theirs])
    found, removed, _ = places()[name]
    assert ([kind for kind, _ in found], removed) == ([UNKNOWN], 1)


def test_a_bucket_that_is_away_is_said(home: Path, saved_s3_connection: Connection, monkeypatch: pytest.MonkeyPatch):
    config = {**saved_s3_connection.config, "endpoint": "http://127.0.0.1:9", "private_address": "127.0.0.1:9"}
    Connection.objects.filter(pk=saved_s3_connection.pk).update(config=config)
    monkeypatch.setattr(client, "PATIENCE", 0.1)
    retention.retain(timezone.now())
    assert places()["This installation"][2] == ""
    assert places()[saved_s3_connection.name][2] != ""


# --- where it is shown -----------------------------------------------------------------------------------------------


def test_superusers_see_it_on_the_page_and_in_rest_and_nobody_else(
    home: Path, members: Project, dead: str, alice: Any, oscar: Any, monkeypatch: pytest.MonkeyPatch
):
    clients = {}
    for user in (alice, oscar):
        clients[user.username] = Client()
        clients[user.username].force_login(user)
    assert "The worker has not looked yet" in page_html(clients["alice"].get("/health/"))
    path = draft(home, members, dead, age=HOUR)
    retention.retain(timezone.now())
    page = page_html(clients["alice"].get("/health/"))
    assert "Half-made delivery" in page and str(path) in page and "1 thing left" in page
    (told,) = clients["alice"].get("/api/v1/leftovers/").json()["places"]
    assert (told["name"], told["connection_id"], told["found_total"]) == ("This installation", None, 1)
    assert told["found"][0]["address"] == str(path)
    assert clients["oscar"].get("/health/").status_code == 403
    assert clients["oscar"].get("/api/v1/leftovers/").status_code == 403
    assert 'href="/health/"' in page_html(clients["alice"].get("/"))
    assert 'href="/health/"' not in page_html(clients["oscar"].get("/"))
