"""django-q2's doors: an id in, a small plain word out. Each is safe to run twice, late, or never."""

from __future__ import annotations

import logging
import random
from datetime import timedelta
from typing import Final

from django.db import InterfaceError, OperationalError

from exportadmin.lib.errors import TransientError
from exports import runs, statuses
from exports.models import ExportReport

log = logging.getLogger(__name__)

FIRST_DELAY_SECONDS: Final = 10.0
LONGEST_DELAY_SECONDS: Final = 3600.0


def run_report(report_pk: int) -> str:
    """Carry out a report if it can be claimed. The words that come back are for django-q2's list only."""
    if runs.stopping():
        runs.unring(report_pk)
        return "stopping"
    guard = runs.claim(report_pk)
    if guard is None:
        return "nothing to do"
    with guard:
        try:
            return _run(guard)
        except (OperationalError, InterfaceError) as error:
            # nothing can be written now, or it would be wrong: the lease ends and the reaper lets another attempt begin
            log.warning("report %s: the database failed it: %s", report_pk, " ".join(str(error).split()))
            guard.note(f"the database failed it ({' '.join(str(error).split())})")
            return "database"
        except (Exception, SystemExit) as error:
            log.exception("report %s", report_pk)
            words = f"stopped by a fault in Export Admin ({type(error).__name__}); the log has the details"
            guard.finish(statuses.ERRORED, error=words, phase="")
            return statuses.ERRORED


def _run(guard: runs.RunGuard) -> str:
    from exports import pipeline  # late: found when it is needed, so that a worker can be started without it

    try:
        pipeline.run(ExportReport.objects.select_related("project__connection").get(pk=guard.pk), guard=guard)
    except runs.Cancelled:
        guard.finish(statuses.CANCELLED, error="", phase="")
        return statuses.CANCELLED
    except runs.LeaseLost as error:
        return str(error)
    except TransientError as error:
        return _again(guard, error)
    return "done"


def _again(guard: runs.RunGuard, error: TransientError) -> str:
    """Bounded, with growing delay and jitter, honouring what the other side asked for."""
    if guard.attempt >= runs.MAX_ATTEMPTS:
        guard.finish(statuses.FAILED, error=f"{error} (tried {guard.attempt} times)", phase="")
        return statuses.FAILED
    delay = FIRST_DELAY_SECONDS * 3 ** (guard.attempt - 1) * random.uniform(0.8, 1.2)  # noqa: S311 - jitter
    asked = error.retry_after or 0.0
    guard.put_back(after=timedelta(seconds=min(max(delay, asked), LONGEST_DELAY_SECONDS)), error=str(error))
    return "again later"


def tidy(report: ExportReport) -> None:
    """Take away what a dead process left half-made (for :data:`exports.runs.on_reaped`)."""
    from exports import pipeline

    pipeline.discard(report)
