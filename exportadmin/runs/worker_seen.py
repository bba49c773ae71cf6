"""When the worker of this machine was last seen. (Those of other machines leave their mark there.)"""

from __future__ import annotations

import logging
import time
from typing import Final

from django.core.cache import caches

from exportadmin.runs.limits import REAP_SECONDS, WORKER_SEEN_KEY

log = logging.getLogger(__name__)

# silent for longer, it is dead or frozen
WORKER_SECONDS: Final = max(30.0, 10.0 * REAP_SECONDS)
_SO: Final = "so nothing that waits here begins"


def worker_seen_seconds() -> float | None:
    """Since the worker of this installation last said that it lives; ``None``: it never did."""
    try:
        seen = caches["q"].get(WORKER_SEEN_KEY)
    except Exception:  # a file cache unpickles: a broken file raises anything
        log.exception("the worker's mark cannot be read")
        return None
    return None if seen is None else max(time.time() - float(seen), 0.0)


def missing_worker_text() -> str:
    """Why what waits will go on waiting; empty while a worker is at work."""
    seconds = worker_seen_seconds()
    if seconds is None:
        return f"No worker runs on this machine, {_SO}. Start one: exportadmin up, or exportadmin worker."
    if seconds > WORKER_SECONDS:
        since = f"{seconds / 60:.0f} minutes" if seconds >= 120 else f"{seconds:.0f} seconds"
        return f"The worker of this machine has been silent for {since}, {_SO}. Its log says why."
    return ""
