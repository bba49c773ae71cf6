"""django-q2's door: whatever happens inside, the report gets an end or another attempt."""

from __future__ import annotations

import sys
import types
from datetime import timedelta

import pytest
from django.db import OperationalError
from django.db.models.functions import Now

from exportadmin.lib.errors import TransientError
from exports import run_guard, runs, statuses, tasks
from exports.models import ExportReport


@pytest.fixture
def pipeline(monkeypatch):
    """In the place of the real one; the door looks it up late."""
    import exports.run

    made = types.ModuleType("exports.run.pipeline")
    made.end = lambda report, guard, status, error: guard.finish(status, error=error, phase="")
    monkeypatch.setitem(sys.modules, "exports.run.pipeline", made)
    monkeypatch.setattr(exports.run, "pipeline", made, raising=False)
    return made


@pytest.fixture
def carried_out(pipeline):
    """Let the pipeline be this function."""
    return lambda run: setattr(pipeline, "run", run)


def raising(error):
    def run(report, guard):
        raise error

    return run


def row(report):
    report.refresh_from_db()
    return report


def test_a_bell_runs_the_report(make_report, carried_out):
    report = make_report()
    carried_out(lambda report, guard: guard.finish(statuses.COMPLETED))
    assert tasks.run_report(report.pk) == "done"
    assert row(report).status == statuses.COMPLETED


def test_a_second_bell_does_nothing(make_report, carried_out):
    report, begun = make_report(), []
    carried_out(lambda report, guard: (begun.append(report.pk), guard.finish(statuses.COMPLETED)))
    assert [tasks.run_report(report.pk), tasks.run_report(report.pk)] == ["done", "nothing to do"]
    assert begun == [report.pk]


@pytest.mark.parametrize("error", [RuntimeError("a secret"), SystemExit(3), MemoryError()])
def test_a_crash_becomes_an_end_without_the_error_s_own_words(make_report, carried_out, error):
    report = make_report()
    carried_out(raising(error))
    tasks.run_report(report.pk)
    assert row(report).status == statuses.ERRORED
    assert type(error).__name__ in report.error and "a secret" not in report.error


def test_a_cancel_that_the_pipeline_lets_through_is_an_end(make_report, carried_out):
    report = make_report()
    carried_out(raising(runs.Cancelled("on request")))
    tasks.run_report(report.pk)
    assert row(report).status == statuses.CANCELLED


def test_a_lost_lease_writes_nothing(make_report, carried_out):
    report = make_report()

    def run(report, guard):
        ExportReport.objects.filter(pk=report.pk).update(fence=99)
        guard.check()

    carried_out(run)
    tasks.run_report(report.pk)
    assert (row(report).status, report.fence) == (statuses.RUNNING, 99)
    assert report.lease_until is not None


def test_a_database_that_failed_the_run_leaves_it_to_the_next_attempt(make_report, carried_out):
    report = make_report()
    carried_out(raising(OperationalError("server closed the connection")))
    tasks.run_report(report.pk)
    assert row(report).status == statuses.RUNNING
    assert "server closed the connection" in report.error
    assert runs.reap().requeued == 1


def test_a_transient_error_is_tried_again_after_a_while(make_report, carried_out):
    report = make_report()
    carried_out(raising(TransientError("the platform is busy")))
    assert tasks.run_report(report.pk) == "again later"
    assert (row(report).status, report.attempts, report.error) == (statuses.QUEUED, 1, "the platform is busy")
    ahead = ExportReport.objects.filter(pk=report.pk, rung_at__gt=Now() + timedelta(seconds=5))
    assert ahead.filter(rung_at__lt=Now() + timedelta(seconds=13)).exists()
    assert runs.reap() == runs.Reaped()


def test_the_delay_that_the_other_side_asks_for_is_kept(make_report, carried_out):
    report = make_report()
    carried_out(raising(TransientError("the platform is busy", retry_after=120)))
    tasks.run_report(report.pk)
    assert ExportReport.objects.filter(pk=report.pk, rung_at__gt=Now() + timedelta(seconds=110)).exists()


def test_a_transient_error_in_the_third_attempt_is_the_end(make_report, carried_out):
    report = make_report(attempts=2, fence=2)
    carried_out(raising(TransientError("the platform is busy")))
    tasks.run_report(report.pk)
    assert row(report).status == statuses.FAILED
    assert report.error == "the platform is busy (tried 3 times)"


def test_a_worker_that_stops_begins_nothing_and_forgets_no_bell(make_report, carried_out, monkeypatch):
    report = make_report(rung=-1)
    monkeypatch.setattr(run_guard, "_stopping", lambda: True)
    assert tasks.run_report(report.pk) == "stopping"
    assert (row(report).status, report.attempts, report.rung_at) == (statuses.QUEUED, 0, None)


def test_what_a_dead_process_left_is_discarded(make_report, pipeline):
    report, discarded = make_report(), []
    pipeline.discard = discarded.append
    tasks.tidy(report)
    assert discarded == [report]
