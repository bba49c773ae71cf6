"""django-q2's cluster with cures for what it does to itself: it never stands still in silence.

* every fork dies with its parent (:func:`exportadmin.lib.processes.forks_die_with_parent`, called by the command);
* a worker that dies **idle** may have died holding the lock of the task queue, and then no worker ever gets a task
  again (django-q2 issue #23). The whole cluster leaves, to be started anew; runs in other workers are handed back
  first. The same for a pusher or monitor that was killed;
* SIGTERM to the whole process group does not tear the sentinel out of the middle: only the main process listens;
* shared memory without locks tells the main process when a task was last taken and when the sentinel last gave a sign.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import time
import uuid
from collections.abc import Callable
from ctypes import c_double
from multiprocessing.context import ForkProcess
from multiprocessing.sharedctypes import RawValue
from typing import Any, Final

from django_q.cluster import Sentinel
from django_q.conf import Conf
from django_q.signals import pre_execute

from exportadmin.lib.processes import RESTART, back_to_default_signals

log = logging.getLogger(__name__)

HAND_BACK_SECONDS: Final = 5.0
_IDLE, _TIMED_OUT = -1, 0  # django-q2's marks in a worker's timer; above 0 it is busy, -2 is a regular recycling


class Shared:
    """Seen by every process of the cluster. Plain memory: a process that is killed cannot keep a lock on it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._stopping = RawValue(c_double, 0.0)
        self._task_taken_at = RawValue(c_double, clock())
        self._heartbeat_at = RawValue(c_double, clock())

    def stop(self) -> None:
        """Runs are to hand back what they work on."""
        self._stopping.value = 1.0

    def is_stopping(self) -> bool:
        """Was that asked?"""
        return bool(self._stopping.value)

    def task_taken(self, **_: Any) -> None:
        """A worker has taken a task (receiver of django-q2's ``pre_execute``)."""
        self._task_taken_at.value = self._clock()

    def heartbeat(self) -> None:
        """The sentinel has looked after its processes."""
        self._heartbeat_at.value = self._clock()

    def seconds_since_task(self) -> float:
        """Since a task was last taken."""
        return float(self._clock() - self._task_taken_at.value)

    def seconds_since_heartbeat(self) -> float:
        """Since the sentinel last looked."""
        return float(self._clock() - self._heartbeat_at.value)


class CarefulSentinel(Sentinel):  # type: ignore[misc]  # django-q2 has no types
    """The guard of the pool, in a process of its own. Everything happens in the constructor, as in the original."""

    def __init__(self, shared: Shared, stop_event: Any, start_event: Any) -> None:
        super().__init__(stop_event, start_event, uuid.uuid4(), start=False)
        self._shared = shared
        # inherited by the whole pool: a stop goes from the main process over the stop event, never over signals
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        self.start()

    def status(self) -> str:
        """Asked in every loop of the original, so it is the sign of life."""
        self._shared.heartbeat()
        return str(super().status())

    def reincarnate(self, process: Any) -> None:
        """Replace one process, or leave altogether where a queue may be wedged."""
        if not process.is_alive() and self._may_hold_a_queue(process):
            log.error("a process of the cluster was killed at a queue; the cluster starts anew")
            self._leave()
        timed_out = process not in (self.monitor, self.pusher) and process.timer.value == _TIMED_OUT
        super().reincarnate(process)
        if timed_out and process.is_alive():
            process.kill()  # the original's SIGTERM is ignored

    def _may_hold_a_queue(self, process: Any) -> bool:
        killed = (process.exitcode or 0) < 0
        if process in (self.monitor, self.pusher):
            return killed
        return bool(process.timer.get_obj().value == _IDLE)

    def _leave(self) -> None:
        """Have runs handed back by the other workers, then go; the kernel takes the pool along."""
        self._shared.stop()
        deadline = time.monotonic() + HAND_BACK_SECONDS
        while any(worker.is_alive() and worker.timer.get_obj().value > 0 for worker in self.pool):
            if time.monotonic() > deadline:
                break
            time.sleep(0.05)
        os._exit(RESTART)


def _guard(shared: Shared, stop_event: Any, start_event: Any) -> None:
    """Body of the sentinel's process. Its end is the end of the pool, whatever the reason."""
    code = RESTART
    try:
        back_to_default_signals()
        CarefulSentinel(shared, stop_event, start_event)
        code = 0
    except BaseException:
        log.exception("the cluster's sentinel failed")
    finally:
        # not a return: multiprocessing would wait for children that ignore its SIGTERM
        os._exit(code)


class Cluster:
    """The main process's handle: start, watch, stop."""

    def __init__(self) -> None:
        self.shared = Shared()
        self.slots = int(Conf.WORKERS)
        fork = multiprocessing.get_context("fork")
        self._stop_event, self._start_event = fork.Event(), fork.Event()
        self._sentinel: ForkProcess = fork.Process(
            target=_guard, args=(self.shared, self._stop_event, self._start_event), name="sentinel"
        )

    def start(self) -> None:
        """Fork the pool. Database connections must be closed before: a fork would share their sockets."""
        pre_execute.connect(self.shared.task_taken, weak=False)
        self._sentinel.start()

    def is_alive(self) -> bool:
        """Does the sentinel live? Without it there is no pool."""
        return self._sentinel.is_alive()

    def stop(self, seconds: float) -> bool:
        """Have runs handed back and the pool ended. ``False``: not done in time, what is left has to be killed."""
        self.shared.stop()
        if self._sentinel.is_alive():
            self._stop_event.set()
            self._sentinel.join(timeout=seconds)
        return not self._sentinel.is_alive()
