"""A mirror and its syncs as JSON: the one form that REST and ``--json`` share."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from connections.store.imports import files
from connections.sync.actions import Listed, Offered
from connections.sync.models import Mirror, SyncRun
from exportadmin.lib.times import to_datetime
from exportadmin.runs.progress import progress_json

FIRST_REFUSED: Final = 20


def mirror_json(mirror: Mirror) -> dict[str, Any]:
    """Times are ISO 8601 with offset, ``null`` while not reached; ``watermark`` is in the platform's time."""
    project = mirror.project
    return {
        "project": {"id": project.public_id, "name": project.name},
        "connection": {"id": project.connection.public_id, "name": project.connection.name},
        "external_id": project.external_id,
        "data_type": mirror.data_type,
        "details": mirror.details,
        "synced_at": _iso(mirror.synced_at),
        "full_synced_at": _iso(mirror.full_synced_at),
        "watermark": _iso_ms(mirror.watermark_ms),
        "not_understood": mirror.not_understood,
        "full_every_hours": mirror.full_every_hours,
        "sync_first": mirror.sync_first,
        "options": mirror.options,
    }


def remote_projects_json(listed: Listed) -> dict[str, Any]:
    """The projects there, and what of them is not listed."""
    return {"projects": list(map(_remote_project_json, listed.offered)), "left_out": listed.left_out}


def _remote_project_json(offered: Offered) -> dict[str, Any]:
    """A project there, and the one here that mirrors it."""
    remote, project = offered.remote, offered.project
    return {
        "external_id": remote.external_id,
        "name": remote.name,
        "data_type": remote.data_type,
        "details": dict(remote.details),
        "project": project and {"id": project.public_id, "name": project.name},
    }


def sync_json(run: SyncRun, *, with_refused: bool = False) -> dict[str, Any]:
    """As :func:`mirror_json`; ``refused`` holds the first refused rows, if asked for."""
    shown = {
        "sync_id": run.public_id,
        "project": {"id": run.project.public_id, "name": run.project.name},
        "wanted": run.wanted,
        "mode": run.mode,
        "since": _iso_ms(run.since_ms),
        "asked_at": _iso(run.asked_at),
        "remote_id": run.remote_id,
        "remote_name": run.remote_name,
        "status": run.status,
        "error": run.error,
        "bytes_total": run.bytes_total,
        "progress": progress_json(run),
        "summary": run.summary,
        "created_at": run.created_at.isoformat(),
        "created_by": run.created_by_name,
        "started_at": _iso(run.started_at),
        "finished_at": _iso(run.finished_at),
    }
    if with_refused:
        shown["refused"] = files.first_refused(run, FIRST_REFUSED) if run.finished_at else []
    return shown


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _iso_ms(ms: int | None) -> str | None:
    return None if ms is None else to_datetime(ms).isoformat()
