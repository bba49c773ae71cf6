"""The life of one run as steps with their times: queued, its phases, its end."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from exportadmin.runs import statuses
from exportadmin.runs.progress import phases_of
from exports.display.report_states import REPORT_STATES
from exports.models import ExportReport

# phase → words; a phase without words is shown by its name
PHASES: dict[str, str] = {"reading": "Reading rows", "finishing": "Finishing the file"}


@dataclass(frozen=True, slots=True)
class Step:
    """``seconds`` is how long it took, ``None`` for the end; ``is_open``: it goes on at this moment."""

    label: str
    at: dt.datetime
    seconds: float | None = None
    is_open: bool = False
    is_end: bool = False
    colour: str = "secondary"


def phase_label(name: str) -> str:
    """What is done in the phase."""
    return PHASES.get(name, name.capitalize())


def steps_of(report: ExportReport, now: dt.datetime) -> list[Step]:
    """The last attempt; earlier ones are part of the time before it."""
    begun: list[tuple[str, dt.datetime]] = [("Queued", report.created_at)]
    if report.status != statuses.QUEUED:
        phases = [(phase_label(phase.name), phase.at) for phase in phases_of(report)]
        if report.started_at and not phases:
            phases = [("Running", report.started_at)]
        begun += phases
    stop = report.finished_at or now
    ends = [at for _, at in begun[1:]] + [stop]
    steps = [
        Step(label, at, max(0.0, (end - at).total_seconds()), is_open=end is stop and report.finished_at is None)
        for (label, at), end in zip(begun, ends, strict=True)
    ]
    if report.finished_at:
        word, colour, _ = REPORT_STATES.get(report.status, (report.status, "secondary", ""))
        steps.append(Step("Published" if report.is_delivered else word, report.finished_at, is_end=True, colour=colour))
    return steps
