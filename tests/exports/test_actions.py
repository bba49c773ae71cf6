"""The verbs: keys that make one run of many requests, cancel, retry, links, files taken away; refusals are recorded."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from connections.access.models import Membership
from connections.sinks.local import LocalDraft
from connections.store.upsert import write_rows
from exportadmin.audit.models import AuditEntry
from exportadmin.lib.actor import Actor
from exportadmin.lib.errors import ConflictError, DeniedError, NotFoundError, UserError
from exportadmin.runs import lease as lease_module
from exportadmin.runs import statuses
from exportadmin.runs.execute import carry_out
from exportadmin.runs.lease import claim
from exports import actions
from exports.delivery.verify import verify_report
from exports.formats import FORMATS
from exports.models import ExportReport
from exports.run import pipeline
from exports.spec.plan import plan
from exports.spec.spec import ExportSpec
from tests.support.deliveries import delivery_folder
from tests.support.rows import mixed

pytestmark = pytest.mark.django_db(transaction=True)


def person(user, channel="rest") -> Actor:
    return Actor(kind="user", name=user.username, channel=channel, user_id=user.pk)


@pytest.fixture
def filled(members, tmp_path, settings):
    settings.ARTIFACTS_DIR = tmp_path / "artifacts"
    write_rows(members, mixed(30), now_ms=1_000)
    return members


@pytest.fixture
def spec(filled) -> ExportSpec:
    return ExportSpec.parse({"format": "ndjson", "statuses": ["review"]}, filled)


def last_entry() -> AuditEntry:
    return AuditEntry.objects.order_by("-sequence")[0]


def test_a_stranger_is_told_nothing_and_a_reviewer_is_told_no_and_both_are_recorded(filled, spec, mallory, rita):
    with pytest.raises(NotFoundError):
        actions.request_export(project=filled, spec=spec, actor=person(mallory))
    assert (last_entry().outcome, last_entry().actor_name) == ("refused", mallory.username)
    with pytest.raises(DeniedError, match="may not start in project"):
        actions.request_export(project=filled, spec=spec, actor=person(rita))
    assert (last_entry().event, last_entry().outcome) == ("export.requested", "refused")
    assert not ExportReport.objects.exists()


def test_the_same_key_gives_the_same_report_and_another_request_with_it_is_refused(filled, spec, oscar):
    first = actions.request_export(project=filled, spec=spec, actor=person(oscar), idempotency_key="nightly-1")
    again = actions.request_export(project=filled, spec=spec, actor=person(oscar), idempotency_key="nightly-1")
    assert first.pk == again.pk
    assert ExportReport.objects.count() == 1
    other = ExportSpec.parse({"format": "csv"}, filled)
    with pytest.raises(ConflictError, match="was used for another request"):
        actions.request_export(project=filled, spec=other, actor=person(oscar), idempotency_key="nightly-1")


def test_keys_belong_to_the_one_who_uses_them(filled, spec, oscar, alice):
    one = actions.request_export(project=filled, spec=spec, actor=person(oscar), idempotency_key="k")
    two = actions.request_export(project=filled, spec=spec, actor=person(alice), idempotency_key="k")
    assert one.pk != two.pk


@pytest.mark.parametrize("key", ["", "x" * 256, "a\nb"])
def test_a_key_that_is_none_is_refused(filled, spec, oscar, key):
    with pytest.raises(UserError, match="idempotency key has 1 to 255"):
        actions.request_export(project=filled, spec=spec, actor=person(oscar), idempotency_key=key)


def test_a_queued_export_is_cancelled_at_once_and_an_ended_one_cannot_be(filled, spec, oscar):
    report = actions.request_export(project=filled, spec=spec, actor=person(oscar))
    assert actions.cancel(report=report, actor=person(oscar)).status == statuses.CANCELLED
    assert actions.cancel(report=report, actor=person(oscar)).status == statuses.CANCELLED, "twice is no error"
    done = actions.run_now(project=filled, spec=spec, actor=person(oscar))
    with pytest.raises(ConflictError, match="is completed already"):
        actions.cancel(report=done, actor=person(oscar))


@pytest.mark.parametrize("phase", ["reading", "finishing", "publishing"])
def test_a_running_export_obeys_in_every_phase_and_leaves_nothing(filled, spec, oscar, monkeypatch, phase):
    report = actions.request_export(project=filled, spec=spec, actor=person(oscar))
    lease = claim(ExportReport, report.pk)
    # it looks once a second: nobody has to wait for that here. Before it publishes it looks in any case
    monkeypatch.setattr(lease_module, "CHECK_SECONDS", 3_600.0 if phase == "publishing" else 0.0)

    def cancel_now(*args, **kwargs):
        actions.cancel(report=report, actor=person(oscar))

    if phase == "reading":
        real = pipeline.RowFilter.apply
        monkeypatch.setattr(pipeline.RowFilter, "apply", lambda self, batch: (cancel_now(), real(self, batch))[1])
    elif phase == "finishing":
        writer = FORMATS.pick(spec.format)
        real = writer.footer
        monkeypatch.setattr(writer, "footer", lambda self: (cancel_now(), real(self))[1])
    else:
        real = pipeline.CheckValueCounter.result
        monkeypatch.setattr(pipeline.CheckValueCounter, "result", lambda self, *a: (cancel_now(), real(self, *a))[1])
    with lease:
        carry_out(lease)
    report.refresh_from_db()
    assert report.status == statuses.CANCELLED
    assert last_entry().event == "export.cancelled"
    assert [path for path in Path(settings.ARTIFACTS_DIR).rglob("*") if path.is_file()] == []


def test_permission_is_asked_again_when_the_run_starts(filled, spec, oscar):
    report = actions.request_export(project=filled, spec=spec, actor=person(oscar))
    Membership.objects.filter(user=oscar).delete()
    with claim(ExportReport, report.pk) as lease:
        report.refresh_from_db()
        carry_out(lease)
    report.refresh_from_db()
    assert report.status == statuses.FAILED
    assert report.error.startswith(f"{oscar.username} may no longer run exports")


def test_a_retry_is_a_new_report_with_the_same_frozen_description(filled, spec, oscar):
    active = actions.request_export(project=filled, spec=spec, actor=person(oscar))
    with pytest.raises(ConflictError, match="still queued"):
        actions.retry(report=active, actor=person(oscar))
    actions.cancel(report=active, actor=person(oscar))
    again = actions.retry(report=active, actor=person(oscar))
    assert again.pk != active.pk
    assert again.retry_of_id == active.pk
    assert again.config == active.config


def test_a_delivery_that_was_published_before_its_worker_died_is_adopted_not_repeated(filled, spec, oscar, monkeypatch):
    """Killed after publication, before the commit: the next attempt finds the delivery and finishes the report."""
    report = actions.request_export(project=filled, spec=spec, actor=person(oscar))

    class PowerCut(BaseException):
        """As good as a kill: nothing in the pipeline catches it."""

    def dies(*args, **kwargs):
        raise PowerCut

    first = claim(ExportReport, report.pk)
    report.refresh_from_db()
    with monkeypatch.context() as broken:
        broken.setattr(pipeline, "end", dies)
        with pytest.raises(PowerCut):
            carry_out(first)
    first.release()
    # a kill lets the lease run out: it ended a minute ago
    ExportReport.objects.filter(pk=report.pk).update(lease_until=timezone.now() - timedelta(minutes=1))
    before = sorted(path.name for path in Path(settings.ARTIFACTS_DIR).rglob("*"))
    spools = Path(settings.EXPORTADMIN_HOME, "scratch", f"{report.report_id}.1")
    spools.mkdir(parents=True)
    with claim(ExportReport, report.pk) as second:
        report.refresh_from_db()
        assert report.attempts == 2
        carry_out(second)
    report.refresh_from_db()
    assert report.status == statuses.COMPLETED, report.error
    assert not spools.exists()
    assert report.check_values["rows_kept"] == 8
    assert sorted(path.name for path in Path(settings.ARTIFACTS_DIR).rglob("*")) == before
    assert report.artifacts.count() == 1
    assert report.revision == filled.store.revision == 1  # what the first attempt's snapshot saw


def test_what_an_attempt_that_was_believed_dead_publishes_late_is_adopted(filled, spec, oscar, monkeypatch):
    """It had looked at its lease, was frozen before its rename, and wakes up while the next attempt begins."""
    report = actions.request_export(project=filled, spec=spec, actor=person(oscar))
    frozen: list[tuple[LocalDraft, bytes]] = []

    class Freeze(BaseException):
        """Nothing in the pipeline catches it."""

    def freezes(draft, manifest):
        frozen.append((draft, manifest))
        raise Freeze

    first = claim(ExportReport, report.pk)
    with monkeypatch.context() as cold:
        cold.setattr(LocalDraft, "commit", freezes)
        cold.setattr(LocalDraft, "abort", lambda draft: None)
        with pytest.raises(Freeze):
            carry_out(first)
    first.release()
    ExportReport.objects.filter(pk=report.pk).update(lease_until=timezone.now() - timedelta(minutes=1))
    ((draft, manifest),) = frozen
    source_for = pipeline.source_for

    def thaws(of):
        draft.commit(manifest)
        return source_for(of)

    monkeypatch.setattr(pipeline, "source_for", thaws)
    with claim(ExportReport, report.pk) as second:
        carry_out(second)
    report.refresh_from_db()
    assert (report.status, report.attempts, report.error) == (statuses.COMPLETED, 2, "")
    assert (delivery_folder(report) / "manifest.json").read_bytes() == manifest
    assert verify_report(report).as_delivered


def test_files_can_be_taken_away_by_who_manages_and_the_report_stays(filled, spec, oscar, alice):
    report = actions.run_now(project=filled, spec=spec, actor=person(oscar))
    with pytest.raises(DeniedError):
        actions.remove_files(report=report, actor=person(oscar), why="room")
    gone = actions.remove_files(report=report, actor=person(alice), why="room")
    assert gone.files_removed_at
    assert not delivery_folder(report).exists()
    with pytest.raises(ConflictError, match="no files"):
        actions.remove_files(report=report, actor=person(alice), why="again")


def test_a_removal_that_is_rolled_back_leaves_the_files(filled, spec, oscar, alice):
    """Files that are gone while the row says that they are there would be worse than the reverse."""
    report = actions.run_now(project=filled, spec=spec, actor=person(oscar))
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        actions.remove_files(report=report, actor=person(alice), why="room")
        raise ZeroDivisionError
    report.refresh_from_db()
    assert report.files_removed_at is None
    assert verify_report(report).ok


def test_a_change_that_cannot_be_recorded_does_not_happen(filled, spec, oscar, monkeypatch):
    from exportadmin.audit import record as room

    def denied(*args, **kwargs):
        raise RuntimeError("INSERT denied")

    monkeypatch.setattr(room.AuditEntry, "append", denied)
    with pytest.raises(RuntimeError, match="INSERT denied"):
        actions.request_export(project=filled, spec=spec, actor=person(oscar))
    assert not ExportReport.objects.exists()


@pytest.mark.parametrize("format", ["json", "ndjson", "coco_json", "csv", "png"])
def test_the_plan_says_what_the_run_then_delivers(filled, oscar, format):
    wanted = ExportSpec.parse({"format": format, "statuses": ["review", "rejected"]}, filled)
    foreseen = plan(filled, wanted)
    report = actions.run_now(project=filled, spec=wanted, actor=person(oscar))
    assert report.is_delivered, report.error
    for key in set(report.check_values) - {"files", "bytes", "rows_refused", "notes"}:
        assert foreseen[key] == report.check_values[key], key
    assert foreseen["stops"] == []
    # the sample is every row here: the estimate is the size
    assert abs(foreseen["bytes_expected"] - report.check_values["bytes"]) <= 0.02 * report.check_values["bytes"]


def test_the_plan_warns_of_what_an_admin_would_not_expect(filled):
    foreseen = plan(filled, ExportSpec.parse({"format": "coco_json"}, filled))
    assert any("cannot hold" in warning and "classification" in warning for warning in foreseen["warnings"])
    nothing = plan(filled, ExportSpec.parse({"format": "json", "filter": {"global_keys": ["none-such"]}}, filled))
    assert nothing["warnings"] == [
        "no row matches: the delivery would be empty",
        "1 of 1 global keys are not in this project: 'none-such'",
    ]
    assert nothing["rows_dropped"] == {"global_keys": 30}
