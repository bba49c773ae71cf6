"""kill -9 of each process at named places: every report ends, none twice, and nothing is left lying about.

A sample; `make soak` does it hundreds of times on both databases.
"""

from __future__ import annotations

import os
import signal

import pytest

from tests.exportadmin.runs.stub.runner import BARRIERS, expected_bytes
from tests.exportadmin.runs.world import descendants, kill, survivors, until


@pytest.fixture(autouse=True)
def _nothing_lies_about(world):
    """Every test here ends its reports; then no file may be left half-made, or visible without its manifest."""
    world.forget()
    yield
    assert world.half_made() == []


def assert_delivered_once(world, pk, *, attempts):
    row = world.ended(pk)
    assert (row["status"], row["attempts"], row["error"]) == ("completed", attempts, ""), world.log_text()
    assert world.delivered(row) == expected_bytes(pk, 10)
    until(lambda: world.times_finished(pk), "the stub's own line, which it writes after the end")
    assert world.times_finished(pk) == 1


def test_a_worker_killed_anywhere_in_a_run_costs_one_attempt_and_nothing_else(world):
    pks = world.request(*({"stop_at": [name]} for name in BARRIERS))
    met = set()
    for _ in BARRIERS:
        run = world.waiting()
        met.add(run.name)
        kill(run.pid)
    assert met == set(BARRIERS)
    for pk in pks:
        assert_delivered_once(world, pk, attempts=2)


def test_after_an_idle_worker_was_killed_the_next_reports_run(world):
    # whether the cluster starts anew depends on whether the worker stood at the queue yet: what counts is the next run
    kill(world.cluster()["workers"][0])
    for pk in world.request({}, {}, {}):
        assert_delivered_once(world, pk, attempts=1)


def test_a_run_beside_a_killed_idle_worker_is_handed_back_uncounted(world):
    idle = set(world.cluster()["workers"])
    # a run that does not hand back comes to the second barrier, and dies there with the cluster
    (pk,) = world.request({"stop_at": ["between rows", "after publication"]})
    run = world.waiting()
    kill((idle - {run.pid}).pop())
    until(lambda: "was killed at a queue" in world.log_text(), "the sentinel's decision")
    run.go()
    assert_delivered_once(world, pk, attempts=1)


@pytest.mark.parametrize("role", ["sentinel", "main"])
def test_a_killed_parent_takes_its_cluster_along_and_the_run_is_done_by_the_next(world, role):
    cluster = world.cluster()
    every = {cluster["main"], *descendants(cluster["main"])}
    assert len(every) >= 6
    (pk,) = world.request({"stop_at": ["between rows"]})
    world.waiting()
    kill(cluster[role])
    until(lambda: not survivors(every), "the end of every process of the cluster")
    assert_delivered_once(world, pk, attempts=2)


@pytest.mark.parametrize("role", ["pusher", "monitor"])
def test_a_killed_helper_of_the_cluster_stops_nothing_for_good(world, role):
    kill(world.cluster()[role])
    (pk,) = world.request({})
    assert_delivered_once(world, pk, attempts=1)


def test_sigterm_to_every_process_of_the_worker_ends_it_and_the_run_goes_on(world):
    """What systemd does by default; django-q2 alone hangs for ever then."""
    cluster = world.cluster()
    every = {cluster["main"], *descendants(cluster["main"])}
    (pk,) = world.request({"stop_at": ["between rows"]})
    run = world.waiting()
    for pid in every:
        os.kill(pid, signal.SIGTERM)
    until(lambda: "sentinel stopping cluster processes" in world.log_text(), "the stop")
    run.go()
    until(lambda: not survivors(every), "the end of every process of the cluster")
    assert_delivered_once(world, pk, attempts=1)


def test_a_frozen_worker_that_wakes_up_late_writes_nothing(world):
    (pk,) = world.request({"stop_at": ["between rows"]})
    run = world.waiting()
    os.kill(run.pid, signal.SIGSTOP)
    try:
        assert_delivered_once(world, pk, attempts=2)
    finally:
        os.kill(run.pid, signal.SIGCONT)
    run.go()
    (after,) = world.request({})
    assert_delivered_once(world, after, attempts=1)
    assert_delivered_once(world, pk, attempts=2)


def test_a_run_that_kills_its_worker_fails_after_three_attempts_and_the_next_one_runs(world):
    poison, next_one = world.request({"poison": True, "stop_at": ["reading"]}, {})
    assert_delivered_once(world, next_one, attempts=1)
    row = world.ended(poison)
    assert (row["status"], row["attempts"]) == ("failed", 3)
    assert row["error"].startswith("stopped three times without finishing")


@pytest.mark.parametrize("barrier", ["reading", "between rows", "after the last byte"])
def test_a_cancel_is_obeyed_wherever_the_run_is_and_nothing_is_visible(world, barrier):
    (pk,) = world.request({"stop_at": [barrier]})
    run = world.waiting()
    assert world.ask("cancel", pk=pk) == "running"
    run.go()
    row = world.ended(pk)
    assert (row["status"], row["attempts"]) == ("cancelled", 1)
    assert not (world.home / "artifacts" / row["report_id"]).exists()


def test_a_cancelled_run_whose_worker_is_killed_does_not_begin_again(world):
    (pk,) = world.request({"stop_at": ["reading"], "every_attempt": True})
    run = world.waiting()
    assert world.ask("cancel", pk=pk) == "running"
    kill(run.pid)
    assert world.ended(pk)["status"] == "cancelled"
