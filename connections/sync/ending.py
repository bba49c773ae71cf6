"""The end of a sync: what came of it, and how far its mirror was read."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from connections.platforms.remote import KEY as REMOTE
from connections.store.imports.writing import COUNTS
from connections.store.notes import KINDS
from connections.sync.models import FULL, Mirror, SyncRun
from exportadmin.lib.times import from_datetime
from exportadmin.runs import statuses
from exportadmin.runs.ends import end
from exportadmin.runs.errors import LeaseLost
from exportadmin.runs.lease import RunLease


def finish(
    run: SyncRun,
    lease: RunLease,
    summary: dict[str, Any],
    status: str,
    error: str,
    *,
    refused_bytes: int = 0,
    is_held: bool = False,
    again: dict[str, int] | None = None,
) -> None:
    """The end, and how far the mirror was read, in one transaction. ``is_held``: something is missing that may be had
    when it is asked for once more. ``again``: as the mirror keeps it, ``None``: as it is.
    """
    summary = {"gone": rows_gone(run), "not_understood": {}, **summary}
    state = run.state
    lease.check(now=True)
    with transaction.atomic():
        finished = end(
            run,
            lease,
            status,
            error,
            summary=summary,
            state={"refused_bytes": refused_bytes},
            rows_done=summary["rows"],
            bytes_done=run.bytes_total or 0,
        )
        if not finished:
            raise LeaseLost(f"{run.label} was taken over while it was being finished")
        if status in statuses.SUCCESSFUL:
            has_refused = bool(summary["refused_count"] or summary["pieces_refused"])
            _move_mirror(run, state, summary, is_whole=not has_refused and not is_held, is_held=is_held, again=again)


def rows_gone(run: SyncRun) -> int:
    """How many rows it has taken away."""
    return int(run.state.get("gone", 0) + run.state.get("replaced", 0))


def summary_of_nothing() -> dict[str, Any]:
    return {**dict.fromkeys(COUNTS, 0), "note_counts": dict.fromkeys(KINDS, 0), "notes": []}


def _move_mirror(
    run: SyncRun,
    state: dict[str, Any],
    summary: dict[str, Any],
    *,
    is_whole: bool,
    is_held: bool,
    again: dict[str, int] | None,
) -> None:
    """``is_whole``: the watermark moves."""
    mirror = Mirror.objects.select_for_update().get(project=run.project)
    mirror.synced_at = run.asked_at
    for field, value in state["described"].items():
        setattr(mirror, field, value)
    counts = {} if run.mode == FULL else dict(mirror.not_understood)
    for text, count in summary["not_understood"].items():
        counts[text] = counts.get(text, 0) + count
    mirror.not_understood = counts
    if run.mode == FULL:
        mirror.full_synced_at = run.asked_at
        if mirror.options == state["options"]:  # else what was read was asked for with others
            # what could not be had may be of rows that did not change since the watermark
            mirror.full_due = is_held and bool(state["file"]["deferred"]) and state["file"]["deferred_rows"] is None
    mirror.held = mirror.held + 1 if is_held else 0
    mirror.again = mirror.again if again is None else again
    if is_whole and state.get("file") is None:  # nothing changed since the watermark, up to this moment
        mirror.watermark_asked_at = run.asked_at
    # where there was nothing the platform told no clock: the next sync asks from the same moment on
    if is_whole and state.get("file") is not None and run.asked_at is not None:
        remote = state.get(REMOTE, {})
        if (told := remote.get("server_ms")) is not None:
            mirror.watermark_ms, mirror.watermark_asked_at = told, run.asked_at
        # of one whose answer was lost the clock is not known, though others tell it; nor where nothing had changed
        elif remote.get("remote_id") and not remote.get("adopted"):
            mirror.watermark_ms, mirror.watermark_asked_at = from_datetime(run.asked_at), run.asked_at
    mirror.save()
