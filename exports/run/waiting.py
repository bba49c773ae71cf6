"""Waiting for the end of a run while somebody holds the line."""

from __future__ import annotations

import threading
import time
from typing import Final

from exportadmin.runs import statuses
from exports.models import ExportReport

LOOK_EVERY_SECONDS: Final = 0.5
# a waiting request holds a thread of the web server; beyond this many, a wait ends at once
PLACES = threading.BoundedSemaphore(3)
# who waits: each has one place, so that one alone does not take them all
WAITERS: set[str] = set()
_lock = threading.Lock()


def wait_for_end(report: ExportReport, seconds: float, waiter: str) -> bool:
    """Until the report has ended, or for so long. ``False``: too many wait already, or the ``waiter`` does (whose scope
    of idempotency keys names them), so nobody waited."""
    if report.status not in statuses.ACTIVE:
        return True
    with _lock:
        if waiter in WAITERS or not PLACES.acquire(blocking=False):
            return False
        WAITERS.add(waiter)
    try:
        until = time.monotonic() + seconds
        active = ExportReport.objects.filter(pk=report.pk, status__in=statuses.ACTIVE)
        while (left := until - time.monotonic()) > 0 and active.exists():
            time.sleep(min(LOOK_EVERY_SECONDS, left))
    finally:
        with _lock:
            WAITERS.discard(waiter)
        PLACES.release()
    return True
