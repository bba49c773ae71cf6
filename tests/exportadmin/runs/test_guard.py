"""The hold on a running report: what it may write, when it has to stop, how it is let go."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import OperationalError, connection, transaction
from django.db.models.functions import Now

from exports import run_guard, runs, statuses
from exports.models import ExportReport
from tests.exportadmin.runs.world import until


@pytest.fixture
def report(make_report):
    return make_report()


@pytest.fixture
def guard(report):
    made = runs.claim(report.pk)
    yield made
    made.release()


@pytest.fixture
def clock(monkeypatch):
    """The monotonic clock of guards; stands still unless a test moves it."""

    class Clock:
        now = 1_000_000.0

        def monotonic(self):
            return self.now

    moved = Clock()
    monkeypatch.setattr(run_guard, "time", moved)
    return moved


@pytest.fixture
def worker_stops(monkeypatch):
    monkeypatch.setattr(run_guard, "_stopping", lambda: True)


def taken_over(report):
    ExportReport.objects.filter(pk=report.pk).update(fence=99, rows_done=5, phase="theirs")


def row(report):
    report.refresh_from_db()
    return report


def test_a_stale_fence_writes_nothing(clock, report, guard):
    taken_over(report)
    guard.progress(phase="mine", rows_done=1000)
    assert guard.finish(statuses.COMPLETED, rows_done=1000, location="mine") is False
    guard.note("mine")
    guard._tick(clock.now + 1000)
    guard.release()
    after = row(report)
    assert (after.status, after.phase, after.rows_done, after.location, after.error) == ("running", "theirs", 5, "", "")
    assert after.lease_until == report.lease_until


def test_a_stale_fence_does_not_renew_the_lease_of_another(clock, report, guard):
    taken_over(report)
    before = row(report).lease_until
    clock.now += 10_000
    guard._tick(clock.now)
    assert row(report).lease_until == before
    with pytest.raises(runs.LeaseLost):
        guard.check()


def test_check_says_when_another_has_taken_over(report, guard):
    guard.check()
    taken_over(report)
    with pytest.raises(runs.LeaseLost):
        guard.check(now=True)


def test_check_says_when_the_reaper_has_queued_the_report_again(report, guard):
    ExportReport.objects.filter(pk=report.pk).update(status=statuses.QUEUED)
    with pytest.raises(runs.LeaseLost):
        guard.check()


def test_check_says_when_the_report_is_gone(report, guard):
    report.delete()
    with pytest.raises(runs.LeaseLost):
        guard.check()


def test_check_says_when_somebody_asked_for_the_end(report, guard):
    ExportReport.objects.filter(pk=report.pk).update(cancel_requested=True)
    with pytest.raises(runs.Cancelled):
        guard.check()


def test_a_check_costs_at_most_one_query_a_second(clock, guard, django_assert_num_queries):
    with django_assert_num_queries(1):
        for _ in range(1000):
            guard.check()
    clock.now += 1.01
    with django_assert_num_queries(1):
        for _ in range(1000):
            guard.check()


def test_progress_is_written_at_most_once_a_second_but_a_new_phase_at_once(
    clock, report, guard, django_assert_num_queries
):
    with django_assert_num_queries(1):
        for done in range(1000):
            guard.progress(phase="reading", rows_done=done)
    assert row(report).rows_done == 0
    with django_assert_num_queries(1):
        guard.progress(phase="finishing", rows_done=1000)
    assert (row(report).phase, report.rows_done) == ("finishing", 1000)
    clock.now += 1.01
    guard.progress(bytes_done=7, rows_expected=2000)
    assert (row(report).bytes_done, report.rows_expected, report.rows_done) == (7, 2000, 1000)


def test_the_end_carries_the_last_progress(clock, report, guard):
    guard.progress(rows_done=1)
    guard.progress(rows_done=2, bytes_done=20)
    assert guard.finish(statuses.COMPLETED, location="here") is True
    after = row(report)
    assert (after.status, after.rows_done, after.bytes_done, after.location) == ("completed", 2, 20, "here")
    assert after.finished_at is not None and after.finished_at >= after.started_at
    assert after.lease_until is None


def test_an_end_that_is_none_is_refused(guard):
    with pytest.raises(ValueError, match="running"):
        guard.finish(statuses.RUNNING)


def test_an_end_is_written_once(report, guard):
    assert guard.finish(statuses.COMPLETED)
    assert not guard.finish(statuses.ERRORED, error="too late")
    guard.release()
    assert (row(report).status, report.error) == ("completed", "")


def test_an_end_that_is_rolled_back_did_not_happen(report, guard):
    with pytest.raises(RuntimeError), transaction.atomic():
        assert guard.finish(statuses.COMPLETED)
        raise RuntimeError("the trail could not be written")
    assert row(report).status == statuses.RUNNING
    assert guard.finish(statuses.FAILED, error="the trail could not be written")


def test_the_heartbeat_renews_the_lease(report, monkeypatch):
    for module in (run_guard, runs):
        monkeypatch.setattr(module, "LEASE", timedelta(seconds=0.9))
    with runs.claim(report.pk) as guard:
        first = row(report).lease_until
        until(lambda: row(report).lease_until > first + timedelta(seconds=0.5), "a renewed lease")
        assert guard.finish(statuses.COMPLETED)
    assert not guard._heart.is_alive()


def test_a_lost_heartbeat_is_noticed_without_a_query(clock, report, guard, django_assert_num_queries):
    taken_over(report)
    guard._tick(clock.now + 10_000)
    with django_assert_num_queries(0), pytest.raises(runs.LeaseLost):
        guard.check()


def test_a_run_that_is_left_without_an_end_is_free_at_once_and_its_attempt_counts(report, guard):
    guard.release()
    assert row(report).status == statuses.RUNNING
    assert runs.reap().requeued == 1
    assert (row(report).status, report.attempts) == (statuses.QUEUED, 1)


def test_a_worker_that_stops_gets_its_run_back_uncounted(report, guard, worker_stops):
    with pytest.raises(runs.HandedBack):
        guard.check()
    guard.release()
    assert runs.reap().requeued == 1
    assert (row(report).status, report.attempts, report.fence) == (statuses.QUEUED, 0, 2)


class Left(BaseException):
    """Instead of the end of this process."""


@pytest.fixture
def exits(monkeypatch):
    def leave(code):
        raise Left(code)

    monkeypatch.setattr(run_guard.os, "_exit", leave)


def test_a_run_past_its_deadline_ends_its_process_and_leaves_a_word(report, guard, exits):
    guard._leave_if_overdue(guard._born + run_guard.DEADLINE.total_seconds() - 1)
    with pytest.raises(Left, match=str(run_guard.EXIT_DEADLINE)):
        guard._leave_if_overdue(guard._born + run_guard.DEADLINE.total_seconds() + 1)
    assert "EXPORTADMIN_RUN_DEADLINE_SECONDS" in row(report).error


def test_a_run_that_does_not_hear_the_stop_is_ended_and_counted(report, guard, exits, worker_stops):
    guard._leave_if_overdue(guard._born + 1)
    guard._leave_if_overdue(guard._born + 1 + run_guard.STOP_GRACE_SECONDS)
    with pytest.raises(Left, match=str(run_guard.EXIT_STOPPED)):
        guard._leave_if_overdue(guard._born + 1.1 + run_guard.STOP_GRACE_SECONDS)
    assert runs.reap().requeued == 1
    assert row(report).attempts == 1


def test_a_database_that_is_away_for_a_moment_stops_no_run(report, guard, monkeypatch):
    with monkeypatch.context() as away:

        def fails(self):
            raise OperationalError("server closed the connection unexpectedly")

        away.setattr(runs.RunGuard, "_row", fails)
        guard.check()
        guard.progress(rows_done=5)
        guard._tick(guard._next_renewal + 1)
    guard._next_look = guard._next_write = 0.0
    guard.check()
    guard.progress(bytes_done=1)
    assert row(report).rows_done == 5


def test_a_database_error_inside_a_transaction_is_not_hidden(guard, monkeypatch):
    def fails(self):
        raise OperationalError("database is locked")

    monkeypatch.setattr(runs.RunGuard, "_row", fails)
    with pytest.raises(OperationalError), transaction.atomic():
        guard.check()
    monkeypatch.undo()


def test_a_run_in_the_shell_that_is_left_is_cancelled(report, worker_stops):
    with pytest.raises(KeyboardInterrupt), runs.claim_foreground(report.pk) as guard:
        guard.check()  # does not obey a worker
        raise KeyboardInterrupt
    assert (row(report).status, report.error) == ("cancelled", "stopped in the shell before it was done")
    assert report.finished_at is not None


def test_a_run_in_the_shell_takes_its_report_before_any_worker_can(project):
    with transaction.atomic():
        made = ExportReport.objects.create(project=project, name="a run", format="json", config={})
        guard = runs.claim_foreground(made.pk)
    assert guard is not None
    assert runs.claim(made.pk) is None
    guard.finish(statuses.COMPLETED)
    guard.release()


test_a_run_in_the_shell_takes_its_report_before_any_worker_can = pytest.mark.django_db(transaction=True)(
    test_a_run_in_the_shell_takes_its_report_before_any_worker_can
)


def test_times_are_those_of_the_database(report, guard, monkeypatch):
    """A process whose own clock is a day ahead changes nothing: no time on the row comes from it."""
    import time_machine

    with time_machine.travel(timedelta(days=1)):
        guard._tick(guard._next_renewal + 1)
        assert runs.reap() == runs.Reaped()
    assert ExportReport.objects.filter(pk=report.pk, lease_until__lte=Now() + runs.LEASE).exists()
    assert connection.is_usable()
