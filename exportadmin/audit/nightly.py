"""The trail is verified each night, by every worker beside what it finds at its own machine, and when it is suspicious.

It is walked in a thread of the worker's main process: some hundred thousand entries take a minute.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from exportadmin.audit import actions, verdicts
from exportadmin.lib.actor import system
from exportadmin.lib.times import last_beginning

log = logging.getLogger(__name__)


class Nightly:
    """For the worker's loop."""

    def __init__(self, now: Callable[[], datetime] = timezone.now) -> None:
        self._now = now
        self._done: datetime | None = None
        self._is_suspicious = False

    def suspect(self) -> None:
        """Something does not fit: verify at the next tick, unless it is known to be broken."""
        self._is_suspicious = True

    def tick(self) -> None:
        """Verify if it is time. Raises what the database says."""
        if self._is_suspicious:
            self._is_suspicious = False
            known = verdicts.last()
            if known is None or not known.kind:
                self._verify()
        if settings.PROOF_AT is None:
            return
        now = self._now()
        began = last_beginning(now, settings.PROOF_AT)
        if began != self._done and now - began < timedelta(hours=settings.PROOF_HOURS):
            self._done = began
            self._verify()

    def _verify(self) -> None:
        verdict = actions.verify_everywhere(system("worker")).verdict
        (log.info if verdict.unbroken else log.critical)("%s", verdict.summary)
        for note in verdict.notes:
            log.warning("%s", note)
