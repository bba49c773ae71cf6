"""Every night all deliveries are proved, the one that was longest not proved first, within hours and bytes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from connections.models import Connection, Project
from connections.sinks import SINKS
from connections.store.upsert import write_rows
from exportadmin.lib.actor import Actor
from exportadmin.lib.errors import TransientError
from exportadmin.lib.times import last_beginning
from exportadmin.runs import statuses
from exportadmin.runs.execute import execute
from exports import actions, delivery_actions
from exports.models import ExportReport, Proof, ProofNight
from exports.models.proof import ATTRIBUTES, CHANGED, EQUAL, FULL, SAMPLED
from exports.run import nightly, proofs
from exports.run.nightly import Nightly, counts_of, last_night
from exports.spec.spec import ExportSpec
from tests.connections.sinks.blobs import BlobDelivery, BlobSink
from tests.support.deliveries import delivery_folder
from tests.support.rows import mixed

USER = Actor(kind="user", name="tester", channel="shell")
BEGAN = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def at_three(settings: Any, tmp_path: Path) -> None:
    settings.EXPORTADMIN_HOME = tmp_path
    settings.ARTIFACTS_DIR = tmp_path / "artifacts"
    settings.PROOF_AT = time(3, 0)
    settings.PROOF_HOURS = 5
    settings.PROOF_HOW = SAMPLED
    settings.PROOF_BYTES = 10**9


@pytest.fixture
def deliver(project: Project) -> Callable[..., ExportReport]:
    """A delivery that was last proved so many hours before the night; never: ``None``."""
    write_rows(project, mixed(20), now_ms=1_000)
    spec = ExportSpec.parse({"format": "ndjson"}, project)

    def make(hours: float | None = None, **columns: Any) -> ExportReport:
        report = actions.run_now(project=project, spec=spec, actor=USER)
        assert report.is_delivered, report.error
        proved_at = None if hours is None else BEGAN - timedelta(hours=hours)
        ExportReport.objects.filter(pk=report.pk).update(proved_at=proved_at, **columns)
        report.refresh_from_db()
        return report

    return make


def clock(*hours: float) -> Callable[[], datetime]:
    """So long after the beginning; the last for ever."""
    moments = [BEGAN + timedelta(hours=each) for each in hours]
    return lambda: moments.pop(0) if len(moments) > 1 else moments[0]


def work() -> list[Proof]:
    """Carry out what is queued, as a worker does; in the order in which it was queued."""
    queued = list(Proof.objects.filter(status=statuses.QUEUED).order_by("pk"))
    for proof in queued:
        execute("proof", proof.pk)
        proof.refresh_from_db()
    # proofs say "now", which is no night of these tests
    return queued


def whole_night(worker: Nightly | None = None) -> list[Proof]:
    """All proofs of it."""
    worker = worker or Nightly(clock(0.1))
    done: list[Proof] = []
    for _ in range(50):
        worker.tick()
        if not (made := work()):
            return done
        done += made
    raise AssertionError("the night does not end")


def test_the_night_begins_at_the_latest_time_of_day_that_has_come():
    assert last_beginning(BEGAN, time(3, 0)) == BEGAN
    assert last_beginning(BEGAN - timedelta(seconds=1), time(3, 0)) == BEGAN - timedelta(days=1)
    assert last_beginning(BEGAN + timedelta(hours=22), time(3, 0)) == BEGAN


def test_all_deliveries_are_proved_the_one_longest_not_proved_first(deliver: Any):
    young, never, old = deliver(1), deliver(), deliver(50)
    done = whole_night()
    assert [proof.report_id for proof in done] == [never.pk, old.pk, young.pk]
    assert {(proof.status, proof.result, proof.how) for proof in done} == {(statuses.COMPLETED, EQUAL, SAMPLED)}
    night = ProofNight.objects.get()
    assert (night.began_at, night.note, night.ended_at is not None) == (BEGAN, "", True)
    assert counts_of(night, ExportReport.objects.all()) == {EQUAL: 3}
    assert last_night() == night


def test_once_a_night_and_again_in_the_next(deliver: Any):
    deliver()
    assert len(whole_night()) == 1
    assert whole_night() == []
    ExportReport.objects.update(proved_at=BEGAN)
    assert len(whole_night(Nightly(clock(24.1)))) == 1


def test_what_is_not_there_any_more_or_not_ours_is_left_alone(deliver: Any, tmp_path: Path):
    deliver(files_removed_at=timezone.now())
    deliver(is_ours=False)
    deliver(status=statuses.FAILED)
    assert whole_night() == []


def test_a_file_that_was_changed_is_found_and_closed_and_the_others_go_on(deliver: Any):
    bad, good = deliver(9), deliver(8)
    file = delivery_folder(bad) / bad.artifacts.get().name
    file.write_bytes(b"x" + file.read_bytes()[1:])
    assert [proof.result for proof in whole_night()] == [CHANGED, EQUAL]
    bad.refresh_from_db()
    assert bad.altered_at is not None
    assert counts_of(ProofNight.objects.get(), ExportReport.objects.all()) == {CHANGED: 1, EQUAL: 1}
    assert counts_of(ProofNight.objects.get(), ExportReport.objects.filter(pk=good.pk)) == {EQUAL: 1}


def test_never_when_it_is_off(deliver: Any, settings: Any):
    deliver()
    settings.PROOF_AT = None
    assert whole_night() == []


def test_a_worker_that_starts_in_the_day_begins_no_night(deliver: Any):
    deliver()
    assert whole_night(Nightly(clock(5.1))) == []
    assert not ProofNight.objects.exists()


def test_when_the_hours_are_over_no_further_one_is_begun(deliver: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(nightly, "BATCH", 1)
    first, _, _ = deliver(9), deliver(8), deliver(7)
    assert [proof.report_id for proof in whole_night(Nightly(clock(4.9, 5.0)))] == [first.pk]
    assert ProofNight.objects.get().note.startswith("2 were not looked at: ")


def test_of_several_workers_one_goes_on_with_the_night(deliver: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(nightly, "BATCH", 1)
    reports = [deliver(9), deliver(8)]
    workers = [Nightly(clock(0.1)) for _ in range(3)]
    done = []
    for _ in range(5):
        for worker in workers:
            worker.tick()
        assert Proof.objects.filter(status__in=statuses.ACTIVE).count() <= 1
        done += work()
    assert [proof.report_id for proof in done] == [report.pk for report in reports]


def test_few_are_queued_at_once(deliver: Any, monkeypatch: pytest.MonkeyPatch):
    for _ in range(5):
        deliver()
    size = ExportReport.objects.first().check_values["bytes"]  # type: ignore[union-attr]
    monkeypatch.setattr(nightly, "BATCH_BYTES", 2 * size)
    worker = Nightly(clock(0.1))
    worker.tick()
    worker.tick()
    assert Proof.objects.count() == 2
    monkeypatch.setattr(nightly, "BATCH_BYTES", 1)  # one that is larger alone
    work()
    worker.tick()
    assert Proof.objects.count() == 3


def test_when_enough_was_read_the_rest_is_looked_at_by_attributes(deliver: Any, settings: Any):
    for _ in range(4):
        deliver()
    settings.PROOF_HOW = FULL
    settings.PROOF_BYTES = 2 * ExportReport.objects.first().check_values["bytes"]  # type: ignore[union-attr]
    done = whole_night()
    assert [proof.how for proof in done] == [FULL, FULL, ATTRIBUTES, ATTRIBUTES]
    assert sum(proof.bytes_done for proof in done) == settings.PROOF_BYTES
    assert ProofNight.objects.get().note.startswith("2 by attributes only")


def test_one_that_somebody_has_asked_for_is_not_queued_twice(deliver: Any, monkeypatch: pytest.MonkeyPatch):
    asked, other = deliver(9), deliver(8)
    monkeypatch.setattr(proofs, "AT_ONCE_BYTES", -1)
    delivery_actions.prove(report=asked, actor=USER)
    Nightly(clock(0.1)).tick()
    assert sorted(Proof.objects.values_list("report", "night__began_at")) == [(asked.pk, None), (other.pk, BEGAN)]


def test_a_place_that_cannot_be_reached_is_left_alone_and_stops_nobody(deliver: Any, monkeypatch: pytest.MonkeyPatch):
    SINKS.register(BlobSink.key, BlobSink)
    try:
        away = Connection.objects.create(name="Archive", kind=BlobSink.key)
        unreachable = [deliver(hours, destination=away, location="x/y") for hours in (99, 98, 97, 96, 95)]
        here = deliver(1)

        def refuse(self: BlobDelivery) -> Any:
            raise TransientError("the store does not answer")

        monkeypatch.setattr(BlobDelivery, "entries", refuse)
        monkeypatch.setattr(nightly, "BATCH", 1)
        done = whole_night()
    finally:
        SINKS.unregister(BlobSink.key)
    failed, good = done[:-1], done[-1]
    assert [proof.report_id for proof in failed] == [report.pk for report in unreachable[: nightly.MOST_FAILURES]]
    assert {(proof.status, proof.attempts, proof.error) for proof in failed} == {
        (statuses.FAILED, 1, "the store does not answer")
    }
    assert (good.report_id, good.result) == (here.pk, EQUAL)
    assert not ExportReport.objects.exclude(altered_at=None).exists()
    assert ProofNight.objects.get().note.startswith("2 were not looked at: their store did not answer")


def test_a_disabled_connection_is_not_used(deliver: Any):
    disabled = Connection.objects.create(name="Archive", kind=BlobSink.key, disabled_at=timezone.now())
    deliver(9, destination=disabled, location="x/y")
    assert whole_night() == []


def test_one_that_somebody_cancelled_is_not_asked_for_again_that_night(deliver: Any, alice: Any):
    first, second = deliver(2), deliver(1)
    worker = Nightly(clock(0.1))
    worker.tick()
    actor = Actor(kind="user", name="alice", channel="web", user_id=alice.pk)
    delivery_actions.cancel_proof(proof=Proof.objects.get(report=first), actor=actor)
    assert [proof.report_id for proof in whole_night(worker)] == [second.pk]
    assert Proof.objects.filter(report=first).count() == 1
