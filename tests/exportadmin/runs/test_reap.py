"""The reaper: nothing stays running for ever, nothing crashes for ever, no bell is lost for good."""

from __future__ import annotations

import threading

import pytest
from django.db import connection, transaction
from django_q.models import OrmQ

from exports import runs, statuses
from exports.models import ExportReport

LEASE = int(runs.LEASE.total_seconds())


def row(report):
    report.refresh_from_db()
    return report


def expired(make_report, **columns):
    return make_report(
        **{"status": statuses.RUNNING, "lease": -1, "attempts": 1, "fence": 1, "phase": "reading", **columns}
    )


def test_a_report_without_a_living_lease_is_queued_again_and_rung(make_report):
    report = expired(make_report)
    assert runs.reap() == runs.Reaped(requeued=1, rung=1)
    after = row(report)
    assert (after.status, after.attempts, after.phase, after.lease_until) == (statuses.QUEUED, 1, "", None)
    assert after.fence > 1
    assert after.rung_at is not None
    assert OrmQ.objects.count() == 1


def test_a_report_with_a_living_lease_is_left_alone(make_report):
    report = make_report(status=statuses.RUNNING, lease=5, attempts=3, fence=3, cancel_requested=True)
    assert runs.reap() == runs.Reaped()
    assert row(report).fence == 3


def test_the_third_stop_is_the_last_and_says_what_can_be_done(make_report):
    report = expired(make_report, attempts=3)
    assert runs.reap() == runs.Reaped(failed=1)
    after = row(report)
    assert after.status == statuses.FAILED
    assert after.error.startswith("stopped three times without finishing")
    assert "reading" in after.error and "memory" in after.error and "log" in after.error
    assert "\n" not in after.error
    assert after.finished_at is not None
    assert OrmQ.objects.count() == 0


def test_the_last_words_of_the_run_are_kept_in_the_reason(make_report):
    report = expired(make_report, attempts=3, error="database or disk is full")
    runs.reap()
    assert "database or disk is full" in row(report).error


@pytest.mark.parametrize("attempts", [1, 3])
def test_a_cancel_that_no_process_can_obey_any_more_is_carried_out(make_report, attempts):
    report = expired(make_report, attempts=attempts, cancel_requested=True)
    assert runs.reap() == runs.Reaped(cancelled=1)
    assert (row(report).status, report.error) == (statuses.CANCELLED, "")
    assert report.finished_at is not None


def test_a_waiting_report_that_is_to_be_cancelled_is(make_report):
    report = make_report(cancel_requested=True)
    assert runs.reap() == runs.Reaped(cancelled=1)
    assert row(report).status == statuses.CANCELLED


def test_reaping_twice_is_reaping_once(make_report):
    expired(make_report)
    expired(make_report, attempts=3)
    expired(make_report, cancel_requested=True)
    first = runs.reap()
    before = list(ExportReport.objects.order_by("pk").values())
    assert first == runs.Reaped(requeued=1, failed=1, cancelled=1, rung=1)
    assert runs.reap() == runs.Reaped()
    assert list(ExportReport.objects.order_by("pk").values()) == before


def test_many_reapers_at_once_do_each_thing_once(make_report):
    reports = [expired(make_report, attempts=1 + number % 3) for number in range(6)]
    start, tidied, ended, done = threading.Barrier(4), [], [], []
    runs.on_reaped.append(lambda report: tidied.append(report.pk))
    runs.on_ended.append(lambda report, status: ended.append((report.pk, status)))

    def reap():
        try:
            start.wait(timeout=30)
            done.append(runs.reap())
        finally:
            connection.close()

    threads = [threading.Thread(target=reap) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert len(done) == 4
    assert sorted(tidied) == [report.pk for report in reports]
    assert sorted(ended) == [(report.pk, statuses.FAILED) for report in reports if report.attempts == 3]
    assert sum(each.requeued for each in done) == 4
    assert OrmQ.objects.count() == 4


def test_what_is_half_made_is_taken_away_before_another_can_begin(make_report):
    report = expired(make_report)
    seen = []

    def tidy(reaped):
        seen.append(row(report).status)
        assert runs.claim(reaped.pk) is None, "nobody may begin while the old attempt's files are being removed"

    runs.on_reaped.append(tidy)
    runs.reap()
    assert seen == [statuses.RUNNING]


def test_tidying_up_that_fails_does_not_keep_the_report_from_its_end(make_report):
    report = expired(make_report, attempts=3)

    def fails(reaped):
        raise OSError("the disk is gone")

    runs.on_reaped.append(fails)
    assert runs.reap().failed == 1
    assert row(report).status == statuses.FAILED


def test_a_reaper_that_dies_half_way_is_reaped_itself(make_report):
    report = expired(make_report)

    class Killed(BaseException):
        pass

    def dies(reaped):
        raise Killed

    runs.on_reaped.append(dies)
    with pytest.raises(Killed):
        runs.reap()
    runs.on_reaped.clear()
    assert runs.reap() == runs.Reaped(), "its lease protects the report for a while"
    ExportReport.objects.filter(pk=report.pk).update(lease_until=None)
    assert runs.reap().requeued == 1
    assert row(report).attempts == 1


def test_an_end_whose_line_in_the_trail_cannot_be_written_is_not_written(make_report):
    report = expired(make_report, attempts=3)

    def refuses(reaped, status):
        raise RuntimeError("the trail is full")

    runs.on_ended.append(refuses)
    other = expired(make_report)
    assert runs.reap().failed == 0
    assert row(report).status == statuses.RUNNING
    assert row(other).status == statuses.QUEUED, "nobody else has to wait for that"
    runs.on_ended.clear()
    ExportReport.objects.filter(pk=report.pk).update(lease_until=None)
    assert runs.reap().failed == 1


# --- bells -----------------------------------------------------------------------------------------------------------


def test_a_bell_rings_after_the_commit_and_not_without_one(make_report):
    report = make_report()
    with pytest.raises(RuntimeError), transaction.atomic():
        runs.ring(report.pk)
        raise RuntimeError
    assert OrmQ.objects.count() == 0
    with transaction.atomic():
        runs.ring(report.pk)
        assert OrmQ.objects.count() == 0
    assert OrmQ.objects.count() == 1
    assert OrmQ.objects.get().func() == "exports.tasks.run_report"
    assert OrmQ.objects.get().task["args"] == (report.pk,)
    assert row(report).rung_at is not None


def test_a_bell_that_cannot_be_rung_does_not_fail_the_request(make_report, monkeypatch):
    def fails(*_, **__):
        raise OSError("the broker is away")

    report = make_report()
    monkeypatch.setattr(runs, "async_task", fails)
    with transaction.atomic():
        runs.ring(report.pk)
    assert row(report).rung_at is None


@pytest.mark.parametrize(("age", "rung"), [(6, None), (6, -LEASE - 1)])
def test_a_waiting_report_whose_bell_was_lost_is_rung_again(make_report, age, rung):
    make_report(age=age, rung=rung)
    assert runs.reap() == runs.Reaped(rung=1)
    assert runs.reap() == runs.Reaped(), "once is enough for a while"
    assert OrmQ.objects.count() == 1


@pytest.mark.parametrize(("age", "rung"), [(0, None), (6, -LEASE + 5), (6, 60)])
def test_a_bell_that_may_still_be_answered_is_not_rung_again(make_report, age, rung):
    make_report(age=age, rung=rung)
    assert runs.reap() == runs.Reaped()


@pytest.mark.parametrize(("age", "rung"), [(0, None), (6, -1)])
def test_after_a_restart_everything_that_waits_is_rung(make_report, age, rung):
    make_report(age=age, rung=rung)
    assert runs.reap(after_restart=True) == runs.Reaped(rung=1)


def test_a_report_that_waits_for_its_next_try_is_not_hurried_by_a_restart(make_report):
    make_report(age=60, rung=600, attempts=1)
    assert runs.reap(after_restart=True) == runs.Reaped()


def test_a_long_backlog_is_not_rung_over_and_over(make_report):
    for _ in range(runs.BELLS + 5):
        make_report(age=60, rung=-LEASE - 1)
    assert runs.reap() == runs.Reaped(rung=runs.BELLS)
    ExportReport.objects.update(rung_at=None)
    assert runs.reap() == runs.Reaped(), "as long as so many bells hang on the queue"


# --- the canary's question -------------------------------------------------------------------------------------------


def test_a_worker_is_free_while_something_waits(make_report):
    make_report(rung=-1)
    make_report(status=statuses.RUNNING, lease=5)
    assert runs.waiting_unanswered(2)
    assert not runs.waiting_unanswered(1)


@pytest.mark.parametrize("columns", [{"rung": 60}, {"rung": None}, {"rung": -1, "cancel_requested": True}])
def test_what_is_not_to_be_begun_yet_does_not_count_as_waiting(make_report, columns):
    make_report(**columns)
    assert not runs.waiting_unanswered(2)
