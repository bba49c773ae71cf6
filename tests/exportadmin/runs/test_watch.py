"""The worker command's own loop: what makes it start the cluster anew, and what does not."""

from __future__ import annotations

import time

import pytest
from django.core.cache import caches
from django.db import OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper

from exportadmin.lib.processes import RESTART
from exportadmin.runs.cluster import Shared
from exports import runs
from exports.management.commands import worker


class FakeCluster:
    """A cluster whose processes are what the test says."""

    slots = 2

    def __init__(self):
        self.shared = Shared()
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
def cluster():
    return FakeCluster()


@pytest.fixture
def watch(cluster, monkeypatch):
    monkeypatch.setattr(runs, "reap", lambda **_: runs.Reaped())
    monkeypatch.setattr(runs, "waiting_unanswered", lambda slots: False)
    made = worker.Watch(cluster)
    # retention and a connection to close are other files' matter; here is no database
    monkeypatch.setattr(made._retention, "tick", lambda: None)
    monkeypatch.setattr(BaseDatabaseWrapper, "close_if_unusable_or_obsolete", lambda self: None)
    return made


def quiet_for(cluster, seconds):
    cluster.shared._answered_at.value = time.monotonic() - seconds


def test_a_stop_is_passed_on(watch, cluster):
    assert watch.until_stopped(NoSignals(1)) == 0
    assert cluster.stopped


def test_a_dead_sentinel_means_a_new_start(watch, cluster):
    cluster.alive = False
    assert watch.until_stopped(NoSignals(1)) == RESTART


def test_a_sentinel_that_hangs_means_a_new_start(watch, cluster):
    cluster.shared._looked_at.value = time.monotonic() - worker.SENTINEL_SECONDS - 1
    assert watch.until_stopped(NoSignals(1)) == RESTART
    assert cluster.stopped, "runs are handed back first"


def test_a_bell_unanswered_for_a_minute_while_a_worker_is_free_means_a_new_start(watch, cluster):
    quiet_for(cluster, 1000)
    assert not watch._canary(True, 5000.0)
    assert not watch._canary(True, 5000.0 + worker.CANARY_SECONDS - 1)
    assert watch._canary(True, 5000.0 + worker.CANARY_SECONDS + 1)


def test_a_bell_that_was_answered_meanwhile_is_no_reason(watch, cluster):
    quiet_for(cluster, 1000)
    assert not watch._canary(True, 5000.0)
    cluster.shared.answered()
    assert not watch._canary(True, 5000.0 + worker.CANARY_SECONDS + 1)


def test_a_wait_that_was_over_in_between_is_no_reason(watch, cluster):
    quiet_for(cluster, 1000)
    assert not watch._canary(True, 5000.0)
    assert not watch._canary(False, 5030.0)
    assert not watch._canary(True, 5000.0 + worker.CANARY_SECONDS + 1)


@pytest.mark.parametrize("error", [OperationalError("the server closed the connection"), RuntimeError("a fault")])
def test_a_reaper_that_fails_is_asked_again(watch, monkeypatch, error):
    asked = []

    def reap(*, after_restart):
        asked.append(after_restart)
        if len(asked) == 1:
            raise error
        return runs.Reaped()

    monkeypatch.setattr(runs, "reap", reap)
    assert not watch._is_stuck()
    assert not watch._is_stuck()
    assert not watch._is_stuck()
    assert asked == [True, True, False], "the first pass that works is the one after a restart"


def test_the_worker_is_seen(watch):
    caches["q"].delete(worker.SEEN_KEY)
    before = time.time()
    watch._is_stuck()
    assert before <= caches["q"].get(worker.SEEN_KEY) <= time.time()
