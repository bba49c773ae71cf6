"""The supervisor: starts again, waits longer each time, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap

import pytest

from exportadmin.lib.processes import Child, Supervisor
from tests.exportadmin.runs.world import PATIENCE, descendants, survivors, until
from tests.support.paths import ROOT


class Ended:
    """A process that has ended."""

    pid = 2**22 + 1  # above what Linux gives out: a signal to it reaches nobody

    def __init__(self, returncode):
        self.returncode = returncode


def delays(codes, *, lived=0.1):
    """Seconds until the next start, after each of these ends."""
    child = Child("a child", ["true"], {})
    supervisor = Supervisor([child], clock=lambda: 1000.0)
    found = []
    for code in codes:
        child.started_at = 1000.0 - lived
        supervisor.plan_restart(child, Ended(code))
        found.append(child.start_again_at - 1000.0)
    return found


def test_a_child_that_keeps_ending_waits_longer_each_time_but_never_for_ever():
    assert delays([1] * 8) == [1, 2, 4, 8, 16, 30, 30, 30]


def test_a_child_that_ran_for_a_while_waits_little():
    assert delays([1, -9, 0], lived=Supervisor.LONG_ENOUGH_SECONDS + 1) == [0.5, 0.5, 0.5]


def test_a_child_that_asks_for_it_starts_again_at_once_unless_it_does_nothing_else():
    assert delays([70, 70, 70, 70]) == [0, 0, 0, 8]
    assert delays([70] * 5, lived=Supervisor.LONG_ENOUGH_SECONDS + 1) == [0] * 5


def supervised(tmp_path, *children, grace=10.0):
    """A supervisor in a process of its own, with these Python programs as its children."""
    program = tmp_path / "supervise.py"
    program.write_text(
        textwrap.dedent(
            """
            import json, os, sys
            from exportadmin.lib.processes import Child, Supervisor
            grace, *children = json.loads(sys.argv[1])
            Supervisor([Child(c, [sys.executable, "-c", c], os.environ) for c in children], grace=grace).run()
            """
        )
    )
    arguments = json.dumps([grace, *children])
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen([sys.executable, program, arguments], env=environment, cwd=tmp_path)


@pytest.fixture
def ended():
    """Whatever a test starts is gone after it."""
    started = []
    yield started.append
    for process in started:
        process.kill()
        process.wait()


STAYS = "import pathlib, time, os; pathlib.Path(f'{os.getpid()}.up').touch(); time.sleep(1000)"
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + STAYS
HEARS = "import signal, pathlib; signal.signal(signal.SIGTERM, lambda *_: pathlib.Path('asked').touch()); " + STAYS
FAMILY = "import os; os.fork(); " + DEAF


def up(tmp_path):
    return list(tmp_path.glob("*.up"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_ends_every_child_and_is_no_failure(tmp_path, ended, number):
    process = supervised(tmp_path, STAYS, STAYS + " ")
    ended(process)
    until(lambda: len(up(tmp_path)) == 2, "both children")
    every = descendants(process.pid)
    process.send_signal(number)
    assert process.wait(timeout=PATIENCE) == 0
    assert survivors(every) == set()


def test_who_does_not_listen_is_killed_with_its_whole_family(tmp_path, ended):
    process = supervised(tmp_path, FAMILY, grace=0.3)
    ended(process)
    until(lambda: len(up(tmp_path)) == 2, "child and grandchild")
    every = descendants(process.pid)
    assert len(every) == 2
    process.terminate()
    assert process.wait(timeout=PATIENCE) == 0
    until(lambda: not survivors(every), "the end of the family")


def test_a_second_signal_cuts_the_waiting_short(tmp_path, ended):
    process = supervised(tmp_path, HEARS, grace=1000.0)
    ended(process)
    until(lambda: len(up(tmp_path)) == 1, "the child")
    process.terminate()
    until((tmp_path / "asked").exists, "the first signal, passed on")
    process.terminate()
    assert process.wait(timeout=PATIENCE) == 0


def test_children_die_with_a_killed_supervisor(tmp_path, ended):
    process = supervised(tmp_path, DEAF)
    ended(process)
    until(lambda: len(up(tmp_path)) == 1, "the child")
    every = descendants(process.pid)
    process.kill()
    process.wait()
    until(lambda: not survivors(every), "the end of the child")


def test_an_ended_child_is_started_again(tmp_path, ended):
    ended(supervised(tmp_path, STAYS.replace("time.sleep(1000)", "raise SystemExit(70)")))
    until(lambda: len(up(tmp_path)) >= 3, "three starts")
