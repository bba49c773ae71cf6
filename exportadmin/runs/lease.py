"""The hold that one process has on one run: claim, heartbeat, progress, release.

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
from django.db import connection, transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Greatest, Now

from exportadmin.lib.masking import scrub_text
from exportadmin.lib.text import one_line
from exportadmin.runs import limits, statuses, stop
from exportadmin.runs.errors import Cancelled, HandedBack, LeaseLost
from exportadmin.runs.models import Run

log = logging.getLogger(__name__)

CHECK_SECONDS: Final = 1.0
# `exportadmin up` kills ten seconds after it asked; a run that has not checked its lease by then ends here, tidily
STOP_GRACE_SECONDS: Final = 6.0
EXIT_DEADLINE, EXIT_STOPPED = 71, 75
# a run has a handful; one that went back and forth for ever must not make the row grow
MAX_PHASES: Final = 50

DUE: Final = Q(not_before=None) | Q(not_before__lte=Now()) | Q(not_before__gt=Now() + limits.LONGEST_WAIT)
# A lease that ends later than one that is taken now was written by a clock that has been set back since: whoever holds
# it either renews it within a third of its time, or is dead.
_IN_FUTURE: Final = Q(lease_until__gt=Now() + 2 * limits.LEASE)
EXPIRED: Final = Q(status=statuses.RUNNING) & (Q(lease_until__lt=Now()) | Q(lease_until=None) | _IN_FUTURE)
_CLAIMABLE = ((Q(status=statuses.QUEUED) & DUE) | (EXPIRED & Q(attempts__lt=limits.MAX_ATTEMPTS))) & Q(
    cancel_requested=False
)


def claim(model: type[Run], pk: int, *, foreground: bool = False) -> RunLease | None:
    """Take a queued run, or a running one whose lease ran out. ``None``: there is nothing to take.

    One conditional UPDATE: of any number of callers at the same time, one gets it. The attempt is counted here, so that
    a crash counts too. A run with a ``state`` goes on where it was; any other begins anew. ``foreground``: for the
    shell, called in the transaction that creates the run, so that no worker can be first.
    """
    return _take(model, pk, _CLAIMABLE, foreground=foreground, is_attempt=True)


def take_over(run: Run) -> RunLease | None:
    """Like a claim, by the reaper: raise the fence of a run whose lease ran out, and hold it while tidying up."""
    return _take(type(run), run.pk, EXPIRED, foreground=True, is_attempt=False)


def _take(model: type[Run], pk: int, condition: Q, *, foreground: bool, is_attempt: bool) -> RunLease | None:
    rows = model._default_manager
    seen = rows.filter(condition, pk=pk).values_list("fence", "attempts", "state", Now()).first()
    if seen is None:
        return None
    fence, attempts, state, now = seen
    values: dict[str, Any] = {"fence": fence + 1, "lease_until": Now() + limits.LEASE}
    if is_attempt:
        values |= {"status": statuses.RUNNING, "attempts": attempts + 1, "error": ""}
        if not state:
            values |= {"started_at": Now(), "rows_done": 0, "bytes_done": 0, "phase": "", "phases": []}
    if not rows.filter(condition, pk=pk, fence=fence, attempts=attempts).update(**values):
        return None
    return RunLease(rows.get(pk=pk), fence=fence + 1, claimed_at=now, foreground=foreground)


class RunLease:
    """Held from claim to release. Used by one thread; the heartbeat has a thread and a connection of its own.

    Enter it to have it renewed. ``attempt`` counts from 1. ``fence`` is unique to this claim, so it is the thing to put
    into temporary names. ``claimed_at`` is the database's time at the claim, from which the times of phases are
    counted. ``foreground``: a run in the shell; it obeys no worker and has no deadline.
    """

    def __init__(
        self,
        run: Run,
        *,
        fence: int,
        claimed_at: datetime,
        foreground: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.run = run
        self.fence = fence
        self.attempt = run.attempts
        self.foreground = foreground
        self.is_over = False  # an end or a requeue was written
        self.is_lost = False
        # told of rows done and rows expected, whenever they are (a shell's progress bar)
        self.on_progress: Callable[[int, int | None], None] | None = None
        self._rows: QuerySet[Run] = type(run)._default_manager.filter(pk=run.pk)
        self._clock = clock
        self._claimed_at = claimed_at
        self._begun = clock()
        self._next_look = 0.0
        self._next_write = 0.0
        self._next_renewal = self._begun + limits.LEASE.total_seconds() / 3
        self._stop_seen_at: float | None = None
        self._phase = ""
        self._phases: list[dict[str, str]] = list(run.phases)
        self._pending: dict[str, Any] = {}
        self._handed_back = False
        self._released = threading.Event()
        self._heart: threading.Thread | None = None

    # --- for the run --------------------------------------------------------------------------------------------------

    def check(self, *, now: bool = False) -> None:
        """Call between batches: raises :class:`Cancelled` or :class:`LeaseLost` when the run has to end.

        One query a second at most; with ``now`` (just before publication) it asks in any case. A database that does
        not answer is no reason to stop reading: the writes are fenced anyway.
        """
        if not self.foreground and stop.requested():
            self._handed_back = True
            raise HandedBack("the worker is stopping; the run goes on at its next start")
        if self.is_lost:
            raise LeaseLost(self._lost_message())
        moment = self._clock()
        if moment < self._next_look and not now:
            return
        self._next_look = moment + CHECK_SECONDS
        try:
            seen = self._rows.values_list("fence", "status", "cancel_requested").first()
        except DatabaseTrouble as error:
            if now:  # about to publish: without an answer nobody knows whether it still may
                raise
            self._forgive(error, "look at its row")
            return
        if seen is None or seen[:2] != (self.fence, statuses.RUNNING):
            self.is_lost = True
            raise LeaseLost(self._lost_message())
        if seen[2]:
            raise Cancelled("cancelled on request")

    def is_held(self) -> bool:
        """Is the run still ours, by what the database says now? Nothing is known of one that does not answer: no."""
        try:
            return self._mine().exists()
        except DatabaseTrouble as error:
            self._forgive(error, "look whether it is held")
            return False

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
        self.run.rows_expected = rows_expected if rows_expected is not None else self.run.rows_expected
        if self.on_progress is not None and rows_done is not None:
            self.on_progress(rows_done, self.run.rows_expected)
        moment = self._clock()
        if not self._pending or (moment < self._next_write and phase in (None, self._phase)):
            return
        self._next_write = moment + CHECK_SECONDS
        if phase is not None and phase != self._phase:
            self._enter_phase(phase, moment)
        try:
            written = self._mine().update(**self._pending)
        except DatabaseTrouble as error:
            self._forgive(error, "write its progress")
            return
        self._pending = {}
        self.is_lost = self.is_lost or not written

    def save(self, **columns: Any) -> None:
        """Write columns of the run at once: its ``state``, what it counted so far.

        Within a transaction that writes what the run does, this fences it: who lost the run writes nothing. Raises
        :class:`LeaseLost`, and what the database says.
        """
        if not self._mine().update(**columns):
            self.is_lost = True
            raise LeaseLost(self._lost_message())
        for name, value in columns.items():
            setattr(self.run, name, value)

    # --- for who carries it out ---------------------------------------------------------------------------------------

    def write_end(self, values: dict[str, Any]) -> bool:
        """Part of :func:`exportadmin.runs.ends.end`, in its transaction: one conditional UPDATE of the run's row."""
        written = bool(self._mine().update(**{**self._pending, **values, "finished_at": Now(), "lease_until": None}))
        if written:
            transaction.on_commit(self._mark_over)  # until then it may be undone, and has to be written again
        else:
            self.is_lost = True
        return written

    def requeue(
        self, *, after: timedelta, error: str = "", state: dict[str, Any] | None = None, counts: bool = True
    ) -> bool:
        """Queue the run again, not to be begun before ``after``, or :data:`limits.LONGEST_WAIT` where that is shorter.

        ``counts``: this was an attempt, and it failed.

        ``error`` says why it waits; ``state`` replaces what the row keeps. ``False``: not ours any more.
        """
        values: dict[str, Any] = {
            **self._pending,
            "status": statuses.QUEUED,
            "fence": F("fence") + 1,
            "lease_until": None,
            "queued_at": None,
            "not_before": Now() + min(after, limits.LONGEST_WAIT),
            "phase": "",
            "error": scrub_text(error),
        }
        if state is not None:
            values["state"] = state
        if not counts:
            values["attempts"] = Greatest(F("attempts") - 1, 0)
        written = bool(self._mine().update(**values))
        self.is_over, self.is_lost = written, not written
        return written

    def record_error(self, error: str, *, patience: float = 0.0) -> None:
        """Leave a line on the row for whoever looks later, as far as that is possible.

        For so many seconds it is tried again where the database does not answer.
        """
        until = self._clock() + patience
        while True:
            try:
                self._mine().update(error=scrub_text(error))
            except DatabaseTrouble as trouble:
                self._forgive(trouble, "record its error")
            else:
                return
            if self._clock() >= until or (not self.foreground and stop.requested()):
                return
            self._released.wait(CHECK_SECONDS)

    def release(self) -> None:
        """Let go. A run without an end is free for the reaper from now on; safe to call twice."""
        if self._released.is_set():
            return
        self._released.set()
        if self._heart is not None:
            self._heart.join(timeout=limits.LEASE.total_seconds())
        if self.is_over or self.is_lost:
            return
        back = {"attempts": Greatest(F("attempts") - 1, 0)} if self._handed_back else {}
        try:
            self._mine().update(lease_until=Now(), **back)
        except DatabaseTrouble as error:
            self._forgive(error, "let go of its lease")

    def __enter__(self) -> RunLease:
        self._heart = threading.Thread(target=self._keep_alive, name=f"lease of {self.run.label}", daemon=True)
        self._heart.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.release()

    # --- the heartbeat ------------------------------------------------------------------------------------------------

    def _keep_alive(self) -> None:
        period = min(CHECK_SECONDS, limits.LEASE.total_seconds() / 3)
        try:
            while not self._released.wait(period) and not self.is_lost and not self.is_over:
                self.heartbeat()
        finally:
            connection.close()  # this thread's own

    def heartbeat(self) -> None:
        """One beat: renew the lease when it is time; end the process when it is overdue."""
        moment = self._clock()
        if not self.foreground:
            self._leave_if_overdue(moment)
        if moment < self._next_renewal:
            return
        try:
            kept = self._mine().update(lease_until=Now() + limits.LEASE)
        except DatabaseTrouble as error:
            self._next_renewal = moment + CHECK_SECONDS
            log.warning("%s could not renew its lease: %s", self.run.label, one_line(error))
            connection.close()
            return
        self._next_renewal = moment + limits.LEASE.total_seconds() / 3
        self.is_lost = not kept and not self.is_over

    def _leave_if_overdue(self, moment: float) -> None:
        """End the whole process: a run that hangs in a C call or a dead socket can be ended in no other way."""
        if moment - self._begun > limits.DEADLINE.total_seconds():
            message = f"it was still running after {limits.DEADLINE} (EXPORTADMIN_RUN_DEADLINE_SECONDS)"
            log.error("%s: %s; this worker ends", self.run.label, message)
            self.record_error(message)
            os._exit(EXIT_DEADLINE)
        if not stop.requested():
            return
        self._stop_seen_at = self._stop_seen_at or moment
        if moment - self._stop_seen_at > STOP_GRACE_SECONDS:
            log.warning("%s did not stop when asked; this worker ends, the attempt counts", self.run.label)
            try:
                # not handed back: the run may be in the middle of publishing, and the next attempt has to know of it
                self._mine().update(lease_until=Now())
            finally:
                os._exit(EXIT_STOPPED)

    # --- inside -------------------------------------------------------------------------------------------------------

    def _mark_over(self) -> None:
        self.is_over = True

    def _mine(self) -> QuerySet[Run]:
        return self._rows.filter(fence=self.fence, status=statuses.RUNNING)

    def _enter_phase(self, phase: str, moment: float) -> None:
        """A new phase, and when it began."""
        self._phase = phase
        if len(self._phases) < MAX_PHASES:
            at = self._claimed_at.astimezone(UTC) + timedelta(seconds=moment - self._begun)
            self._phases.append({"phase": phase, "at": at.isoformat(timespec="milliseconds")})
            self._pending["phases"] = list(self._phases)

    def _lost_message(self) -> str:
        return f"{self.run.label}: the lease with fence {self.fence} is over"

    def _forgive(self, error: Exception, doing: str) -> None:
        """A database that does not answer, outside a transaction: log it, and have the next query connect again."""
        if connection.in_atomic_block:
            raise error
        log.warning("%s could not %s: %s", self.run.label, doing, one_line(error))
        connection.close_if_unusable_or_obsolete()
