"""The worker's main process: its cluster, the reaper, and whatever else has to be done now and then."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from django.db import Error as DatabaseTrouble
from django.db import connection

from exportadmin.lib.ids import new_id
from exportadmin.lib.processes import RESTART
from exportadmin.lib.text import one_line
from exportadmin.runs.cluster import HAND_BACK_SECONDS, Shared
from exportadmin.runs.limits import REAP_SECONDS, STALL_SECONDS
from exportadmin.runs.queue import is_stalled
from exportadmin.runs.reaper import Reaped, reap
from exportadmin.runs.worker_seen import leave_mark

log = logging.getLogger(__name__)

STOP_SECONDS: Final = 9.0  # `exportadmin up` kills after ten
SENTINEL_SECONDS: Final = 60.0  # it looks twice a second; a locked database makes it wait for up to 20 s


class Hourly:
    """A chore that is done once an hour."""

    def __init__(self, job: Callable[[], object], clock: Callable[[], float] = time.monotonic) -> None:
        self._job = job
        self._clock = clock
        self._next = clock()

    def __call__(self) -> None:
        """Do it, if it is time."""
        if self._clock() >= self._next:
            self._next = self._clock() + 3600.0
            self._job()


class InBackground:
    """A chore that may wait for other machines: in a thread of its own, so that the loop goes on. One at a time."""

    def __init__(self, job: Callable[[], object]) -> None:
        self._job = job
        self._thread: threading.Thread | None = None

    def __call__(self) -> None:
        """Begin it, unless it is still at work."""
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._do, name="chore", daemon=True)
            self._thread.start()

    def wait(self) -> None:
        """For what was begun."""
        if self._thread is not None:
            self._thread.join()

    def _do(self) -> None:
        try:
            self._job()
        except DatabaseTrouble as error:
            log.warning("the database does not answer: %s", one_line(error))
        except Exception:
            log.exception("a chore failed; it is tried again")
        finally:
            connection.close()  # this thread's own


class ClusterLike(Protocol):
    """What the loop needs of :class:`exportadmin.runs.cluster.Cluster`."""

    shared: Shared
    slots: int

    def is_alive(self) -> bool: ...

    def stop(self, seconds: float) -> bool: ...


class SignalsLike(Protocol):
    """What it needs of :class:`exportadmin.lib.processes.Signals`."""

    def wait(self, seconds: float) -> set[int]: ...


class WorkerLoop:
    """Signals, the sentinel's life, the reaper, chores, and a cluster that looks alive but takes no task."""

    def __init__(
        self,
        cluster: ClusterLike,
        chores: Sequence[Callable[[], object]] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._id = new_id()
        self._cluster = cluster
        self._chores = chores
        self._clock = clock
        self._stalled_since: float | None = None
        self._first_pass = True

    def until_stopped(self, signals: SignalsLike) -> int:
        """Exit code: 0 stopped as asked, 1 stopped with force, 70 to be started anew."""
        next_pass = 0.0
        while not signals.wait(next_pass - self._clock()):
            if not self._cluster.is_alive():
                return RESTART
            if self._clock() < next_pass:
                continue
            if not self.run_pass():
                self._cluster.stop(HAND_BACK_SECONDS)
                return RESTART
            next_pass = self._clock() + REAP_SECONDS
        return 0 if self._cluster.stop(STOP_SECONDS) else 1

    def run_pass(self) -> bool:
        """One look at everything. ``False``: the cluster hangs and has to be started anew."""
        if self._cluster.shared.seconds_since_heartbeat() > SENTINEL_SECONDS:
            log.error("the cluster's sentinel hangs; the cluster starts anew")
            return False
        try:
            leave_mark(self._id, socket.gethostname(), self._cluster.slots)
            # the first pass tells of everything that waits: what an earlier cluster had taken off the queue is gone
            reaped = reap(after_restart=self._first_pass)
            self._first_pass = False
            stalled = is_stalled(self._cluster.slots)
            for chore in self._chores:
                chore()
        except DatabaseTrouble as error:
            log.warning("the database does not answer: %s", one_line(error))
            connection.close_if_unusable_or_obsolete()
            self._stalled_since = None
            return True
        except Exception:
            log.exception("the reaper failed; it tries again")
            return True
        if reaped != Reaped():
            log.info("%s", reaped)
        return not self._is_stuck(stalled)

    def _is_stuck(self, stalled: bool) -> bool:
        if not stalled:
            self._stalled_since = None
            return False
        if self._stalled_since is None:
            self._stalled_since = self._clock()
        waited = min(self._clock() - self._stalled_since, self._cluster.shared.seconds_since_task())
        if waited > STALL_SECONDS:
            log.error("no task was taken for %d s while a worker is free; the cluster starts anew", waited)
            return True
        return False
