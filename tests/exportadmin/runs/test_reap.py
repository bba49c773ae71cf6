"""The reaper: nothing stays running for ever, nothing crashes for ever, no task is lost for good."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone
from django_q.models import OrmQ

from exportadmin.runs import limits, queue, statuses
from exportadmin.runs.lease import claim
from exportadmin.runs.queue import enqueue, is_stalled
from exportadmin.runs.reaper import Reaped, reap
from exports.models import ExportReport

LEASE = int(limits.LEASE.total_seconds())


def row(report):
    report.refresh_from_db()
    return report


def expired(make_report, **columns):
    return make_report(
        **{"status": statuses.RUNNING, "lease": -1, "attempts": 1, "fence": 1, "phase": "reading", **columns}
    )


def test_a_report_without_a_living_lease_is_queued_again_and_told(make_report, runner):
    report = expired(make_report)
    assert reap() == Reaped(requeued=1, enqueued=1)
    after = row(report)
    assert (after.status, after.attempts, after.phase, after.lease_until) == (statuses.QUEUED, 1, "", None)
    assert after.fence > 1
    assert after.queued_at is not None
    assert OrmQ.objects.count() == 1


def test_a_report_with_a_living_lease_is_left_alone(make_report, runner):
    report = make_report(status=statuses.RUNNING, lease=5, attempts=3, fence=3, cancel_requested=True)
    assert reap() == Reaped()
    assert row(report).fence == 3


def test_the_third_stop_is_the_last_and_says_what_can_be_done(make_report, runner):
    report = expired(make_report, attempts=3)
    assert reap() == Reaped(failed=1)
    after = row(report)
    assert after.status == statuses.FAILED
    assert after.error.startswith("stopped three times without finishing")
    assert "reading" in after.error and "memory" in after.error and "log" in after.error
    assert "\n" not in after.error
    assert after.finished_at is not None
    assert OrmQ.objects.count() == 0


def test_the_last_words_of_the_run_are_kept_in_the_reason(make_report, runner):
    report = expired(make_report, attempts=3, error="database or disk is full")
    reap()
    assert "database or disk is full" in row(report).error
    assert "memory" not in report.error, "what is known is not blamed on something else"


@pytest.mark.parametrize("attempts", [1, 3])
def test_a_cancel_that_no_process_can_obey_any_more_is_carried_out(make_report, runner, attempts):
    report = expired(make_report, attempts=attempts, cancel_requested=True)
    assert reap() == Reaped(cancelled=1)
    assert (row(report).status, report.error) == (statuses.CANCELLED, "")
    assert report.finished_at is not None


def test_a_waiting_report_that_is_to_be_cancelled_is(make_report, runner):
    report = make_report(cancel_requested=True)
    assert reap() == Reaped(cancelled=1)
    assert row(report).status == statuses.CANCELLED


def test_reaping_twice_is_reaping_once(make_report, runner):
    expired(make_report)
    expired(make_report, attempts=3)
    expired(make_report, cancel_requested=True)
    first = reap()
    before = list(ExportReport.objects.order_by("pk").values())
    assert first == Reaped(requeued=1, failed=1, cancelled=1, enqueued=1)
    assert reap() == Reaped()
    assert list(ExportReport.objects.order_by("pk").values()) == before


def test_many_reapers_at_once_do_each_thing_once(make_report, runner):
    reports = [expired(make_report, attempts=1 + number % 3) for number in range(6)]
    start, done = threading.Barrier(4), []

    def reap_all():
        try:
            start.wait(timeout=30)
            done.append(reap())
        finally:
            connection.close()

    threads = [threading.Thread(target=reap_all) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert len(done) == 4
    assert sorted(runner.cleaned) == [report.pk for report in reports]
    assert [(pk, status) for pk, status, _ in sorted(runner.ends)] == [
        (report.pk, statuses.FAILED) for report in reports if report.attempts == 3
    ]
    assert sum(each.requeued for each in done) == 4
    assert OrmQ.objects.count() == 4


def test_what_is_half_made_is_taken_away_before_another_can_begin(make_report, runner):
    report = expired(make_report)
    seen = []

    def tidy(reaped):
        seen.append(row(report).status)
        assert claim(ExportReport, reaped.pk) is None, (
            "nobody may begin while the old attempt's files are being removed"
        )

    runner.on_clean_up = staticmethod(tidy)
    reap()
    assert seen == [statuses.RUNNING]


def test_tidying_up_that_fails_does_not_keep_the_report_from_its_end(make_report, runner):
    report = expired(make_report, attempts=3)

    def fails(reaped):
        raise OSError("the disk is gone")

    runner.on_clean_up = staticmethod(fails)
    assert reap().failed == 1
    assert row(report).status == statuses.FAILED


def test_a_reaper_that_dies_half_way_is_reaped_itself(make_report, runner):
    report = expired(make_report)

    class Killed(BaseException):
        pass

    def dies(reaped):
        raise Killed

    runner.on_clean_up = staticmethod(dies)
    with pytest.raises(Killed):
        reap()
    runner.on_clean_up = staticmethod(lambda reaped: None)
    assert reap() == Reaped(), "its lease protects the report for a while"
    ExportReport.objects.filter(pk=report.pk).update(lease_until=None)
    assert reap().requeued == 1
    assert row(report).attempts == 1


def test_an_end_whose_line_in_the_trail_cannot_be_written_is_not_written(make_report, runner):
    report = expired(make_report, attempts=3)

    def refuses(reaped):
        raise RuntimeError("the trail is full")

    runner.on_end = staticmethod(refuses)
    other = expired(make_report)
    assert reap().failed == 0
    assert row(report).status == statuses.RUNNING
    assert row(other).status == statuses.QUEUED, "nobody else has to wait for that"
    runner.on_end = staticmethod(lambda reaped: None)
    ExportReport.objects.filter(pk=report.pk).update(lease_until=None)
    assert reap().failed == 1


# --- tasks -----------------------------------------------------------------------------------------------------------


def test_a_task_is_sent_after_the_commit_and_not_without_one(make_report, runner):
    report = make_report()
    with pytest.raises(RuntimeError), transaction.atomic():
        enqueue(report)
        raise RuntimeError
    assert OrmQ.objects.count() == 0
    with transaction.atomic():
        enqueue(report)
        assert OrmQ.objects.count() == 0
    assert OrmQ.objects.count() == 1
    assert OrmQ.objects.get().func() == "exportadmin.runs.execute.take_turn"
    assert OrmQ.objects.get().task["args"] == ("export", report.pk)
    assert row(report).queued_at is not None


def test_a_task_that_cannot_be_sent_does_not_fail_the_request(make_report, runner, monkeypatch):
    def fails(*_, **__):
        raise OSError("the broker is away")

    report = make_report()
    monkeypatch.setattr(queue, "async_task", fails)
    with transaction.atomic():
        enqueue(report)
    assert row(report).queued_at is None


@pytest.mark.parametrize(("age", "queued"), [(6, None), (6, -LEASE - 1)])
def test_a_waiting_report_whose_task_was_lost_is_told_again(make_report, runner, age, queued):
    make_report(age=age, queued=queued)
    assert reap() == Reaped(enqueued=1)
    assert reap() == Reaped(), "once is enough for a while"
    assert OrmQ.objects.count() == 1


@pytest.mark.parametrize(("age", "queued"), [(0, None), (6, -LEASE + 5)])
def test_a_task_that_may_still_be_taken_is_not_sent_again(make_report, runner, age, queued):
    make_report(age=age, queued=queued)
    assert reap() == Reaped()


@pytest.mark.parametrize(("age", "queued"), [(0, None), (6, -1)])
def test_after_a_restart_everything_that_waits_is_told(make_report, runner, age, queued):
    make_report(age=age, queued=queued)
    assert reap(after_restart=True) == Reaped(enqueued=1)


def test_a_report_that_waits_for_its_next_try_is_not_hurried_by_a_restart(make_report, runner):
    make_report(age=60, wait=600, attempts=1)
    assert reap() == reap(after_restart=True) == Reaped()


def test_a_report_whose_wait_is_over_is_told(make_report, runner):
    make_report(age=60, wait=-1, attempts=1)
    assert reap() == Reaped(enqueued=1)


def test_a_long_backlog_is_not_told_over_and_over(make_report, runner):
    for _ in range(queue.MAX_TASKS + 5):
        make_report(age=60, queued=-LEASE - 1)
    assert reap() == Reaped(enqueued=queue.MAX_TASKS)
    ExportReport.objects.update(queued_at=None)
    assert reap() == Reaped(), "as long as so many tasks are on the queue"


# --- is the cluster stuck? -------------------------------------------------------------------------------------------


def test_a_worker_is_free_while_something_waits(make_report, runner):
    make_report(queued=-1)
    make_report(status=statuses.RUNNING, lease=5)
    assert is_stalled(2)
    assert not is_stalled(1)


@pytest.mark.parametrize(
    "columns", [{"queued": -1, "wait": 60}, {"queued": None}, {"queued": -1, "cancel_requested": True}]
)
def test_what_is_not_to_be_begun_yet_does_not_count_as_waiting(make_report, runner, columns):
    make_report(**columns)
    assert not is_stalled(2)


# --- a clock that was set back ---------------------------------------------------------------------------------------


def test_a_lease_from_a_clock_that_was_ahead_is_not_believed(make_report):
    report = make_report(status=statuses.RUNNING, lease=7200, attempts=1, fence=1)
    assert reap() == Reaped(requeued=1, enqueued=1)
    report.refresh_from_db()
    assert (report.status, report.fence) == (statuses.QUEUED, 3)


def test_a_lease_as_long_as_one_can_be_is_believed(make_report):
    make_report(status=statuses.RUNNING, lease=LEASE, attempts=1, fence=1)
    assert reap() == Reaped()


@pytest.mark.parametrize(("age", "queued"), [(60, 7200), (-7200, None)], ids=["told later", "made later"])
def test_a_run_of_a_clock_that_was_ahead_is_told_again(make_report, age, queued):
    make_report(age=age, queued=queued)
    assert reap() == Reaped(enqueued=1)


def test_a_run_that_a_clock_told_to_wait_longer_than_any_has_to_is_told_and_taken(make_report):
    report = make_report(age=60, queued=None, wait=2 * 3600)
    assert reap() == Reaped(enqueued=1)
    assert claim(type(report), report.pk) is not None


def test_one_that_has_to_wait_as_long_as_a_run_may_waits(make_report):
    report = make_report(age=60, queued=None, wait=limits.LONGEST_WAIT.seconds - 5)
    assert reap() == Reaped()
    assert claim(type(report), report.pk) is None


def test_nothing_is_asked_to_wait_longer_than_that(make_report):
    report = make_report()
    lease = claim(type(report), report.pk)
    assert lease is not None
    lease.requeue(after=timedelta(days=1))
    report.refresh_from_db()
    assert timedelta(0) < report.not_before - timezone.now() <= limits.LONGEST_WAIT
