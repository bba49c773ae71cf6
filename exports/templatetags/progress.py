"""How far a run is, and what it selects, as a list says it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django import template
from django.utils import timezone

from exportadmin.lib import formatting
from exportadmin.runs import statuses
from exportadmin.runs.progress import Progress, progress_of
from exportadmin.runs.worker_seen import missing_worker_text
from exports.display.hidden_names import as_asked
from exports.display.report_lines import Line
from exports.display.selection_line import LONG, one_line
from exports.models import ExportReport

register = template.Library()


@register.filter
def selects(line: Line) -> str:
    """What was asked for, in one line; its report is of :func:`exports.lists.report_query.for_list`."""
    config = getattr(line.report, "short_config", None)
    return LONG if config is None else one_line(as_asked(config) if line.hides else config)


@register.inclusion_tag("exports/_line_state.html")
def line_state(report: ExportReport) -> dict[str, Any]:
    """State, and of what runs a bar: for a line of a list."""
    is_running = report.status == statuses.RUNNING
    return {"report": report, "percent": progress_of(report, timezone.now()).percent if is_running else None}


@register.inclusion_tag("exports/_live_state.html")
def live_state(report: ExportReport) -> dict[str, Any]:
    """State, and of a run its progress: percent, rate, time left, as far as they are known."""
    if report.status not in statuses.ACTIVE:
        return {"report": report}
    progress = progress_of(report, timezone.now())
    return {"report": report, "progress": progress, "text": ", ".join(_parts(report, progress))}


@register.inclusion_tag("exports/_under_name.html")
def under_name(line: Line) -> dict[str, Any]:
    """What stands under a name in a list: how far it is, or why nothing came of it."""
    report = line.report
    words = ""
    if report.status in statuses.ACTIVE:
        words = ", ".join(_parts(report, progress_of(report, timezone.now()))).capitalize()
    elif not report.is_delivered:
        words = getattr(report, "reason", "")
    elif report.altered_at is not None:
        words = report.altered_why
    return {"line": line, "words": words}


def _parts(report: ExportReport, progress: Progress) -> Iterator[str]:
    if report.cancel_requested:
        yield "stopping"
    elif report.phase:
        yield report.phase
    if report.status == statuses.RUNNING and progress.percent is not None:
        yield f"{progress.percent}%"
    if progress.rows_per_second:
        yield formatting.per_second(progress.rows_per_second)
    if progress.seconds_left is not None:
        yield f"{formatting.about(progress.seconds_left)} left"


@register.simple_tag
def worker_note() -> str:
    """Why what waits does not begin; empty while a worker is at work."""
    return missing_worker_text()
