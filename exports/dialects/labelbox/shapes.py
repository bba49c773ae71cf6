"""Labelbox's JSON: what its SDK reads of people, projects and tasks. Each object has all that any release asks for."""

from __future__ import annotations

from typing import Any, Final

from django.contrib.auth.models import User
from django.db.models import Q

from connections.access.preferences import preference_of
from connections.models import Project
from connections.store.models import StoreModelRun
from connections.store.overview import first_media_type, overview
from exportadmin.lib.times import to_datetime
from exportadmin.runs import statuses
from exports.dialects.base import moment
from exports.models import ExportReport, Slice

# a name that the SDK has for what exports are; of others it reads results in another way
TASK_TYPE: Final = "export-data-rows"
# as the SDK's list of what can be cancelled writes it
CANCELABLE_TYPE: Final = "exportDataRows"
IN_PROGRESS, COMPLETE, FAILED, CANCELED, CANCELLING = "IN_PROGRESS", "COMPLETE", "FAILED", "CANCELED", "CANCELLING"
# the reports of each, as :func:`status_of` says it of one
WITH_STATUS: Final = {
    IN_PROGRESS: Q(status__in=statuses.ACTIVE, cancel_requested=False),
    CANCELLING: Q(status__in=statuses.ACTIVE, cancel_requested=True),
    CANCELED: Q(status=statuses.CANCELLED),
    COMPLETE: Q(status__in=statuses.SUCCESSFUL),
    FAILED: Q(status__in=statuses.TERMINAL - statuses.SUCCESSFUL - {statuses.CANCELLED}),
}
_MEDIA_TYPES: Final = {"document": "PDF", "geospatial": "TMS_GEO"}


def user_json(user: User, *, asks: bool = True) -> dict[str, Any]:
    """The one who ``asks``; of somebody else who they are, and nothing more."""
    told = {
        "id": str(user.pk),
        "email": user.email or user.get_username(),
        "name": user.get_full_name() or user.get_username(),
        "nickname": user.get_username(),
        "picture": "",
        "isViewer": False,
        "isExternalUser": False,
        "intercomHash": "",
        "timezone": preference_of(user).time_zone,
        "lastLoginAt": moment(user.last_login),
        "createdAt": moment(user.date_joined),
        "updatedAt": moment(user.date_joined),
    }
    return told if asks else {key: value if key in ("id", "name") else None for key, value in told.items()}


def organization_json(installation: str) -> dict[str, Any]:
    """This installation."""
    return {"id": installation, "name": "Export Admin", "createdAt": None, "updatedAt": None}


def project_json(project: Project) -> dict[str, Any]:
    """One project, with the figures of this moment."""
    figures = overview(project.public_id)
    active = None if figures.activity_ms is None else moment(to_datetime(figures.activity_ms))
    media = first_media_type(project).lower() or "image"
    return {
        "id": project.public_id,
        "name": project.name,
        "description": project.description,
        "createdAt": moment(project.created_at),
        "updatedAt": active or moment(project.created_at),
        "lastActivityTime": active,
        "dataRowCount": figures.rows,
        "allowedMediaType": _MEDIA_TYPES.get(media, media.upper()),
        "queueMode": "BATCH",
        "setupComplete": moment(project.created_at),
        "isBenchmarkEnabled": False,
        "isConsensusEnabled": False,
        "autoAuditNumberOfLabels": None,
        "autoAuditPercentage": None,
        "editorTaskType": None,
        "modelSetupComplete": None,
        "uploadType": None,
    }


def dataset_json(dataset_id: str, name: str, rows: int) -> dict[str, Any]:
    """One dataset, as its rows name it. When it was made nobody says."""
    times = {"createdAt": None, "updatedAt": None}
    return {"id": dataset_id, "name": name, "description": "", "rowCount": rows, **times}


def batch_json(batch_id: str, name: str, rows: int) -> dict[str, Any]:
    """One batch, as its rows name it."""
    times = {"createdAt": None, "updatedAt": None}
    return {"id": batch_id, "name": name, "size": rows, "consensusSettingsJson": None, **times}


def slice_json(found: Slice) -> dict[str, Any]:
    """A saved selection, its filter in our words."""
    return {
        "id": found.public_id,
        "name": found.name,
        "description": found.description,
        "filter": found.filter,
        "createdAt": moment(found.created_at),
        "updatedAt": moment(found.updated_at),
    }


def model_run_json(run: StoreModelRun) -> dict[str, Any]:
    """A run of a model."""
    made = None if run.created_ms is None else moment(to_datetime(run.created_ms))
    return {
        "id": run.run_id,
        "name": run.name,
        "modelId": run.model_id,
        "modelAppId": None,
        "createdBy": run.created_by,
        "trainingMetadata": run.training_metadata,
        "createdAt": made,
        "updatedAt": made,
    }


def status_of(report: ExportReport) -> str:
    """In Labelbox's words."""
    if report.status in statuses.ACTIVE:
        return CANCELLING if report.cancel_requested else IN_PROGRESS
    if report.status == statuses.CANCELLED:
        return CANCELED
    return COMPLETE if report.is_delivered else FAILED


def task_json(report: ExportReport) -> dict[str, Any]:
    """An export. ``metadata`` says why one failed, and how many rows of one were refused."""
    status = status_of(report)
    share = 1.0 if status == COMPLETE else 0.0
    if status == IN_PROGRESS and report.rows_expected:
        share = min(report.rows_done / report.rows_expected, 1.0)
    return {
        "id": report.report_id,
        "name": report.name,
        "type": TASK_TYPE,
        "status": status,
        "completionPercentage": round(share * 100, 2),
        "createdAt": moment(report.created_at),
        "updatedAt": moment(report.finished_at or report.created_at),
        "result": None,
        "errors": None,
        "metadata": _metadata(report, status),
    }


def _metadata(report: ExportReport, status: str) -> dict[str, Any]:
    known: dict[str, Any] = {"project_id": report.project.public_id, "rows_done": report.rows_done}
    if status == FAILED:
        known["error"] = report.error or report.status
    refused = sum((report.check_values or {}).get("rows_refused", {}).values())
    return known | ({"rows_refused": refused} if refused else {})
