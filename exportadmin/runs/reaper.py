"""Puts right what no living process cares for: nothing stays running for ever, nothing crashes for ever."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.db import Error as DatabaseTrouble

from exportadmin.runs import limits, queue, statuses
from exportadmin.runs.ends import end
from exportadmin.runs.lease import EXPIRED, take_over
from exportadmin.runs.models import Run, run_models
from exportadmin.runs.runners import runner_of

log = logging.getLogger(__name__)

BATCH: Final = 200


@dataclass
class Reaped:
    """What one pass did."""

    requeued: int = 0
    failed: int = 0
    cancelled: int = 0
    enqueued: int = 0


def reap(*, after_restart: bool = False) -> Reaped:
    """One pass over every kind of run. Idempotent, and safe from several processes at once.

    ``after_restart``: see :func:`exportadmin.runs.queue.enqueue_lost`.
    """
    done = Reaped(enqueued=queue.enqueue_lost(after_restart=after_restart))
    for model in run_models():
        for run in model._default_manager.filter(EXPIRED)[:BATCH]:
            with _one_by_one(run):
                _reap_expired(run, done)
        for run in model._default_manager.filter(status=statuses.QUEUED, cancel_requested=True)[:BATCH]:
            with _one_by_one(run):
                done.cancelled += end(run, None, statuses.CANCELLED)
    return done


@contextmanager
def _one_by_one(run: Run) -> Iterator[None]:
    """A run that cannot be reaped now is tried again later and keeps nobody else waiting."""
    try:
        yield
    except DatabaseTrouble:
        raise
    except Exception:
        log.exception("%s could not be reaped", run.label)


def _reap_expired(run: Run, done: Reaped) -> None:
    """A reaper that dies half way is reaped itself: it holds a lease."""
    lease = take_over(run)
    if lease is None:
        return
    run, runner = lease.run, runner_of(run)  # as it is now: a cancel may have come since it was listed
    try:
        runner.clean_up(run)
    except Exception:
        log.exception("%s: tidying up failed", run.label)
    if run.cancel_requested:
        done.cancelled += end(run, lease, statuses.CANCELLED)
    elif reason := runner.reason_not_to_resume(run):
        done.cancelled += end(run, lease, statuses.CANCELLED, reason)
    elif run.attempts >= limits.MAX_ATTEMPTS:
        done.failed += end(run, lease, statuses.FAILED, _failed_reason(run))
        log.error("%s failed: stopped %d times without finishing", run.label, run.attempts)
    elif lease.requeue(after=timedelta(0), error=run.error):
        done.requeued += 1
        log.warning("%s was left by its worker in attempt %d; queued again", run.label, run.attempts)
        done.enqueued += queue.send_task(type(run), run.pk)


def _failed_reason(run: Run) -> str:
    where = f", last in the phase “{run.phase}”" if run.phase else ""
    if run.error:
        return (
            f"stopped three times without finishing{where}: {run.error.rstrip('.')}. Put that right and run it again."
        )
    return (
        f"stopped three times without finishing{where}: its worker died each time, most often because the machine ran "
        "out of memory or was restarted. Look into the worker's log, give the machine more memory or select fewer "
        "rows, and run it again."
    )
