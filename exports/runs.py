"""Claim, ring, reap: pure functions on :class:`ExportReport` rows. The row is the truth, django-q2 is the doorbell.

A doorbell may get lost, come twice or come late; nothing here depends on it. See :mod:`exports.run_guard` for the clock
and the fence.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, TypeVar

from django.db import Error as DatabaseTrouble
from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now
from django_q.brokers import get_broker
from django_q.tasks import async_task

from exports import statuses
from exports.models import ExportReport
from exports.run_guard import (
    DEADLINE,
    LEASE,
    MAX_ATTEMPTS,
    Cancelled,
    ForegroundGuard,
    HandedBack,
    LeaseLost,
    RunGuard,
    stop_when,
    stopping,
)

__all__ = [
    "DEADLINE",
    "LEASE",
    "MAX_ATTEMPTS",
    "Cancelled",
    "ForegroundGuard",
    "Guard",
    "HandedBack",
    "LeaseLost",
    "Reaped",
    "RunGuard",
    "claim",
    "claim_foreground",
    "on_ended",
    "on_reaped",
    "reap",
    "ring",
    "stop_when",
    "stopping",
    "unring",
    "waiting_unanswered",
]

log = logging.getLogger(__name__)

Guard = RunGuard
AnyGuard = TypeVar("AnyGuard", bound=RunGuard)

DOOR: Final = "exports.tasks.run_report"
# A queue as long as this has bells enough; and so many are rung again in one pass. Bounds what a long backlog costs.
BELLS: Final = 50
# The ring of a new report comes right after its commit. Younger ones without a ring are not lost, they are on the way.
NEW: Final = timedelta(seconds=5)

_EXPIRED = Q(status=statuses.RUNNING) & (Q(lease_until__lt=Now()) | Q(lease_until=None))
_CLAIMABLE = (Q(status=statuses.QUEUED) | (_EXPIRED & Q(attempts__lt=MAX_ATTEMPTS))) & Q(cancel_requested=False)

# Called by the reaper for a report whose process went away, before anything else happens to the report: take away what
# is half-made. May be called again for the same report.
on_reaped: list[Callable[[ExportReport], None]] = []
# Called by the reaper in the transaction that writes an end (`failed`, `cancelled`): the place for a line in the trail.
on_ended: list[Callable[[ExportReport, str], None]] = []


def claim(report_pk: int) -> RunGuard | None:
    """Take a queued report, or a running one whose lease ran out. ``None``: there is nothing to take.

    One conditional UPDATE: of any number of callers at the same time, one gets it. The attempt is counted here, so that
    a crash counts too.
    """
    return _claim(report_pk, RunGuard)


def claim_foreground(report_pk: int) -> ForegroundGuard | None:
    """The same for a run in the shell. Called in the transaction that creates the report, no worker can be first."""
    return _claim(report_pk, ForegroundGuard)


def _claim(report_pk: int, guard: type[AnyGuard]) -> AnyGuard | None:
    seen = ExportReport.objects.filter(_CLAIMABLE, pk=report_pk).values_list("fence", "attempts", Now()).first()
    if seen is None:
        return None
    fence, attempts, now = seen
    taken = ExportReport.objects.filter(_CLAIMABLE, pk=report_pk, fence=fence, attempts=attempts).update(
        status=statuses.RUNNING,
        attempts=attempts + 1,
        fence=fence + 1,
        lease_until=Now() + LEASE,
        started_at=Now(),
        rows_done=0,
        bytes_done=0,
        phase="",
        phases=[],
        error="",
    )
    return guard(report_pk, fence=fence + 1, attempt=attempts + 1, claimed_at=now) if taken else None


def ring(report_pk: int) -> None:
    """Call a worker, once the transaction around this call has committed. The reaper makes good a ring that fails."""
    transaction.on_commit(lambda: _ring(report_pk), robust=True)


def unring(report_pk: int) -> None:
    """A worker that is stopping answered the bell: the report counts as not rung."""
    ExportReport.objects.filter(pk=report_pk, status=statuses.QUEUED).update(rung_at=None)


def _ring(report_pk: int, condition: Q | None = None) -> bool:
    with transaction.atomic():
        queued = ExportReport.objects.filter(condition or Q(), pk=report_pk, status=statuses.QUEUED)
        if not queued.update(rung_at=Now()):
            return False
        async_task(DOOR, report_pk, task_name=f"report {report_pk}")
    return True


@dataclass
class Reaped:
    """What one pass did."""

    requeued: int = 0
    failed: int = 0
    cancelled: int = 0
    rung: int = 0


def reap(*, after_restart: bool = False) -> Reaped:
    """Put right what no living process cares for: nothing stays ``running`` for ever, nothing crashes for ever.

    Idempotent, and safe from several processes at once. ``after_restart``: bells that an earlier worker had taken off
    the queue are gone, so age does not count.
    """
    done = Reaped(rung=_ring_again(after_restart=after_restart))
    for report in ExportReport.objects.filter(_EXPIRED).select_related("project")[:200]:
        with _one_by_one(report):
            _take_over(report, done)
    waiting = ExportReport.objects.filter(status=statuses.QUEUED, cancel_requested=True)
    for report in waiting.select_related("project")[:200]:
        with _one_by_one(report):
            done.cancelled += _end(report, report.fence, statuses.CANCELLED, "")
    return done


@contextmanager
def _one_by_one(report: ExportReport) -> Iterator[None]:
    """A report that cannot be reaped now is tried again later and keeps nobody else waiting."""
    try:
        yield
    except DatabaseTrouble:
        raise
    except Exception:
        log.exception("report %s could not be reaped", report.report_id)


def _take_over(report: ExportReport, done: Reaped) -> None:
    """Like a claim: raise the fence and hold a lease while tidying up. A reaper that dies half way is reaped itself."""
    fence = report.fence + 1
    taken = ExportReport.objects.filter(_EXPIRED, pk=report.pk, fence=report.fence).update(
        fence=fence, lease_until=Now() + LEASE
    )
    if not taken:
        return
    report.refresh_from_db()  # a cancel or an attempt given back may have come since it was listed
    for tidy in on_reaped:
        try:
            tidy(report)
        except Exception:
            log.exception("report %s: tidying up failed", report.report_id)
    if report.cancel_requested:
        done.cancelled += _end(report, fence, statuses.CANCELLED, "")
    elif not report.is_ours:
        # begun in somebody's shell, into a folder of theirs: not ours to go on with, perhaps days later
        done.cancelled += _end(report, fence, statuses.CANCELLED, "its shell went away before it was done")
    elif report.attempts >= MAX_ATTEMPTS:
        done.failed += _end(report, fence, statuses.FAILED, _failed_words(report))
        log.error("report %s failed: stopped %d times without finishing", report.report_id, report.attempts)
    else:
        again = ExportReport.objects.filter(pk=report.pk, fence=fence, status=statuses.RUNNING).update(
            status=statuses.QUEUED, lease_until=None, rung_at=None, phase=""
        )
        done.requeued += again
        if again:
            log.warning(
                "report %s was left by its worker in attempt %d; queued again", report.report_id, report.attempts
            )
            done.rung += _ring(report.pk)


def _end(report: ExportReport, fence: int, status: str, error: str) -> int:
    with transaction.atomic():
        ended = ExportReport.objects.filter(pk=report.pk, fence=fence, status__in=statuses.ACTIVE).update(
            status=status, error=error, phase="", fence=fence + 1, lease_until=None, finished_at=Now()
        )
        if ended:
            for tell in on_ended:
                tell(report, status)
    return ended


def _failed_words(report: ExportReport) -> str:
    where = f", last in the phase “{report.phase}”" if report.phase else ""
    why = (
        report.error.rstrip(".")
        or "its worker died each time, most often because the machine ran out of memory or was restarted"
    )
    return (
        f"stopped three times without finishing{where}: {why}. "
        "Look into the worker's log, give the machine more memory or select fewer rows, and run it again."
    )


def _ring_again(*, after_restart: bool) -> int:
    unrung = Q(rung_at=None) & (Q() if after_restart else Q(created_at__lt=Now() - NEW))
    stale = unrung | Q(rung_at__lt=Now() if after_restart else Now() - LEASE)
    waiting = ExportReport.objects.filter(stale, status=statuses.QUEUED, cancel_requested=False)
    pks = list(waiting.order_by(F("rung_at").asc(nulls_first=True), "pk").values_list("pk", flat=True)[:BELLS])
    if not pks or get_broker().queue_size() >= BELLS:
        return 0
    return sum(_ring(pk, stale) for pk in pks)


def waiting_unanswered(slots: int) -> bool:
    """Is a report waiting although a worker must be free? ``slots``: workers of this machine's cluster.

    Runs on other machines count as ours: with many machines this errs on the quiet side.
    """
    waiting = ExportReport.objects.filter(status=statuses.QUEUED, cancel_requested=False, rung_at__lt=Now())
    return waiting.exists() and (
        ExportReport.objects.filter(status=statuses.RUNNING, lease_until__gte=Now()).count() < slots
    )
