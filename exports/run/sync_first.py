"""An export of a mirrored project first brings the mirror up to date, as of the moment at which it was requested."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from connections.sync.actions import request_sync, sync_now
from connections.sync.lookup import active_sync
from connections.sync.models import SyncRun
from exportadmin.lib.actor import USER, Actor, system
from exportadmin.lib.errors import ConflictError, PermanentError
from exportadmin.runs import statuses
from exportadmin.runs.errors import NotYet
from exportadmin.runs.lease import RunLease
from exports.models import ExportReport

SYNCING: Final = "bringing the mirror up to date"
KEY: Final = "sync"
_WAIT: Final = timedelta(seconds=2)


def bring_up_to_date(report: ExportReport, lease: RunLease) -> None:
    """Nothing where a sync has asked the platform since the report was first requested, or none is wanted.

    Else the sync that is active is awaited, and if there is none, one is requested; in the shell it runs here. Raises
    ``NotYet`` while it is not done, ``PermanentError`` where it did not come to a good end.
    """
    if not report.config.get("sync_first") or report.converted_from_id is not None:
        return
    since = SyncRun.objects.filter(project=report.project_id, asked_at__gte=_first_requested(report))
    if since.filter(status__in=statuses.SUCCESSFUL).exists():
        return
    lease.progress(phase=SYNCING)
    awaited = SyncRun.objects.filter(public_id=report.state.get(KEY, "")).first()
    if awaited is not None and not awaited.is_active and awaited.created_at >= report.created_at:
        raise _failed(awaited)
    run = active_sync(report.project)
    if run is None:
        try:
            run = _begin(report, lease)
        except ConflictError:  # somebody else was faster, or it cannot be
            run = active_sync(report.project)
            if run is None:
                raise
    if run.is_active:
        message = f"waits for {run.label} of project {report.project.name!r}"
        raise NotYet(_WAIT, {**report.state, KEY: run.public_id}, message)
    if run.status not in statuses.SUCCESSFUL:
        raise _failed(run)


def _first_requested(report: ExportReport) -> datetime:
    """A retry of what did not come to be is of what was requested then; one of what did is a request of its own."""
    first = report
    while first.retry_of is not None and first.retry_of.status not in statuses.SUCCESSFUL:
        first = first.retry_of
    return first.created_at


def _begin(report: ExportReport, lease: RunLease) -> SyncRun:
    """For whoever requested the report; in the shell until its end."""
    actor = system("shell" if lease.foreground else "worker")
    if report.requested_by is not None:
        actor = Actor(
            kind=USER,
            name=report.created_by_name,
            channel=actor.channel,
            user_id=report.requested_by,
            token_id=report.created_by_token_id,
        )
    if not lease.foreground:
        return request_sync(project=report.project, actor=actor)
    return sync_now(project=report.project, actor=actor)


def _failed(run: SyncRun) -> PermanentError:
    reason = f": {run.error}" if run.error else ""
    return PermanentError(f"the mirror could not be brought up to date ({run.label} {run.status}{reason})")
