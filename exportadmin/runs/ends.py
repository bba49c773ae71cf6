"""The one way in which a run ends: worker, reaper, shell and cancel all come here."""

from __future__ import annotations

from typing import Any, TypeVar

from django.db import transaction
from django.db.models.functions import Now

from exportadmin.lib.errors import NothingToDoError
from exportadmin.lib.masking import scrub_text
from exportadmin.runs import statuses
from exportadmin.runs.lease import RunLease
from exportadmin.runs.models import Run
from exportadmin.runs.runners import runner_of

AnyRun = TypeVar("AnyRun", bound=Run)


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


def request_cancel(run: AnyRun) -> AnyRun:
    """The run as it is now, with the wish for its end; in the transaction of whoever was permitted to ask.

    Twice is no error. Raises :class:`NothingToDoError` after another end.
    """
    current = type(run)._default_manager.select_for_update().get(pk=run.pk)
    if current.status in statuses.TERMINAL and current.status != statuses.CANCELLED:
        raise NothingToDoError(f"{run.label} is {current.status} already: there is nothing to cancel")
    if current.status not in statuses.TERMINAL:
        current.cancel_requested = True
        current.save(update_fields=["cancel_requested"])
    return current


def cancelled(run: AnyRun) -> AnyRun:
    """After that transaction: one that waits ends at once, since it needs no worker for it; the reaper would do the
    same some seconds later."""
    end(run, None, statuses.CANCELLED)
    run.refresh_from_db()
    return run
