"""How far a run is, and what it selects, as a list says it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from exportadmin.lib import times
from exportadmin.runs import statuses
from exportadmin.runs.progress import Progress, progress_of
from exportadmin.runs.worker_seen import missing_worker_text
from exports.display.report_lines import Line
from exports.display.selection_line import LONG, one_line
from exports.models import ExportReport

register = template.Library()


@register.filter
def selects(report: ExportReport) -> str:
    """What was asked for, in one line; ``report`` is of :func:`exports.lists.report_query.for_list`."""
    config = getattr(report, "short_config", None)
    return LONG if config is None else one_line(config)


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


@register.filter
def ago(value: dt.datetime) -> SafeString:
    """How long ago, short, or the day: ``5 min ago``, ``3 h ago``, ``28 Nov, 14:05``, ``28 Nov 2025``."""
    now = timezone.now()
    seconds = (now - value).total_seconds()
    local = timezone.localtime(value)
    if seconds < 60:
        text = "just now"
    elif seconds < 3600:
        text = f"{seconds // 60:.0f} min ago"
    elif seconds < 24 * 3600:
        text = f"{seconds // 3600:.0f} h ago"
    else:
        is_of_this_year = local.year == timezone.localtime(now).year
        text = f"{local.day} {local:%b, %H:%M}" if is_of_this_year else f"{local.day} {local:%b %Y}"
    exact = value.astimezone(dt.UTC).isoformat(timespec="milliseconds")
    return format_html('<time datetime="{}" title="{}">{}</time>', exact, times.in_words(value), text)


def _parts(report: ExportReport, progress: Progress) -> Iterator[str]:
    if report.cancel_requested:
        yield "stopping"
    elif report.phase:
        yield report.phase
    if report.status == statuses.RUNNING and progress.percent is not None:
        yield f"{progress.percent}%"
    if progress.rows_per_second:
        yield f"{progress.rows_per_second:,.0f} rows/s"
    if progress.seconds_left is not None:
        yield f"{_about(progress.seconds_left)} left"


def _about(seconds: int) -> str:
    """``about 40 s``, ``about 3 min``, ``about 2 h``: an estimate is not more exact than that."""
    for most, unit, name in ((90, 1, "s"), (90 * 60, 60, "min")):
        if seconds < most:
            return f"about {max(1, round(seconds / unit))} {name}"
    return f"about {round(seconds / 3600)} h"


@register.simple_tag
def worker_note() -> str:
    """Why what waits does not begin; empty while a worker is at work."""
    return missing_worker_text()
