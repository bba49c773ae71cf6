"""Tasks of django-q2: an id in, a short plain text out. Each is safe to run twice, late, or never."""

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
            words = " ".join(str(error).split())
            log.warning("report %s: the database failed it: %s", report_pk, words)
            guard.note(f"the database failed it ({words})")
            return "database"


def _run(guard: runs.RunGuard) -> str:
    from exports.run import pipeline  # late: found when it is needed

    report = ExportReport.objects.select_related("project__connection").get(pk=guard.pk)
    try:
        pipeline.run(report, guard=guard)
    except runs.Cancelled:
        return _end(report, guard, statuses.CANCELLED, "")
    except runs.LeaseLost as error:
        return str(error)
    except TransientError as error:
        if guard.attempt >= runs.MAX_ATTEMPTS:
            return _end(report, guard, statuses.FAILED, f"{error} (tried {guard.attempt} times)")
        guard.put_back(after=_delay(guard.attempt, error), error=str(error))
        return "again later"
    except (OperationalError, InterfaceError):
        raise
    except (Exception, SystemExit) as error:
        log.exception("report %s", report.report_id)
        words = f"stopped by a fault in Export Admin ({type(error).__name__}); the log has the details"
        return _end(report, guard, statuses.ERRORED, words)
    return "done"


def _end(report: ExportReport, guard: runs.RunGuard, status: str, error: str) -> str:
    from exports.run import pipeline

    pipeline.end(report, guard, status, error)
    return status


def _delay(attempt: int, error: TransientError) -> timedelta:
    """Growing, with jitter, never less than the other side asked for, and bounded."""
    own = FIRST_DELAY_SECONDS * 3 ** (attempt - 1) * random.uniform(0.8, 1.2)  # noqa: S311 - jitter, not a secret
    return timedelta(seconds=min(max(own, error.retry_after or 0.0), LONGEST_DELAY_SECONDS))


def tidy(report: ExportReport) -> None:
    """Take away what a dead process left half-made (for :data:`exports.runs.on_reaped`)."""
    from exports.run import pipeline

    pipeline.discard(report)
