"""An export of mirrored projects first brings the mirrors up to date, as of the moment at which it was requested."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from connections.models import Project
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
    """Of the report's project, and of every other mirrored one that it reads.

    Nothing where a sync has asked the platform since the report was first requested, or none is wanted. Else the sync
    that is active is awaited, and if there is none, one is requested; in the shell it runs here. Raises ``NotYet``
    while one is not done, ``PermanentError`` where one did not come to a good end.
    """
    if not report.config.get("sync_first") or report.converted_from_id is not None:
        return
    others = Project.objects.filter(public_id__in=report.other_projects, mirror__isnull=False).order_by("pk")
    awaited: dict[str, str] = dict(report.state.get(KEY) or {})
    waits: list[str] = []
    for project in (report.project, *others):
        if (run := _needed_sync(report, project, awaited.get(project.public_id, ""), lease)) is not None:
            awaited[project.public_id] = run.public_id
            waits.append(f"{_named(run, report)} of {_project_named(project, report)}")
    if waits:
        # all of them are on their way; the first is told of
        raise NotYet(_WAIT, {**report.state, KEY: awaited}, f"waits for {waits[0]}")


def _needed_sync(report: ExportReport, project: Project, awaited_id: str, lease: RunLease) -> SyncRun | None:
    """The sync that has to end before the project is read; ``None``: it is up to date."""
    since = SyncRun.objects.filter(project=project, asked_at__gte=_first_requested(report))
    if since.filter(status__in=statuses.SUCCESSFUL).exists():
        return None
    lease.progress(phase=SYNCING)
    awaited = SyncRun.objects.filter(public_id=awaited_id).first()
    if awaited is not None and not awaited.is_active and awaited.created_at >= report.created_at:
        raise _failed(awaited, report)
    run = active_sync(project)
    if run is None:
        try:
            run = _begin(report, project, lease)
        except ConflictError:  # somebody else was faster, or it cannot be
            run = active_sync(project)
            if run is None:
                raise
    if run.is_active:
        return run
    if run.status not in statuses.SUCCESSFUL:
        raise _failed(run, report)
    return None


def _project_named(project: Project, report: ExportReport) -> str:
    """Whoever sees the report need not know of the other projects that it reads."""
    return f"project {project.name!r}" if project.pk == report.project_id else "another project that it reads"


def _named(run: SyncRun, report: ExportReport) -> str:
    return run.label if run.project_id == report.project_id else "a sync"


def _first_requested(report: ExportReport) -> datetime:
    """A retry of what did not come to be is of what was requested then; one of what did is a request of its own."""
    first = report
    while first.retry_of is not None and first.retry_of.status not in statuses.SUCCESSFUL:
        first = first.retry_of
    return first.created_at


def _begin(report: ExportReport, project: Project, lease: RunLease) -> SyncRun:
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
        return request_sync(project=project, actor=actor)
    return sync_now(project=project, actor=actor)


def _failed(run: SyncRun, report: ExportReport) -> PermanentError:
    if run.project_id != report.project_id:
        return PermanentError("the mirror of another project that it reads could not be brought up to date")
    reason = f": {run.error}" if run.error else ""
    return PermanentError(f"the mirror could not be brought up to date ({run.label} {run.status}{reason})")
