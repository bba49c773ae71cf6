"""The worker's own loop: what makes it start the cluster anew, and what does not."""

from __future__ import annotations

import socket
import threading

import pytest
from django.db import OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper

from exportadmin.lib.processes import RESTART
from exportadmin.runs import limits, worker
from exportadmin.runs.cluster import Shared
from exportadmin.runs.reaper import Reaped
from exportadmin.runs.worker_seen import WorkerMark, leave_mark


class Clock:
    """Stands still unless a test moves it."""

    now = 5000.0

    def __call__(self):
        return self.now


class FakeCluster:
    """A cluster whose processes are what the test says."""

    slots = 2

    def __init__(self, clock):
        self.shared = Shared(clock)
        self.alive = True
        self.stopped = False

    def is_alive(self):
        return self.alive

    def stop(self, seconds):
        self.stopped = True
        return True


class NoSignals:
    """Says stop after so many waits."""

    def __init__(self, waits):
        self.waits = waits

    def wait(self, seconds):
        self.waits -= 1
        return {15} if self.waits < 0 else set()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def cluster(clock):
    return FakeCluster(clock)


@pytest.fixture
def stalled():
    """Is a run waiting although a worker is free?"""
    return [False]


@pytest.fixture
def loop(cluster, clock, stalled, monkeypatch):
    monkeypatch.setattr(worker, "leave_mark", lambda *_: None)
    monkeypatch.setattr(worker, "reap", lambda **_: Reaped())
    monkeypatch.setattr(worker, "is_stalled", lambda slots: stalled[0])
    # here is no database
    monkeypatch.setattr(BaseDatabaseWrapper, "close_if_unusable_or_obsolete", lambda self: None)
    return worker.WorkerLoop(cluster, clock=clock)


def test_a_stop_is_passed_on(loop, cluster):
    assert loop.until_stopped(NoSignals(1)) == 0
    assert cluster.stopped


def test_a_dead_sentinel_means_a_new_start(loop, cluster):
    cluster.alive = False
    assert loop.until_stopped(NoSignals(1)) == RESTART


def test_a_sentinel_that_hangs_means_a_new_start(loop, cluster, clock):
    clock.now += worker.SENTINEL_SECONDS + 1
    assert loop.until_stopped(NoSignals(1)) == RESTART
    assert cluster.stopped, "runs are handed back first"


def later(clock, cluster, seconds):
    clock.now += seconds
    cluster.shared.heartbeat()


def test_a_task_untaken_for_a_minute_while_a_worker_is_free_means_a_new_start(loop, cluster, clock, stalled):
    stalled[0] = True
    assert loop.run_pass()
    later(clock, cluster, limits.STALL_SECONDS - 1)
    assert loop.run_pass()
    later(clock, cluster, 2)
    assert not loop.run_pass()


def test_a_task_that_was_taken_meanwhile_is_no_reason(loop, cluster, clock, stalled):
    stalled[0] = True
    assert loop.run_pass()
    later(clock, cluster, limits.STALL_SECONDS + 1)
    cluster.shared.task_taken()
    assert loop.run_pass()


def test_a_wait_that_was_over_in_between_is_no_reason(loop, cluster, clock, stalled):
    stalled[0] = True
    assert loop.run_pass()
    later(clock, cluster, 30)
    stalled[0] = False
    assert loop.run_pass()
    later(clock, cluster, limits.STALL_SECONDS)
    stalled[0] = True
    assert loop.run_pass()


def test_chores_are_done_in_each_pass(cluster, loop, clock):
    done = []
    made = worker.WorkerLoop(cluster, [lambda: done.append(1)], clock)
    assert made.run_pass() and made.run_pass()
    assert done == [1, 1]


@pytest.mark.parametrize("error", [OperationalError("the server closed the connection"), RuntimeError("a fault")])
def test_a_reaper_that_fails_is_asked_again(loop, monkeypatch, error):
    passes = []

    def reap(*, after_restart):
        passes.append(after_restart)
        if len(passes) == 1:
            raise error
        return Reaped()

    monkeypatch.setattr(worker, "reap", reap)
    assert loop.run_pass()
    assert loop.run_pass()
    assert loop.run_pass()
    assert passes == [True, True, False], "the first pass that works is the one after a restart"


@pytest.mark.django_db
def test_the_worker_is_seen(loop, monkeypatch):
    monkeypatch.setattr(worker, "leave_mark", leave_mark)
    loop.run_pass()
    loop.run_pass()
    (mark,) = WorkerMark.objects.all()
    assert (mark.host, mark.slots) == (socket.gethostname(), FakeCluster.slots)


# --- chores that wait for other machines -----------------------------------------------------------------------------


def test_a_chore_in_the_background_holds_nobody_up_and_runs_once_at_a_time():
    begun, go_on = threading.Semaphore(0), threading.Semaphore(0)

    def slow():
        begun.release()
        assert go_on.acquire(timeout=60)

    chore = worker.InBackground(slow)
    chore()
    assert begun.acquire(timeout=60)
    chore()  # it is at work still
    go_on.release()
    chore.wait()
    assert not begun.acquire(blocking=False)
    chore()
    assert begun.acquire(timeout=60)
    go_on.release()
    chore.wait()


@pytest.mark.parametrize("error", [OperationalError("away"), ValueError("a fault")], ids=repr)
def test_a_chore_in_the_background_that_fails_is_told_by_the_log_and_begun_again(error, caplog):
    done = []

    def fails():
        done.append(1)
        raise error

    chore = worker.InBackground(fails)
    for _ in range(2):
        chore()
        chore.wait()
    assert len(done) == 2
    assert len(caplog.records) == 2
