"""The one way in which a run ends: worker, reaper, shell and cancel all come here."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from exportadmin.lib.masking import scrub_text
from exportadmin.runs import statuses
from exportadmin.runs.lease import RunLease
from exportadmin.runs.models import Run
from exportadmin.runs.runners import runner_of


def end(run: Run, lease: RunLease | None, status: str, error: str = "", **columns: Any) -> bool:
    """Write the end and its line in the trail, in one transaction. ``False``: not ours (any more), nothing written.

    ``lease``: by which the caller holds the run. ``None``: nobody does, it waits and somebody asked for its end.
    ``columns`` are further columns of the run. May stand in the caller's transaction.
    """
    if status not in statuses.TERMINAL:
        raise ValueError(f"{status!r} is not an end")
    values = {**columns, "status": status, "error": scrub_text(error), "phase": ""}
    with transaction.atomic():
        if lease is not None:
            written = lease.write_end(values)
        else:
            waiting = type(run)._default_manager.filter(
                pk=run.pk, status__in=run.waiting_statuses, cancel_requested=True
            )
            written = bool(waiting.update(**values, finished_at=Now()))
        if written:
            for name, value in values.items():
                setattr(run, name, value)
            runner_of(run).ended(run)
    return written
