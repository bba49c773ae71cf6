"""What a step of a run raises to say how it goes on. Refusals and failures are :mod:`exportadmin.lib.errors`."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from exportadmin.lib.errors import ExportAdminError


class Cancelled(ExportAdminError):  # noqa: N818 - a state, not a fault
    """Somebody asked for the run to be cancelled."""


class LeaseLost(ExportAdminError):  # noqa: N818
    """The run is no longer ours: write nothing, deliver nothing, clean up what is under our own temporary name."""


class HandedBack(LeaseLost):
    """The worker is going away. The run goes on at the next start, and this attempt is not counted."""


class NotYet(ExportAdminError):  # noqa: N818
    """Something that the run waits for is not ready: look again after ``after``. This is no attempt.

    ``state`` (JSON, not empty) is kept on the run's row and is there at the next look, also after a crash in between.
    """

    def __init__(self, after: timedelta, state: dict[str, Any], message: str = "") -> None:
        super().__init__(message)
        self.after = after
        self.state = state
