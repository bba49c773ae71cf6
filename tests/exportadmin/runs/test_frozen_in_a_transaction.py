"""A worker that is frozen while it holds what everybody needs. (SQLite has one writer, and nobody who could end it.)"""

from __future__ import annotations

import os
import signal

from tests.exportadmin.runs.test_kills import assert_delivered_once


def test_a_worker_frozen_with_the_head_of_the_trail_in_its_hand_stops_nobody_else(world):
    (pk,) = world.request({"head": True, "stop_at": ["in the last transaction"]})
    run = world.waiting()
    os.kill(run.pid, signal.SIGSTOP)
    try:
        (other,) = world.request({"head": True})
        assert_delivered_once(world, other, attempts=1)
        assert_delivered_once(world, pk, attempts=2)
    finally:
        os.kill(run.pid, signal.SIGCONT)
    run.go()
    (after,) = world.request({"head": True})
    assert_delivered_once(world, after, attempts=1)
    assert_delivered_once(world, pk, attempts=2)
