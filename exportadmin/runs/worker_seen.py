"""When a worker was last seen, on whatever machine: each leaves a mark in the database every few seconds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.db import models
from django.db.models.functions import Now

from exportadmin.runs.limits import REAP_SECONDS

# silent for longer, it is dead or frozen
WORKER_SECONDS: Final = max(30.0, 10.0 * REAP_SECONDS)
# silent for so long, it is forgotten where there is another
FORGOTTEN: Final = timedelta(hours=1)
_SO: Final = "so nothing that waits here begins"


class WorkerMark(models.Model):
    """A worker's main process. ``slots`` are the runs that it can carry out at a time, ``seen_at`` the database's."""

    worker_id = models.CharField(max_length=32, primary_key=True)
    host = models.CharField(max_length=255)
    slots = models.PositiveSmallIntegerField()
    seen_at = models.DateTimeField()

    class Meta:
        app_label = "exportadmin"

    def __str__(self) -> str:
        return f"worker on {self.host}"


@dataclass(frozen=True, slots=True)
class Workers:
    """``seen_seconds``: since any of them said that it lives (``None``: none ever did); ``slots`` of the living."""

    seen_seconds: float | None
    slots: int


def leave_mark(worker_id: str, host: str, slots: int) -> None:
    """This worker lives. Raises what the database says."""
    if WorkerMark.objects.filter(pk=worker_id).update(seen_at=Now(), slots=slots):
        return
    WorkerMark.objects.create(worker_id=worker_id, host=host[:255], slots=slots, seen_at=Now())
    WorkerMark.objects.filter(seen_at__lt=Now() - FORGOTTEN).delete()


def workers() -> Workers:
    """One query. Raises what the database says."""
    # one from the future was left by a clock that has been set back since: whoever lives leaves another at once
    ages = [
        (abs((now - seen_at).total_seconds()), slots)
        for seen_at, slots, now in WorkerMark.objects.values_list("seen_at", "slots", Now())
    ]
    return Workers(
        seen_seconds=min((age for age, _ in ages), default=None),
        slots=sum(slots for age, slots in ages if age <= WORKER_SECONDS),
    )


def missing_worker_text() -> str:
    """Why what waits will go on waiting; empty while a worker is at work."""
    seconds = workers().seen_seconds
    if seconds is None:
        return f"No worker runs, {_SO}. Start one: exportadmin up, or exportadmin worker."
    if seconds > WORKER_SECONDS:
        since = f"{seconds / 60:.0f} minutes" if seconds >= 120 else f"{seconds:.0f} seconds"
        return f"The worker has been silent for {since}, {_SO}. Its log says why."
    return ""
