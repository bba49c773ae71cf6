"""Label Studio's JSON: what its SDK reads of people, projects and exports."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.contrib.auth.models import User

from connections.models import Project
from connections.rows.labels import FINISHED
from connections.store.overview import overview
from exportadmin.runs import statuses
from exports.dialects.base import moment
from exports.dialects.label_studio.formats import export_types, type_of
from exports.dialects.label_studio.labeling_config import labeling_config
from exports.formats.label_studio_types import listed_types
from exports.models import ExportReport

CREATED, IN_PROGRESS, FAILED, COMPLETED = "created", "in_progress", "failed", "completed"
_ACTIVE: Final = {statuses.QUEUED: CREATED, statuses.RUNNING: IN_PROGRESS}


def user_json(user: User) -> dict[str, Any]:
    """A person, as others see them."""
    names = {"first_name": user.first_name, "last_name": user.last_name}
    return {"id": user.pk, **names, "email": user.email or user.get_username(), "avatar": None}


def whoami_json(user: User) -> dict[str, Any]:
    """The one who asks."""
    return user_json(user) | {
        "username": user.get_username(),
        "initials": user.get_username()[:2],
        "phone": "",
        "active_organization": None,
        "date_joined": moment(user.date_joined),
        "last_activity": moment(user.last_login),
    }


def project_json(project: Project) -> dict[str, Any]:
    """One project, with the figures of this moment."""
    figures = overview(project.public_id)
    flags = figures.by_label_flags
    return {
        "id": project.pk,
        "title": project.name,
        "description": project.description,
        "created_at": moment(project.created_at),
        "is_published": True,
        "label_config": labeling_config(project, figures),
        "task_number": figures.rows,
        "num_tasks_with_annotations": sum(count for bits, count in flags.items() if bits & FINISHED),
        "finished_task_number": sum(count for bits, count in flags.items() if bits),
    }


def status_of(report: ExportReport) -> str:
    """In Label Studio's four words."""
    return _ACTIVE.get(report.status) or (COMPLETED if report.is_delivered else FAILED)


def export_json(report: ExportReport, people: Mapping[int, User]) -> dict[str, Any]:
    """A snapshot. ``conversions`` are to be there; ``people`` by their ids. Beyond Label Studio's keys it has
    ``report_id``, ``progress`` (0 to 1, while it is known) and, where it is not all right, ``error``.
    """
    status = status_of(report)
    user = people.get(report.created_by_id or 0)
    about: dict[str, Any] = {
        "title": report.name,
        "id": report.pk,
        "created_by": user_json(user) if user else None,
        "created_at": moment(report.created_at),
        "finished_at": moment(report.finished_at) if status == COMPLETED else None,
        "status": status,
        "md5": (report.check_values or {}).get("md5", "") if status == COMPLETED else "",
        "counters": {"task_number": report.rows_done} if status == COMPLETED else {},
        "converted_formats": [
            converted_json(one) for one in sorted(report.conversions.all(), key=lambda one: one.pk) if is_shown(one)
        ],
        "report_id": report.report_id,
    }
    if status == IN_PROGRESS and report.rows_expected:
        about["progress"] = round(min(report.rows_done / report.rows_expected, 1), 4)
    return about | error_json(report)


def converted_json(report: ExportReport) -> dict[str, Any]:
    """A conversion of a snapshot."""
    error = error_json(report)
    about = {"id": report.pk, "status": status_of(report), "export_type": type_of(report)}
    return about | {"traceback": error.get("error")} | error


def error_json(report: ExportReport) -> dict[str, str]:
    """``error`` where it failed, or not all rows are in it."""
    status = status_of(report)
    if status == FAILED:
        return {"error": report.error or report.status}
    refused = sum((report.check_values or {}).get("rows_refused", {}).values()) if status == COMPLETED else 0
    if not refused:
        return {}
    return {"error": f"{refused:,} tasks could not be written: errors.ndjson of report {report.report_id} lists them"}


def is_shown(report: ExportReport) -> bool:
    """Whoever deletes one sees it no more: its files are gone, or it never had any. Its report stays."""
    return report.files_removed_at is None and report.status != statuses.CANCELLED and bool(type_of(report))


def formats_json(project: Project) -> list[dict[str, Any]]:
    """What its exports can be converted to; what it cannot fill is ``disabled``."""
    return listed_types(labeling_config(project, overview(project.public_id)), export_types())
