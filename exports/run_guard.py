"""The hold that one process has on one running report: lease, heartbeat, progress, end (DESIGN.md §4).

**One clock.** Every time on the row is the database's (``Now()``), and leases are compared with it in SQL. Machines may
disagree about the time; only the database's opinion counts. Durations inside a process use the monotonic clock.

**The fence.** Every claim raises ``fence``. Every write here says ``WHERE fence = mine AND status = running``, so a
process that was frozen, cut off or believed dead cannot write over the one that took its place.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Final

from django.db import Error as DatabaseTrouble
from django.db import connection
from django.db.models import F, QuerySet
from django.db.models.functions import Greatest, Now

from exportadmin.lib import env
from exportadmin.lib.errors import ExportAdminError
from exports import statuses
from exports.models import ExportReport

log = logging.getLogger(__name__)

LEASE: Final = timedelta(seconds=env.number("LEASE_SECONDS", 30, at_least=1))
# below django-q2's own timeout of six hours, which would end a run without leaving a word about it
DEADLINE: Final = timedelta(seconds=env.number("RUN_DEADLINE_SECONDS", 5 * 3600, at_least=1))
MAX_ATTEMPTS: Final = 3
CHECK_SECONDS: Final = 1.0
# `exportadmin up` kills ten seconds after it asked; a run that has not looked at its guard by then ends here, tidily
STOP_GRACE_SECONDS: Final = 6.0
EXIT_DEADLINE, EXIT_STOPPED = 71, 75
# a pipeline has a handful; one that went back and forth for ever must not make the row grow
MOST_PHASES: Final = 50


class Cancelled(ExportAdminError):  # noqa: N818 - a word of DESIGN.md §4
    """Somebody asked for the run to be cancelled."""


class LeaseLost(ExportAdminError):  # noqa: N818
    """The report is no longer ours: write nothing, deliver nothing, clean up what is under our own temporary name."""


class HandedBack(LeaseLost):
    """The worker is going away. The report goes on at the next start, and this attempt is not counted."""


_stopping: Callable[[], bool] = bool


def stop_when(stopping: Callable[[], bool]) -> None:
    """Whom guards ask whether this worker is to stop (shared memory: asked at every check)."""
    global _stopping
    _stopping = stopping


def stopping() -> bool:
    """Is this worker to stop?"""
    return _stopping()


class RunGuard:
    """Held from claim to release. Used by one thread; the heartbeat has a thread and a connection of its own.

    ``attempt`` counts from 1. ``fence`` is unique to this claim, so it is the thing to put into temporary names.
    ``claimed_at`` is the database's time at the claim, from which the times of phases are counted.
    """

    obeys_worker = True  # may be told to stop, and has a deadline past which the process ends

    def __init__(self, pk: int, *, fence: int, attempt: int, claimed_at: datetime) -> None:
        self.pk = pk
        self.fence = fence
        self.attempt = attempt
        self._born = time.monotonic()
        self._claimed_at = claimed_at
        self._next_look = 0.0
        self._next_write = 0.0
        self._next_renewal = self._born + LEASE.total_seconds() / 3
        self._told_to_stop_at: float | None = None
        self._phase = ""
        self._phases: list[dict[str, str]] = []
        self._pending: dict[str, Any] = {}
        self._lost = False
        self._finished = False
        self._handed_back = False
        self._released = threading.Event()
        self._heart = threading.Thread(target=self._beat, name=f"lease of report {pk}", daemon=True)
        self._heart.start()

    # --- for the pipeline ---------------------------------------------------------------------------------------------

    def check(self, *, now: bool = False) -> None:
        """Call between batches: raises :class:`Cancelled` or :class:`LeaseLost` when the run has to end.

        One query a second at most; with ``now`` (just before publication) it asks in any case. A database that does
        not answer is no reason to stop reading: the writes are fenced anyway.
        """
        if self.obeys_worker and stopping():
            self._handed_back = True
            raise HandedBack("the worker is stopping; the run goes on at its next start")
        if self._lost:
            raise LeaseLost(self._lost_words())
        moment = time.monotonic()
        if moment < self._next_look and not now:
            return
        self._next_look = moment + CHECK_SECONDS
        try:
            seen = self._row().values_list("fence", "status", "cancel_requested").first()
        except DatabaseTrouble as error:
            if now:  # about to publish: without an answer nobody knows whether it still may
                raise
            self._forgive(error, "look at its row")
            return
        if seen is None or seen[:2] != (self.fence, statuses.RUNNING):
            self._lost = True
            raise LeaseLost(self._lost_words())
        if seen[2]:
            raise Cancelled("cancelled on request")

    def progress(
        self,
        *,
        phase: str | None = None,
        rows_done: int | None = None,
        bytes_done: int | None = None,
        rows_expected: int | None = None,
    ) -> None:
        """Say how far it is. Written once a second at most, a new phase at once. Does not raise for a lost lease."""
        given = {"phase": phase, "rows_done": rows_done, "bytes_done": bytes_done, "rows_expected": rows_expected}
        self._pending.update((name, value) for name, value in given.items() if value is not None)
        moment = time.monotonic()
        if not self._pending or (moment < self._next_write and phase in (None, self._phase)):
            return
        self._next_write = moment + CHECK_SECONDS
        if phase is not None and phase != self._phase:
            self._enter(phase, moment)
        try:
            written = self._mine().update(**self._pending)
        except DatabaseTrouble as error:
            self._forgive(error, "write its progress")
            return
        self._pending = {}
        self._lost = self._lost or not written

    def finish(self, status: str, **fields: Any) -> bool:
        """Write the end: one conditional UPDATE. ``False``: the report is no longer ours and nothing was written.

        May stand in the caller's transaction. ``fields`` are columns of the report, on top of the last progress.
        """
        if status not in statuses.TERMINAL:
            raise ValueError(f"{status!r} is not an end")
        end = {**self._pending, **fields, "status": status, "finished_at": Now(), "lease_until": None}
        written = bool(self._mine().update(**end))
        self._finished = self._finished or written
        self._lost = not written
        return written

    def put_back(self, *, after: timedelta, error: str) -> bool:
        """Queue the report again, to be rung not before ``after``. The attempt counts; ``error`` says why it waits."""
        again = {"status": statuses.QUEUED, "fence": F("fence") + 1, "lease_until": None, "phase": "", "error": error}
        written = bool(self._mine().update(**again, rung_at=Now() + after))
        self._finished = self._finished or written
        return written

    def note(self, error: str) -> None:
        """Leave a line on the row for whoever looks later, as far as that is possible."""
        try:
            self._mine().update(error=error)
        except DatabaseTrouble as problem:
            self._forgive(problem, "leave a note")

    def release(self) -> None:
        """Let go. A report without an end is free for the reaper from now on; safe to call twice."""
        if self._released.is_set():
            return
        self._released.set()
        if threading.current_thread() is not self._heart:
            self._heart.join(timeout=LEASE.total_seconds())
        if self._finished or self._lost:
            return
        try:
            self._let_go()
        except DatabaseTrouble as error:
            self._forgive(error, "let go of its lease")

    def __enter__(self) -> RunGuard:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.release()

    # --- inside -------------------------------------------------------------------------------------------------------

    def _row(self) -> QuerySet[ExportReport]:
        return ExportReport.objects.filter(pk=self.pk)

    def _mine(self) -> QuerySet[ExportReport]:
        return self._row().filter(fence=self.fence, status=statuses.RUNNING)

    def _let_go(self) -> None:
        back = {"attempts": Greatest(F("attempts") - 1, 0)} if self._handed_back else {}
        self._mine().update(lease_until=Now(), **back)

    def _enter(self, phase: str, moment: float) -> None:
        """A new phase, and when it began."""
        self._phase = phase
        if len(self._phases) < MOST_PHASES:
            at = self._claimed_at.astimezone(UTC) + timedelta(seconds=moment - self._born)
            self._phases.append({"phase": phase, "at": at.isoformat(timespec="milliseconds")})
            self._pending["phases"] = list(self._phases)

    def _lost_words(self) -> str:
        return f"report {self.pk}: the hold with fence {self.fence} is over"

    def _forgive(self, error: Exception, doing: str) -> None:
        """A database that does not answer, outside a transaction: log it, and have the next query connect again."""
        if connection.in_atomic_block:
            raise error
        log.warning("report %s could not %s: %s", self.pk, doing, " ".join(str(error).split()))
        connection.close_if_unusable_or_obsolete()

    def _beat(self) -> None:
        period = min(CHECK_SECONDS, LEASE.total_seconds() / 3)
        try:
            while not self._released.wait(period) and not self._lost and not self._finished:
                self._tick(time.monotonic())
        finally:
            connection.close()  # this thread's own

    def _tick(self, moment: float) -> None:
        if self.obeys_worker:
            self._leave_if_overdue(moment)
        if moment < self._next_renewal:
            return
        try:
            kept = self._mine().update(lease_until=Now() + LEASE)
        except DatabaseTrouble as error:
            self._next_renewal = moment + CHECK_SECONDS
            log.warning("report %s could not renew its lease: %s", self.pk, " ".join(str(error).split()))
            connection.close()
            return
        self._next_renewal = moment + LEASE.total_seconds() / 3
        self._lost = not kept and not self._finished

    def _leave_if_overdue(self, moment: float) -> None:
        """End the whole process: a run that hangs in a C call or a dead socket can be ended in no other way."""
        if moment - self._born > DEADLINE.total_seconds():
            words = f"it was still running after {DEADLINE} (EXPORTADMIN_RUN_DEADLINE_SECONDS)"
            log.error("report %s: %s; this worker ends", self.pk, words)
            self.note(words)
            os._exit(EXIT_DEADLINE)
        if not stopping():
            return
        self._told_to_stop_at = self._told_to_stop_at or moment
        if moment - self._told_to_stop_at > STOP_GRACE_SECONDS:
            log.warning("report %s did not stop when asked; this worker ends, the attempt counts", self.pk)
            try:
                # not given back: the run may be in the middle of publishing, and the next attempt has to know of it
                self._mine().update(lease_until=Now())
            finally:
                os._exit(EXIT_STOPPED)


class ForegroundGuard(RunGuard):
    """For a run in the shell: no deadline, no worker to obey; leaving without an end cancels the report."""

    obeys_worker = False

    def _let_go(self) -> None:
        self.finish(statuses.CANCELLED, error="stopped in the shell before it was done", phase="")
