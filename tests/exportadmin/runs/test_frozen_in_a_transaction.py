"""A worker that is frozen anywhere in a run stops nobody else, and writes nothing when it is thawed.

With a server: SQLite has one writer, and nobody who could end one that is frozen in its transaction.
"""

from __future__ import annotations

import os
import signal

import pytest

from tests.exportadmin.runs.stub.runner import BARRIERS
from tests.exportadmin.runs.test_kills import assert_delivered_once


@pytest.mark.parametrize("barrier", [*BARRIERS, "in the last transaction"])
def test_a_worker_frozen_at_any_barrier_stops_nobody_else(world, barrier):
    (pk,) = world.request({"head": True, "stop_at": [barrier]})
    run = world.waiting()
    assert run.name == barrier
    os.kill(run.pid, signal.SIGSTOP)
    try:
        (other,) = world.request({"head": True})
        assert_delivered_once(world, other, attempts=1)
        assert_delivered_once(world, pk, attempts=2)
        before = world.look(pk)
    finally:
        os.kill(run.pid, signal.SIGCONT)
    run.go()
    (after,) = world.request({"head": True})
    assert_delivered_once(world, after, attempts=1)
    assert_delivered_once(world, pk, attempts=2)
    assert world.look(pk) == before
