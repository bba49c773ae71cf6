"""Processes that live and die together: death with the parent, signals without races, and a small supervisor.

Linux first: where ``prctl`` is missing, a killed supervisor leaves its children to notice by themselves.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import logging
import os
import select
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import FrameType, TracebackType
from typing import Any, Final

log = logging.getLogger(__name__)

_PR_SET_PDEATHSIG: Final = 1
_libc = ctypes.CDLL(None)
_forking_pid = 0

RESTART: Final = 70  # a child that leaves with this code asks to be started again at once


def die_with(parent_pid: int) -> None:
    """In a fresh child: have the kernel kill this process when its parent dies; end now if it already has."""
    prctl = getattr(_libc, "prctl", None)
    if prctl is not None:
        prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))
    if os.getppid() != parent_pid:
        os._exit(1)


def forks_die_with_parent() -> None:
    """From now on every fork of this process, and every fork of a fork, dies with its parent: no orphans, ever."""
    os.register_at_fork(before=_remember_forking_pid, after_in_child=_die_with_forking_process)


def share_with_forks() -> None:
    """What this process has loaded so far is not looked at by the garbage collector any more, here or in a fork: else
    each of them would soon have a copy of its own of every page, instead of sharing it."""
    gc.collect()
    gc.freeze()


def _remember_forking_pid() -> None:
    global _forking_pid
    _forking_pid = os.getpid()


def _die_with_forking_process() -> None:
    die_with(_forking_pid)


class Signals:
    """Signals as values to wait for. Nothing happens inside a handler, so nothing can deadlock there.

    Main thread only. ``SIGCHLD`` always ends a wait, so that a child's death is seen at once.
    """

    def __init__(self, *numbers: signal.Signals) -> None:
        self._numbers = {*numbers, signal.SIGCHLD}
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Signals:
        self._read, self._write = socket.socketpair()
        self._read.setblocking(False)
        self._write.setblocking(False)
        self._wakeup_before = signal.set_wakeup_fd(self._write.fileno(), warn_on_full_buffer=False)
        for number in self._numbers:
            self._before[number] = signal.signal(number, _only_wake)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._wakeup_before)
        self._read.close()
        self._write.close()

    def wait(self, seconds: float) -> set[int]:
        """Until a signal comes or the time is over. Which came; empty: none, or only a child's death."""
        if not select.select([self._read], [], [], max(seconds, 0))[0]:
            return set()
        came: set[int] = set()
        with contextlib.suppress(BlockingIOError):
            while data := self._read.recv(4096):
                came.update(data)
        return (came & self._numbers) - {signal.SIGCHLD}


def _only_wake(number: int, frame: FrameType | None) -> None:
    """The byte that the wakeup descriptor got is all that is needed."""


def back_to_default_signals() -> None:
    """In a fork of a process that uses :class:`Signals`: its pipe is the parent's, so leave it alone."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)


@dataclass
class Child:
    """A program under supervision. ``name`` is for the log."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    pass_fds: Sequence[int] = ()
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)
    started_at: float = field(default=0.0, init=False)
    start_again_at: float = field(default=0.0, init=False)
    quick_ends: int = field(default=0, init=False)


class Supervisor:
    """Keeps children running, each in a session of its own, until it is told to stop.

    A stop is SIGTERM to the **leaders only** (a django-q2 cluster whose every process gets it may hang for ever), then,
    after ``grace`` seconds, SIGKILL to what is left of each session. A child that ended starts again: at once with exit
    code 70, else after a delay that doubles, from a second to half a minute, while it keeps ending early.
    """

    LONG_ENOUGH_SECONDS = 10.0  # a child that ran so long has not failed to start
    QUICK_RESTARTS = 3
    LONGEST_DELAY_SECONDS = 30.0

    def __init__(
        self, children: Sequence[Child], *, grace: float = 10.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._children = children
        self._clock = clock
        self._grace = grace

    def run(self, when_started: Callable[[], bool] | None = None) -> None:
        """Until SIGTERM or SIGINT. ``when_started`` is called ten times a second until it answers true."""
        with Signals(signal.SIGTERM, signal.SIGINT) as signals:
            try:
                pending = when_started
                while not signals.wait(0.1 if pending else self._until_next_start()):
                    self._look_after()
                    if pending and pending():
                        pending = None
            finally:
                self._stop(signals)

    def _until_next_start(self) -> float:
        waits = [child.start_again_at - self._clock() for child in self._children if child.process is None]
        return min([60.0, *waits])

    def _look_after(self) -> None:
        for child in self._children:
            if child.process is not None and child.process.poll() is not None:
                self.plan_restart(child, child.process)
            if child.process is None and self._clock() >= child.start_again_at:
                self._start(child)

    def _start(self, child: Child) -> None:
        parent = os.getpid()
        child.started_at = self._clock()
        child.process = subprocess.Popen(
            child.command,
            env=child.environment,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            pass_fds=child.pass_fds,
            preexec_fn=lambda: die_with(parent),  # safe: this process has one thread
        )

    def plan_restart(self, child: Child, process: subprocess.Popen[bytes]) -> None:
        """After ``process`` of ``child`` ended: take what is left of it along, and say when to start it again."""
        _kill_session(process.pid)
        now = self._clock()
        child.process = None
        child.quick_ends = 0 if now - child.started_at > self.LONG_ENOUGH_SECONDS else child.quick_ends + 1
        at_once = process.returncode == RESTART and child.quick_ends <= self.QUICK_RESTARTS
        delay = 0.0 if at_once else min(0.5 * 2 ** min(child.quick_ends, 10), self.LONGEST_DELAY_SECONDS)
        child.start_again_at = now + delay
        log.warning("%s ended with %s; it starts again in %g s", child.name, process.returncode, delay)

    def _stop(self, signals: Signals) -> None:
        """Ask, wait, kill. A second signal cuts the waiting short."""
        running = [child.process for child in self._children if child.process is not None]
        for process in running:
            if process.poll() is None:
                process.terminate()
        deadline = time.monotonic() + self._grace
        while any(process.poll() is None for process in running) and time.monotonic() < deadline:
            if signals.wait(min(0.2, deadline - time.monotonic())):
                break
        for process in running:
            _kill_session(process.pid)
            process.wait()


def _kill_session(leader_pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader_pid, signal.SIGKILL)
