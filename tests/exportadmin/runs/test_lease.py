"""The hold on a running report: what it may write, when it has to stop, how it is let go."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import OperationalError, connection, transaction
from django.db.models.functions import Now

from exportadmin.runs import lease as lease_module
from exportadmin.runs import limits, statuses
from exportadmin.runs.ends import end
from exportadmin.runs.errors import Cancelled, HandedBack, LeaseLost
from exportadmin.runs.execute import run_in_foreground
from exportadmin.runs.lease import RunLease, claim
from exportadmin.runs.reaper import Reaped, reap
from exports.models import ExportReport
from tests.exportadmin.runs.world import until


@pytest.fixture
def report(make_report):
    return make_report()


class Clock:
    """A monotonic clock that stands still unless a test moves it."""

    now = 1_000_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def lease(report, runner, clock):
    """Claimed, with its clock in the test's hand; its heartbeat beats when the test says so."""
    claimed = claim(ExportReport, report.pk)
    made = RunLease(claimed.run, fence=claimed.fence, claimed_at=claimed.run.started_at, clock=clock)
    yield made
    made.release()


def away(execute, sql, params, many, context):
    raise OperationalError("server closed the connection unexpectedly")


def taken_over(report):
    ExportReport.objects.filter(pk=report.pk).update(fence=99, rows_done=5, phase="theirs")


def row(report):
    report.refresh_from_db()
    return report


def test_a_stale_fence_writes_nothing(clock, report, lease):
    taken_over(report)
    lease.progress(phase="mine", rows_done=1000)
    assert end(report, lease, statuses.COMPLETED, rows_done=1000, location="mine") is False
    lease.record_error("mine")
    clock.now += 1000
    lease.heartbeat()
    lease.release()
    after = row(report)
    assert (after.status, after.phase, after.rows_done, after.location, after.error) == ("running", "theirs", 5, "", "")
    assert after.lease_until == report.lease_until


def test_a_stale_fence_does_not_renew_the_lease_of_another(clock, report, lease):
    taken_over(report)
    before = row(report).lease_until
    clock.now += 10_000
    lease.heartbeat()
    assert row(report).lease_until == before
    with pytest.raises(LeaseLost):
        lease.check()


def test_check_says_when_another_has_taken_over(report, lease):
    lease.check()
    taken_over(report)
    with pytest.raises(LeaseLost):
        lease.check(now=True)


def test_check_says_when_the_reaper_has_queued_the_report_again(report, lease):
    ExportReport.objects.filter(pk=report.pk).update(status=statuses.QUEUED)
    with pytest.raises(LeaseLost):
        lease.check()


def test_check_says_when_the_report_is_gone(report, lease):
    report.delete()
    with pytest.raises(LeaseLost):
        lease.check()


def test_check_says_when_somebody_asked_for_the_end(report, lease):
    ExportReport.objects.filter(pk=report.pk).update(cancel_requested=True)
    with pytest.raises(Cancelled):
        lease.check()


def test_a_check_costs_at_most_one_query_a_second(clock, lease, django_assert_num_queries):
    with django_assert_num_queries(1):
        for _ in range(1000):
            lease.check()
    clock.now += 1.01
    with django_assert_num_queries(1):
        for _ in range(1000):
            lease.check()


def test_progress_is_written_at_most_once_a_second_but_a_new_phase_at_once(
    clock, report, lease, django_assert_num_queries
):
    with django_assert_num_queries(1):
        for done in range(1000):
            lease.progress(phase="reading", rows_done=done)
    assert row(report).rows_done == 0
    with django_assert_num_queries(1):
        lease.progress(phase="finishing", rows_done=1000)
    assert (row(report).phase, report.rows_done) == ("finishing", 1000)
    clock.now += 1.01
    lease.progress(bytes_done=7, rows_expected=2000)
    assert (row(report).bytes_done, report.rows_expected, report.rows_done) == (7, 2000, 1000)


def test_the_end_carries_the_last_progress(clock, report, lease):
    lease.progress(rows_done=1)
    lease.progress(rows_done=2, bytes_done=20)
    assert end(report, lease, statuses.COMPLETED, location="here") is True
    after = row(report)
    assert (after.status, after.rows_done, after.bytes_done, after.location) == ("completed", 2, 20, "here")
    assert after.finished_at is not None and after.finished_at >= after.started_at
    assert after.lease_until is None


def test_an_end_that_is_none_is_refused(lease):
    with pytest.raises(ValueError, match="running"):
        end(report, lease, statuses.RUNNING)


def test_an_end_is_written_once(report, lease):
    assert end(report, lease, statuses.COMPLETED)
    assert not end(report, lease, statuses.ERRORED, error="too late")
    lease.release()
    assert (row(report).status, report.error) == ("completed", "")


def test_an_end_that_is_rolled_back_did_not_happen(report, lease):
    with pytest.raises(RuntimeError), transaction.atomic():
        assert end(report, lease, statuses.COMPLETED)
        raise RuntimeError("the trail could not be written")
    assert row(report).status == statuses.RUNNING
    assert end(report, lease, statuses.FAILED, error="the trail could not be written")


def test_the_heartbeat_renews_the_lease(report, runner, monkeypatch):
    monkeypatch.setattr(limits, "LEASE", timedelta(seconds=0.9))
    before = threading.active_count()
    with claim(ExportReport, report.pk) as lease:
        first = row(report).lease_until
        until(lambda: row(report).lease_until > first + timedelta(seconds=0.5), "a renewed lease")
        assert threading.active_count() == before + 1
        assert end(report, lease, statuses.COMPLETED)
    assert threading.active_count() == before


def test_a_lease_that_nobody_entered_has_no_thread(report):
    before = threading.active_count()
    claim(ExportReport, report.pk)
    assert threading.active_count() == before


def test_a_lost_heartbeat_is_noticed_without_a_query(clock, report, lease, django_assert_num_queries):
    taken_over(report)
    clock.now += 10_000
    lease.heartbeat()
    with django_assert_num_queries(0), pytest.raises(LeaseLost):
        lease.check()


def test_a_run_that_is_left_without_an_end_is_free_at_once_and_its_attempt_counts(report, lease):
    lease.release()
    assert row(report).status == statuses.RUNNING
    assert reap().requeued == 1
    assert (row(report).status, report.attempts) == (statuses.QUEUED, 1)


def test_a_worker_that_stops_gets_its_run_back_uncounted(report, lease, worker_stops):
    with pytest.raises(HandedBack):
        lease.check()
    lease.release()
    assert reap().requeued == 1
    assert (row(report).status, report.attempts, report.fence) == (statuses.QUEUED, 0, 3)


class Left(BaseException):
    """Instead of the end of this process."""


@pytest.fixture
def exits(monkeypatch):
    def leave(code):
        raise Left(code)

    monkeypatch.setattr("os._exit", leave)


def test_a_run_past_its_deadline_ends_its_process_and_leaves_a_word(report, lease, clock, exits):
    clock.now += limits.DEADLINE.total_seconds() - 1
    lease.heartbeat()
    clock.now += 2
    with pytest.raises(Left, match=str(lease_module.EXIT_DEADLINE)):
        lease.heartbeat()
    assert "EXPORTADMIN_RUN_DEADLINE_SECONDS" in row(report).error


def test_a_run_that_does_not_hear_the_stop_is_ended_and_counted(report, lease, clock, exits, worker_stops):
    lease.heartbeat()
    clock.now += lease_module.STOP_GRACE_SECONDS
    lease.heartbeat()
    clock.now += 0.1
    with pytest.raises(Left, match=str(lease_module.EXIT_STOPPED)):
        lease.heartbeat()
    assert reap().requeued == 1
    assert row(report).attempts == 1


def test_a_database_that_is_away_for_a_moment_stops_no_run(report, lease, clock):
    with connection.execute_wrapper(away):
        clock.now += 11
        lease.check()
        lease.progress(rows_done=5)
        lease.heartbeat()
    clock.now += 1.1
    lease.check()
    lease.progress(bytes_done=1)
    assert row(report).rows_done == 5


def test_without_an_answer_of_the_database_nothing_is_published(lease):
    """A run that reads may go on unasked: what it writes is fenced. What it publishes is seen by everybody."""
    with pytest.raises(OperationalError), connection.execute_wrapper(away):
        lease.check(now=True)


def test_a_database_error_inside_a_transaction_is_not_hidden(lease):
    with pytest.raises(OperationalError), transaction.atomic(), connection.execute_wrapper(away):
        lease.check()


def test_an_error_that_cannot_be_written_down_is_tried_again_until_the_database_is_back(report, lease, clock):
    tries = []

    def away_twice(execute, sql, params, many, context):
        tries.append(sql)
        if len(tries) < 3:
            raise OperationalError("the database system is starting up")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(away_twice), pytest.MonkeyPatch.context() as patch:
        patch.setattr(lease_module, "CHECK_SECONDS", 0.001)
        lease.record_error("the database failed it", patience=30)
    assert (len(tries), row(report).error) == (3, "the database failed it")


def test_a_run_in_the_shell_that_is_left_is_cancelled_and_recorded(report, runner, worker_stops):
    def interrupted(run, lease):
        lease.check()  # does not obey a worker
        raise KeyboardInterrupt

    runner.carried_out = staticmethod(interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_in_foreground(claim(ExportReport, report.pk, foreground=True))
    assert (row(report).status, report.error) == ("cancelled", "interrupted at the terminal")
    assert report.finished_at is not None
    assert runner.ends == [(report.pk, "cancelled", "interrupted at the terminal")]


def test_a_run_in_the_shell_that_ends_without_an_end_is_cancelled_and_recorded(report, runner):
    runner.carried_out = staticmethod(lambda run, lease: None)
    run_in_foreground(claim(ExportReport, report.pk, foreground=True))
    assert runner.ends == [(report.pk, "cancelled", "stopped in the shell before it was done")]


@pytest.mark.django_db(transaction=True)
def test_a_run_in_the_shell_takes_its_report_before_any_worker_can(project, runner):
    with transaction.atomic():
        made = ExportReport.objects.create(project=project, name="a run", format="json", config={})
        lease = claim(ExportReport, made.pk, foreground=True)
    assert lease is not None
    assert claim(ExportReport, made.pk) is None
    run_in_foreground(lease)
    assert row(made).status == statuses.COMPLETED


def test_times_are_those_of_the_database(report, lease, clock):
    """A process whose own clock is a day ahead changes nothing: no time on the row comes from it."""
    import time_machine

    with time_machine.travel(timedelta(days=1)):
        clock.now += 11
        lease.heartbeat()
        assert reap() == Reaped()
    assert ExportReport.objects.filter(pk=report.pk, lease_until__lte=Now() + limits.LEASE).exists()
    assert connection.is_usable()
