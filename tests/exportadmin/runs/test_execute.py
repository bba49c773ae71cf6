"""What django-q2 calls: whatever happens inside, the run gets an end or another attempt."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import OperationalError, transaction
from django.db.models.functions import Now

from exportadmin.lib.errors import PermanentError, TransientError
from exportadmin.runs import limits, statuses
from exportadmin.runs.ends import end
from exportadmin.runs.errors import Cancelled, NotYet
from exportadmin.runs.execute import execute, run_in_foreground
from exportadmin.runs.lease import claim
from exportadmin.runs.reaper import Reaped, reap
from exports.models import ExportReport


@pytest.fixture
def carried_out(runner):
    """Let a run be this function."""
    return lambda run: setattr(runner, "carried_out", staticmethod(run))


def raising(error):
    def run(report, lease):
        raise error

    return run


def row(report):
    report.refresh_from_db()
    return report


def test_a_task_runs_the_report(make_report, runner):
    report = make_report()
    assert execute("export", report.pk) == "done"
    assert row(report).status == statuses.COMPLETED


def test_a_second_task_does_nothing(make_report, carried_out):
    report, begun = make_report(), []
    carried_out(lambda report, lease: (begun.append(report.pk), end(report, lease, statuses.COMPLETED)))
    assert [execute("export", report.pk), execute("export", report.pk)] == ["done", "nothing to do"]
    assert begun == [report.pk]


@pytest.mark.parametrize("error", [RuntimeError("a secret"), SystemExit(3), MemoryError()])
def test_a_crash_becomes_an_end_without_the_error_s_own_words(make_report, carried_out, error):
    report = make_report()
    carried_out(raising(error))
    execute("export", report.pk)
    assert row(report).status == statuses.ERRORED
    assert type(error).__name__ in report.error and "a secret" not in report.error


def test_a_cancel_that_comes_through_is_an_end(make_report, carried_out):
    report = make_report()
    carried_out(raising(Cancelled("on request")))
    execute("export", report.pk)
    assert row(report).status == statuses.CANCELLED


def test_a_lost_lease_writes_nothing(make_report, carried_out):
    report = make_report()

    def run(report, lease):
        ExportReport.objects.filter(pk=report.pk).update(fence=99)
        lease.check()

    carried_out(run)
    execute("export", report.pk)
    assert (row(report).status, report.fence) == (statuses.RUNNING, 99)
    assert report.lease_until is not None


def test_a_database_that_failed_the_run_leaves_it_to_the_next_attempt(make_report, carried_out):
    report = make_report()
    carried_out(raising(OperationalError("server closed the connection")))
    execute("export", report.pk)
    assert row(report).status == statuses.RUNNING
    assert "server closed the connection" in report.error
    assert reap().requeued == 1


def test_a_transient_error_is_tried_again_after_a_while(make_report, carried_out):
    report = make_report()
    carried_out(raising(TransientError("the platform is busy")))
    execute("export", report.pk)
    assert (row(report).status, report.attempts, report.error) == (statuses.QUEUED, 1, "the platform is busy")
    ahead = ExportReport.objects.filter(pk=report.pk, not_before__gt=Now() + timedelta(seconds=5))
    assert ahead.filter(not_before__lt=Now() + timedelta(seconds=13)).exists()
    assert reap() == Reaped()


def test_the_delay_that_the_other_side_asks_for_is_kept(make_report, carried_out):
    report = make_report()
    carried_out(raising(TransientError("the platform is busy", retry_after=120)))
    execute("export", report.pk)
    assert ExportReport.objects.filter(pk=report.pk, not_before__gt=Now() + timedelta(seconds=110)).exists()


def test_a_transient_error_in_the_third_attempt_is_the_end(make_report, carried_out):
    report = make_report(attempts=2, fence=2)
    carried_out(raising(TransientError("the platform is busy")))
    execute("export", report.pk)
    assert row(report).status == statuses.FAILED
    assert report.error == "the platform is busy (tried 3 times)"


def test_a_worker_that_stops_begins_nothing_and_loses_no_task(make_report, runner, worker_stops):
    report = make_report(queued=-1)
    assert execute("export", report.pk) == "stopping"
    assert (row(report).status, report.attempts, report.queued_at) == (statuses.QUEUED, 0, None)


def test_a_refusal_is_a_failure_in_its_own_words(make_report, carried_out, runner):
    report = make_report()
    carried_out(raising(PermanentError("the bucket is gone")))
    execute("export", report.pk)
    assert runner.ends == [(report.pk, statuses.FAILED, "the bucket is gone")]


def test_a_full_disk_is_a_failure_that_says_so(make_report, carried_out):
    report = make_report()
    carried_out(raising(OSError(28, "No space left on device")))
    execute("export", report.pk)
    assert (row(report).status, report.error) == (
        statuses.FAILED,
        "the disk is full: free some space and run it again",
    )


def test_an_end_that_the_trail_refuses_is_not_blamed_on_memory(make_report, runner):
    def refuses(run):
        raise PermanentError("the head of the audit trail is gone")

    report = make_report(attempts=2, fence=2)
    runner.on_end = staticmethod(refuses)
    execute("export", report.pk)
    assert row(report).status == statuses.RUNNING
    runner.on_end = staticmethod(lambda run: None)
    assert reap().failed == 1
    assert "the head of the audit trail is gone" in row(report).error
    assert "memory" not in report.error


# --- waiting is no attempt --------------------------------------------------------------------------------------------


def due(report):
    """As if the time were over that it waits for."""
    ExportReport.objects.filter(pk=report.pk).update(not_before=Now())


def counting(upto, seen):
    """A step that looks ``upto`` times, and knows from its state alone how often it has looked."""

    def run(report, lease):
        seen.append(report.state.get("looks", 0))
        if seen[-1] == upto:
            end(report, lease, statuses.COMPLETED)
        else:
            raise NotYet(timedelta(seconds=5), {"looks": seen[-1] + 1})

    return run


def test_two_hundred_times_not_yet_is_one_attempt(make_report, carried_out):
    report, seen = make_report(), []
    carried_out(counting(200, seen))
    for _ in range(201):
        execute("export", report.pk)
        due(report)
    assert seen == list(range(201))
    assert (row(report).status, report.attempts, report.error) == (statuses.COMPLETED, 1, "")


def test_what_waits_is_looked_at_again_when_it_said_and_not_before(make_report, carried_out):
    report, seen = make_report(age=60), []
    carried_out(counting(1, seen))
    execute("export", report.pk)
    assert (row(report).status, report.attempts, report.state) == (statuses.QUEUED, 0, {"looks": 1})
    assert ExportReport.objects.filter(not_before__gt=Now() + timedelta(seconds=3)).exists()
    assert execute("export", report.pk) == "nothing to do"
    assert reap() == Reaped()
    due(report)
    assert reap() == Reaped(enqueued=1)


class Killed(BaseException):
    """As good as a kill: nobody catches it."""


def test_a_step_that_is_killed_goes_on_with_the_state_of_the_one_before(make_report, carried_out):
    report, seen = make_report(), []
    carried_out(counting(5, seen))
    for _ in range(3):
        execute("export", report.pk)
        due(report)
    carried_out(raising(Killed()))
    with pytest.raises(Killed):
        execute("export", report.pk)
    assert (row(report).status, report.attempts) == (statuses.RUNNING, 1)
    assert reap().requeued == 1
    carried_out(counting(5, seen))
    for _ in range(3):
        execute("export", report.pk)
        due(report)
    assert seen == [0, 1, 2, 3, 4, 5]
    assert (row(report).status, report.attempts) == (statuses.COMPLETED, 2)


def test_a_run_in_the_shell_waits_itself(make_report, carried_out, monkeypatch):
    report, seen = make_report(), []

    def run(report, lease):
        seen.append(dict(report.state))
        if len(seen) < 3:
            raise NotYet(timedelta(0), {"looks": len(seen)})
        end(report, lease, statuses.COMPLETED)

    carried_out(run)
    run_in_foreground(claim(ExportReport, report.pk, foreground=True))
    assert seen == [{}, {"looks": 1}, {"looks": 2}]
    assert (row(report).status, report.attempts) == (statuses.COMPLETED, 1)


# --- one end ----------------------------------------------------------------------------------------------------------


def test_an_end_that_is_none_is_refused(make_report, runner):
    report = make_report()
    with pytest.raises(ValueError, match="running"):
        end(report, None, statuses.RUNNING)


def test_who_asked_for_the_end_of_what_waits_ends_it_and_only_that(make_report, runner):
    waiting, running = make_report(cancel_requested=True), make_report(status=statuses.RUNNING, cancel_requested=True)
    assert end(waiting, None, statuses.CANCELLED)
    assert not end(waiting, None, statuses.CANCELLED)
    assert not end(running, None, statuses.CANCELLED)
    assert runner.ends == [(waiting.pk, statuses.CANCELLED, "")]
    assert row(waiting).finished_at is not None


def test_an_end_in_a_transaction_that_fails_did_not_happen(make_report, runner):
    report = make_report(cancel_requested=True)
    with pytest.raises(RuntimeError), transaction.atomic():
        end(report, None, statuses.CANCELLED)
        raise RuntimeError
    assert row(report).status == statuses.QUEUED


def test_there_is_no_fourth_attempt_after_two_that_were_put_off(make_report, carried_out):
    report = make_report()
    carried_out(raising(TransientError("busy")))
    for _ in range(limits.MAX_ATTEMPTS + 2):
        execute("export", report.pk)
        due(report)
    assert (row(report).status, report.attempts) == (statuses.FAILED, limits.MAX_ATTEMPTS)
