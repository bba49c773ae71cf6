"""How far a run is, how fast it goes and how long it may yet take: from the report's row alone."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

from exportadmin.lib.errors import UserError
from exportadmin.lib.times import parse_ms, to_datetime
from exports import statuses
from exports.models import ExportReport

READING = "reading"
# before that, a rate is a guess that jumps about
SETTLED_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Phase:
    """A phase of the last attempt and when it began."""

    name: str
    at: dt.datetime


@dataclass(frozen=True, slots=True)
class Progress:
    """``percent`` 0 to 100 of the rows expected; rates a second; ``seconds_left`` of reading. ``None``: not known."""

    percent: int | None
    rows_rate: int | None
    bytes_rate: int | None
    seconds_left: int | None


def phases_of(report: ExportReport) -> list[Phase]:
    """In the order in which they began. What is not of that form is left out: old rows stay."""
    return list(_phases(report.phases))


def _phases(kept: object) -> Iterator[Phase]:
    for entry in kept if isinstance(kept, list) else ():
        if not isinstance(entry, dict) or not isinstance(entry.get("phase"), str):
            continue
        try:
            yield Phase(entry["phase"], to_datetime(parse_ms(entry.get("at"))))
        except UserError:
            continue


def reading_began(report: ExportReport) -> dt.datetime | None:
    """When rows were first read in the last attempt; its claim where that is all that is known."""
    return next((phase.at for phase in phases_of(report) if phase.name == READING), report.started_at)


def progress_of(report: ExportReport, now: dt.datetime) -> Progress:
    """Of a report in any state; rates and the time left only while it runs."""
    percent = None
    if report.rows_expected:
        percent = min(100, 100 * report.rows_done // report.rows_expected)
    began = reading_began(report)
    if report.status != statuses.RUNNING or began is None:
        return Progress(percent, None, None, None)
    seconds = (now - began).total_seconds()
    if seconds < SETTLED_SECONDS or not report.rows_done:
        return Progress(percent, None, None, None)
    rate = report.rows_done / seconds
    left = None
    if report.rows_expected and report.phase == READING:
        left = round(max(0, report.rows_expected - report.rows_done) / rate)
    return Progress(percent, round(rate), round(report.bytes_done / seconds), left)
