"""Old files go, reports and the trail stay, and nothing goes that somebody needs."""

from __future__ import annotations

import json
import os
import time
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import OperationalError
from django.utils import timezone

from exportadmin.audit.models import AuditEntry
from exportadmin.lib.ids import new_id
from exportadmin.runs import statuses
from exports.delivery.destination import delivery_of
from exports.delivery.verify import read_whole
from exports.models import ExportReport
from exports.models.sweep import DRAFT, FOLDER, UNKNOWN
from exports.run import retention
from tests.pages.reports import make_report
from tests.support.deliveries import delivery_folder

pytestmark = pytest.mark.django_db(transaction=True)

DAY = 24 * 3600


@pytest.fixture
def artifacts(settings, tmp_path: Path) -> Path:
    """Artifacts and spools of this test only."""
    settings.EXPORTADMIN_HOME = tmp_path
    settings.ARTIFACTS_DIR = tmp_path / "artifacts"
    settings.RETENTION_DAYS = 30
    settings.ARTIFACTS_DIR.mkdir()
    return settings.ARTIFACTS_DIR


def folder_of(report: ExportReport, artifacts: Path) -> Path:
    return artifacts / report.project.public_id / report.report_id


def fill(folder: Path, *, age: float = 0.0, manifest: bool = True) -> Path:
    folder.mkdir(parents=True)
    for name in ("rows.json", *(["manifest.json"] if manifest else [])):
        (folder / name).write_text("[]")
    return touch(folder, age)


def touch(folder: Path, age: float) -> Path:
    when = time.time() - age
    for path in (*folder.iterdir(), folder):
        os.utime(path, (when, when))
    return folder


@pytest.fixture
def deliver(project, artifacts):
    """A delivered report, its files in the place where the pipeline puts them, ended ``days`` ago."""

    def make(days: float, **values) -> ExportReport:
        ended = timezone.now() - timedelta(days=days)
        report = make_report(project, **{"status": statuses.COMPLETED, "finished_at": ended, **values})
        if not report.location:
            fill(folder_of(report, artifacts), age=days * DAY)
            report.location = f"{project.public_id}/{report.report_id}"
            report.save()
        return report

    return make


def removed(report: ExportReport) -> bool:
    report.refresh_from_db()
    gone = not delivery_folder(report).exists()
    assert gone == (report.files_removed_at is not None)
    return gone


# --- deliveries that are old enough ----------------------------------------------------------------------------------


def test_old_files_go_and_the_report_says_when_and_why(deliver):
    old, young = deliver(30.1), deliver(29.9)
    assert retention.remove_expired(timezone.now()) == 1
    assert (removed(old), removed(young)) == (True, False)
    assert old.files_removed_why == "older than 30 days"
    assert old.status == statuses.COMPLETED
    (entry,) = AuditEntry.objects.filter(event="export.deleted")
    assert (entry.object_id, entry.actor_kind, entry.channel) == (old.report_id, "system", "retention")


def test_partial_deliveries_go_too(deliver):
    assert removed(deliver(5)) is False
    partial = deliver(31, status=statuses.PARTIAL)
    assert retention.remove_expired(timezone.now()) == 1
    assert removed(partial)


def test_again_there_is_nothing_to_do(deliver):
    deliver(31)
    assert [retention.remove_expired(timezone.now()) for _ in range(2)] == [1, 0]
    assert AuditEntry.objects.filter(event="export.deleted").count() == 1


def test_zero_days_is_for_ever(deliver, settings):
    settings.RETENTION_DAYS = 0
    old = deliver(4000)
    assert retention.remove_expired(timezone.now()) == 0
    assert not removed(old)


def test_what_was_delivered_into_somebodys_own_folder_is_theirs(deliver, tmp_path):
    theirs = fill(tmp_path / "theirs", age=99 * DAY)
    config = {"format": "json", "destination": {"kind": "local", "folder": str(theirs)}}
    report = deliver(99, location=str(theirs), config=config, is_ours=False)
    assert retention.remove_expired(timezone.now()) == 0
    assert retention.retain(timezone.now()).addresses[FOLDER] == []
    assert not removed(report)


def test_many_old_ones_go_batch_by_batch(deliver, monkeypatch):
    monkeypatch.setattr(retention, "BATCH", 2)
    reports = [deliver(31) for _ in range(5)]
    assert retention.remove_expired(timezone.now()) == 5
    assert all(removed(report) for report in reports)


def test_when_the_trail_cannot_be_written_no_file_goes(deliver, monkeypatch):
    old = deliver(31)

    def refuse(*args, **kwargs):
        raise OperationalError("no INSERT")

    monkeypatch.setattr("exportadmin.audit.record.record", refuse)
    with pytest.raises(OperationalError):
        retention.remove_expired(timezone.now())
    assert not removed(old)


def test_one_that_somebody_else_removed_meanwhile_is_passed_over(deliver, monkeypatch):
    first, second = deliver(31), deliver(31)
    original = retention.actions.remove_files

    def racing(*, report, actor, why):
        if report.pk == first.pk:
            original(report=report, actor=actor, why="by hand")
        return original(report=report, actor=actor, why=why)

    monkeypatch.setattr(retention.actions, "remove_files", racing)
    assert retention.remove_expired(timezone.now()) == 1
    assert removed(first)
    assert removed(second)
    assert first.files_removed_why == "by hand"


# --- what lies about -------------------------------------------------------------------------------------------------


def sweep(kind: str) -> list[Path]:
    return [Path(address) for address in retention.retain(timezone.now()).addresses[kind]]


def test_a_delivery_that_is_kept_is_never_swept_away(deliver):
    kept = deliver(20)
    assert sweep(FOLDER) == []
    assert not removed(kept)


def test_an_installation_that_was_moved_keeps_and_finds_its_deliveries(deliver, artifacts, settings, tmp_path):
    report = deliver(20)
    settings.ARTIFACTS_DIR = artifacts.rename(tmp_path / "elsewhere")
    assert sweep(FOLDER) == []
    assert (delivery_folder(report) / "rows.json").exists()
    assert read_whole(delivery_of(report), "rows.json") == b"[]"


@pytest.mark.parametrize("status", [statuses.FAILED, statuses.ERRORED, statuses.CANCELLED])
def test_a_folder_of_a_report_that_was_never_delivered_goes_after_a_day(project, artifacts, status):
    young, old = (make_report(project, status=status) for _ in range(2))
    fill(folder_of(young, artifacts), age=0.9 * DAY)
    path = fill(folder_of(old, artifacts), age=1.1 * DAY)
    assert sweep(FOLDER) == [path]
    assert not path.exists()
    assert folder_of(young, artifacts).exists()
    (entry,) = AuditEntry.objects.filter(event="artifact.removed")
    assert (entry.object_id, entry.project_id) == (old.report_id, project.public_id)


@pytest.mark.parametrize("status", [statuses.QUEUED, statuses.RUNNING])
def test_nothing_of_an_active_report_goes_however_old(project, artifacts, status, tmp_path):
    report = make_report(project, status=status)
    paths = [
        fill(folder_of(report, artifacts), age=9 * DAY),
        fill(artifacts / project.public_id / f".{report.report_id}.2.part", age=9 * DAY),
        fill(tmp_path / "scratch" / f"{report.report_id}.2", age=9 * DAY),
    ]
    found = retention.retain(timezone.now())
    assert all(not each for each in found.addresses.values())
    assert all(path.exists() for path in paths)


def test_a_folder_that_was_to_go_when_the_machine_died_goes_now(deliver):
    report = deliver(10)
    ExportReport.objects.filter(pk=report.pk).update(files_removed_at=timezone.now())
    assert sweep(FOLDER) == [delivery_folder(report)]
    assert not delivery_folder(report).exists()


def test_drafts_and_spools_of_dead_runs_go_after_a_day(project, artifacts, tmp_path):
    report = make_report(project, status=statuses.FAILED)
    old = {
        DRAFT: fill(artifacts / project.public_id / f".{report.report_id}.1.part", age=2 * DAY),
        retention.SCRATCH: fill(tmp_path / "scratch" / f"{new_id()}.1", age=2 * DAY),
    }
    young = fill(tmp_path / "scratch" / f"{new_id()}.1")
    found = retention.retain(timezone.now())
    assert {kind: there for kind, there in found.addresses.items() if there} == {
        kind: [str(path)] for kind, path in old.items()
    }
    assert not any(path.exists() for path in old.values())
    assert young.exists()


def test_a_file_that_was_written_lately_makes_its_folder_young(artifacts, project, tmp_path):
    path = fill(tmp_path / "scratch" / f"{new_id()}.1", age=9 * DAY)
    os.utime(path / "rows.json")
    assert sweep(retention.SCRATCH) == []


def test_a_folder_of_no_report_goes_unless_it_is_a_whole_delivery(artifacts, project):
    """A whole delivery that the database does not know: the wrong database, or an old backup of the right one."""
    half = fill(artifacts / project.public_id / new_id(), age=9 * DAY, manifest=False)
    whole = fill(artifacts / project.public_id / new_id(), age=9 * DAY)
    found = retention.retain(timezone.now())
    assert found.addresses[FOLDER] == [str(half)]
    assert found.addresses[UNKNOWN] == [str(whole)]
    assert not half.exists()
    assert whole.exists()


def test_what_is_not_named_by_us_is_not_ours(artifacts, project, tmp_path):
    names = ["lost+found", "notes", new_id()[:-1], new_id().upper(), f"{new_id()}.bak", f".{new_id()}.part"]
    others = [fill(artifacts / project.public_id / name, age=99 * DAY, manifest=False) for name in names]
    others += [fill(artifacts / "by hand" / new_id(), age=99 * DAY, manifest=False)]
    assert all(not each for each in retention.retain(timezone.now()).addresses.values())
    assert all(path.exists() for path in others)


def test_a_link_is_not_followed(artifacts, project, tmp_path):
    theirs = fill(tmp_path / "theirs", age=99 * DAY, manifest=False)
    (artifacts / project.public_id).mkdir()
    (artifacts / project.public_id / new_id()).symlink_to(theirs)
    (artifacts / new_id()).symlink_to(tmp_path)
    assert all(not each for each in retention.retain(timezone.now()).addresses.values())
    assert (theirs / "rows.json").exists()


def test_without_any_folder_there_is_nothing_to_do(artifacts):
    artifacts.rmdir()
    assert all(not each for each in retention.retain(timezone.now()).addresses.values())


# --- the doors -------------------------------------------------------------------------------------------------------


def test_a_dry_run_says_the_same_and_does_nothing(deliver, artifacts, project, tmp_path, capsys):
    old = deliver(31)
    failed = make_report(project, status=statuses.FAILED)
    fill(folder_of(failed, artifacts), age=9 * DAY)
    fill(tmp_path / "scratch" / f"{new_id()}.1", age=9 * DAY)
    before = sorted(tmp_path.rglob("*"))
    call_command("retain", "--dry-run", "--json")
    told = json.loads(capsys.readouterr().out)
    assert (told.pop("dry_run"), told.pop("retention_days")) == (True, 30)
    assert sorted(tmp_path.rglob("*")) == before
    assert not removed(old)
    assert not AuditEntry.objects.filter(event__in=["export.deleted", "artifact.removed"]).exists()
    call_command("retain", "--json")
    done = json.loads(capsys.readouterr().out)
    assert {kind: done[kind] for kind in told} == told
    assert told["expired"] == [str(delivery_folder(old))]
    assert len(told["folder"]) == len(told["scratch"]) == 1


def test_the_command_says_what_it_took_away(deliver, artifacts, project, capsys):
    old = deliver(31)
    whole = fill(artifacts / project.public_id / new_id(), age=9 * DAY)
    call_command("retain")
    assert capsys.readouterr().out.splitlines() == [
        f"files of an old delivery: {delivery_folder(old)}",
        f"kept: a delivery that the database does not know: {whole}",
        "1 removed",
    ]


def test_the_worker_does_a_little_at_a_time_and_then_rests_for_an_hour(deliver, monkeypatch):
    reports = [deliver(31) for _ in range(3)]
    clock = [1000.0]
    monkeypatch.setattr(retention.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(retention, "SLICE_SECONDS", -1.0)  # every step is too long
    hourly = retention.Hourly()
    gone = []
    for _ in range(5):
        hourly.tick()
        gone.append(sum(removed(report) for report in reports))
    assert gone == [1, 2, 3, 3, 3]
    late = deliver(31)
    clock[0] += retention.EVERY_SECONDS - 1
    hourly.tick()
    assert not removed(late)
    clock[0] += 2
    hourly.tick()
    assert removed(late)


def test_a_failure_does_not_end_the_worker_and_an_outage_is_told_to_it(deliver, monkeypatch, caplog):
    deliver(31)

    def fail(error: Exception):
        def remove(**_):
            raise error

        return remove

    monkeypatch.setattr(retention.actions, "remove_files", fail(OSError("disk")))
    retention.Hourly().tick()
    assert "retention stopped" in caplog.text
    monkeypatch.setattr(retention.actions, "remove_files", fail(OperationalError("away")))
    with pytest.raises(OperationalError):
        retention.Hourly().tick()
