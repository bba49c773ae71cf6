"""A report as JSON: the one form that REST, ``--json`` and webhooks share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from exportadmin.lib.times import to_datetime
from exportadmin.runs import statuses
from exportadmin.runs.progress import progress_json
from exports.display.hidden_names import check_values_shown
from exports.handing_out import config_shown
from exports.models import Artifact, ExportConfig, ExportReport, Proof, SinkSweep, Slice
from exports.remote_listing import RemoteListing
from exports.spec.platform_export import HERE, THERE

if TYPE_CHECKING:
    from exports.actions import DeletedRows
    from exports.failures import Failures, Retried


def artifact_json(artifact: Artifact) -> dict[str, Any]:
    """``{"artifact_id", "name", "media_type", "bytes", "sha256"}``."""
    return {
        "artifact_id": artifact.public_id,
        "name": artifact.name,
        "media_type": artifact.media_type,
        "bytes": artifact.bytes,
        "sha256": artifact.sha256,
    }


def config_json(config: ExportConfig) -> dict[str, Any]:
    """A saved config; ``config`` is its description."""
    return {
        "config_id": config.public_id,
        "project": {"id": config.project.public_id, "name": config.project.name},
        "name": config.name,
        "description": config.description,
        "config": config.body,
        "created_at": config.created_at.isoformat(),
    }


def slice_json(slice: Slice) -> dict[str, Any]:
    """A slice, with what it selects."""
    return {
        "slice_id": slice.public_id,
        "project": {"id": slice.project.public_id, "name": slice.project.name},
        "name": slice.name,
        "description": slice.description,
        "filter": slice.filter,
        "time_zone": slice.time_zone,
        "created_at": slice.created_at.isoformat(),
        "updated_at": slice.updated_at.isoformat(),
    }


def remote_export_json(listed: RemoteListing) -> dict[str, Any]:
    """An export as the platform lists it, with what we know of it."""
    export = listed.export
    return {
        "remote_id": export.remote_id,
        "name": export.name,
        "word": export.standing.word,
        "is_made": listed.is_made,
        "created_at": None if export.created_ms is None else to_datetime(export.created_ms).isoformat(),
        "details": dict(export.details),
        "is_theirs": listed.is_theirs,
        "report_id": listed.asked_by and listed.asked_by.report_id,
        "sync_id": listed.synced_by and listed.synced_by.public_id,
        "fetched_by": listed.fetched_by and listed.fetched_by.report_id,
    }


def made_by_json(report: ExportReport) -> dict[str, Any] | None:
    """Of an export that a platform made itself, else ``None``."""
    if not report.made_by:
        return None
    return {
        "platform": report.made_by,
        "remote_id": report.remote_id,
        "remote_name": report.remote_name,
        "where": THERE if report.is_there else HERE,
        "proved": report.is_proved,
    }


def report_json(report: ExportReport, known: frozenset[str] | None = None) -> dict[str, Any]:
    """Times are ISO 8601 with offset, ``null`` while not reached. ``known``: the projects beside the report's own that
    whoever reads it may know of (:func:`exports.handing_out.others_known`); ``None``: all of them (the shell)."""
    return {
        "report_id": report.report_id,
        "name": report.name,
        "description": report.description,
        "project": {"id": report.project.public_id, "name": report.project.name},
        "status": report.status,
        "group": "in_progress" if report.status in statuses.ACTIVE else "completed",
        "error": report.error,
        "format": report.format,
        "made_by": made_by_json(report),
        "progress": progress_json(report),
        "config_id": report.saved_config.public_id if report.saved_config else None,
        "config": config_shown(report, known),
        "check_values": check_values_shown(report, known),
        "revision": report.revision,
        "artifacts": [artifact_json(artifact) for artifact in report.artifacts.all()],
        "location": "" if report.is_ours else report.location,
        "archived_at": report.archived_at.isoformat() if report.archived_at else None,
        "files_removed_at": report.files_removed_at.isoformat() if report.files_removed_at else None,
        "altered": {"at": report.altered_at.isoformat(), "why": report.altered_why} if report.altered_at else None,
        "proof": {"at": report.proved_at.isoformat(), "result": report.proof_result} if report.proved_at else None,
        "converted_from": report.converted_from.report_id if report.converted_from else None,
        "retry_of": report.retry_of.report_id if report.retry_of else None,
        "created_at": report.created_at.isoformat(),
        "created_by": report.created_by_name,
        "started_at": report.started_at.isoformat() if report.started_at else None,
        "finished_at": report.finished_at.isoformat() if report.finished_at else None,
    }


def failures_json(found: Failures) -> dict[str, Any]:
    """What failed lately and was not retried, by reason."""
    return {
        "groups": [
            {
                "key": group.key,
                "reason": group.reason,
                "reports": [report.report_id for report in group.reports],
                "retryable": [report.report_id for report in group.retryable],
                "digest": group.digest,
                "last_at": group.reports[0].created_at.isoformat(),
            }
            for group in found.groups
        ],
        "is_cut": found.is_cut,
    }


def retried_json(one: Retried) -> dict[str, Any]:
    """What came of one that was retried with others."""
    return {
        "report_id": one.report.report_id,
        "retried_as": one.again.report_id if one.again else None,
        "refusal": one.refusal,
    }


def proof_json(proof: Proof) -> dict[str, Any]:
    """As :func:`report_json`; ``result`` is ``null`` where there is none."""
    return {
        "proof_id": proof.public_id,
        "report_id": proof.report.report_id,
        "how": proof.how,
        "status": proof.status,
        "error": proof.error,
        "result": proof.result or None,
        "counts": proof.counts,
        "problems": proof.problems,
        "problems_total": proof.problems_total,
        "statement": proof.statement,
        "note": proof.note,
        "bytes_done": proof.bytes_done,
        "bytes_expected": proof.bytes_expected,
        "is_nightly": proof.night_id is not None,
        "created_at": proof.created_at.isoformat(),
        "created_by": proof.created_by_name,
        "started_at": proof.started_at.isoformat() if proof.started_at else None,
        "finished_at": proof.finished_at.isoformat() if proof.finished_at else None,
    }


def sweep_json(sweep: SinkSweep) -> dict[str, Any]:
    """What lies about at one place."""
    return {
        "connection_id": sweep.connection.public_id if sweep.connection else None,
        "name": sweep.name,
        "looked_at": sweep.swept_at.isoformat(),
        "error": sweep.error,
        "found": sweep.found,
        "found_total": sweep.found_total,
        "removed": sweep.removed,
    }


def deleted_rows_json(done: DeletedRows, *, dry_run: bool) -> dict[str, Any]:
    """What was selected and what became of it."""
    return {
        "selected": len(done.selected.pks),
        "annotations": done.selected.annotations,
        "by_status": dict(done.selected.by_status),
        "missing": list(done.selected.missing),
        "deleted": done.deleted,
        "kept": done.kept,
        "revision": done.revision,
        "dry_run": dry_run,
    }
