"""How far a run is, how fast it goes and how long it may yet take: from its row alone."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from exportadmin.lib.errors import UserError
from exportadmin.lib.times import parse_ms, to_datetime
from exportadmin.runs import statuses
from exportadmin.runs.models import Run

# before that, a rate is a guess that jumps about
SETTLED_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Phase:
    """A phase of the last attempt and when it began."""

    name: str
    at: dt.datetime


@dataclass(frozen=True, slots=True)
class Progress:
    """``percent`` 0 to 100 of the rows expected; rates a second; ``seconds_left`` of the rows. ``None``: not known."""

    percent: int | None
    rows_per_second: float | None
    bytes_per_second: int | None
    seconds_left: int | None


def phases_of(run: Run) -> list[Phase]:
    """In the order in which they began. What is not of that form is left out: old rows stay."""
    return list(_phases(run.phases))


def _phases(kept: object) -> Iterator[Phase]:
    for entry in kept if isinstance(kept, list) else ():
        if not isinstance(entry, dict) or not isinstance(entry.get("phase"), str):
            continue
        try:
            yield Phase(entry["phase"], to_datetime(parse_ms(entry.get("at"))))
        except UserError:
            continue


def counting_began(run: Run) -> dt.datetime | None:
    """When rows were first counted in the last attempt; its claim where that is all that is known."""
    return next((phase.at for phase in phases_of(run) if phase.name == run.counted_phase), run.started_at)


def progress_of(run: Run, now: dt.datetime) -> Progress:
    """Of a run in any state: rates so far, or of the whole after its end; the time left only while it runs."""
    percent = None
    if run.rows_expected:
        percent = min(100, 100 * run.rows_done // run.rows_expected)
    elif run.status in statuses.SUCCESSFUL:
        percent = 100
    began = counting_began(run)
    until = now if run.status == statuses.RUNNING else run.finished_at
    if began is None or until is None or run.status == statuses.QUEUED or not run.rows_done:
        return Progress(percent, None, None, None)
    seconds = (until - began).total_seconds()
    if seconds <= 0 or (run.is_active and seconds < SETTLED_SECONDS):
        return Progress(percent, None, None, None)
    rate = run.rows_done / seconds
    left = None
    if run.rows_expected and run.is_active and run.phase == run.counted_phase:
        left = round(max(0, run.rows_expected - run.rows_done) / rate)
    return Progress(percent, round(rate, 1), round(run.bytes_done / seconds), left)


def progress_json(run: Run) -> dict[str, Any]:
    """Rates are of the whole once it has ended; ``null`` where there is nothing to tell, or nobody knows."""
    progress = progress_of(run, timezone.now())
    return {
        "phase": run.phase,
        "rows_done": run.rows_known,
        "rows_expected": run.rows_expected,
        "bytes_done": run.bytes_known,
        "percent": progress.percent,
        "rows_per_second": progress.rows_per_second,
        "seconds_left": progress.seconds_left,
    }
