"""How long and how often: the times that leases, the worker and the probes agree on. Loads nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from exportadmin.lib import env

LEASE: Final = timedelta(seconds=env.number("LEASE_SECONDS", 30, at_least=1))
# below django-q2's own timeout of six hours, which would end a run without leaving a reason
DEADLINE: Final = timedelta(seconds=env.number("RUN_DEADLINE_SECONDS", 5 * 3600, at_least=1))
MAX_ATTEMPTS: Final = 3
# no run is asked to wait longer at a time: a time beyond it was written by a clock that has been set back since
LONGEST_WAIT: Final = timedelta(hours=1)
REAP_SECONDS: Final = env.number("REAP_SECONDS", 3, at_least=1)
# A task that nobody takes although a worker must be free: the cluster looks alive and is not. Longer than the reaper
# needs to enqueue again, which comes first.
STALL_SECONDS: Final = max(60.0, 2 * LEASE.total_seconds())
