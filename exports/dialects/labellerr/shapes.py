"""Labellerr's JSON: what its SDK reads of projects and exports."""

from __future__ import annotations

from typing import Any, Final

from connections.models import Project
from connections.rows.media_types import HTML
from connections.store.overview import first_media_type
from exportadmin.lib.times import from_datetime
from exportadmin.runs import statuses
from exports.models import ExportReport

# theirs → ours
FORMATS: Final = {"json": "labellerr_json", "coco_json": "labellerr_coco", "csv": "csv", "png": "png"}
PROCESSING, CREATED, FAILED = "Processing", "Created", "Failed"
# a project that can be worked in
_READY: Final = 300
_DATA_TYPES: Final = frozenset({"image", "video", "audio", "document", "text"})


def project_json(project: Project) -> dict[str, Any]:
    """As ``GET /projects/project/<id>`` answers. The SDK wants one of five data types; rows without one are images."""
    data_type = first_media_type(project)
    data_type = "text" if data_type == HTML else data_type
    return {
        "project_id": project.public_id,
        "project_name": project.name,
        "data_type": data_type if data_type in _DATA_TYPES else "image",
        "status_code": _READY,
        "attached_datasets": [],
        "annotation_template_id": "",
        "created_by": "",
        "created_at": from_datetime(project.created_at),
    }


def export_status(report: ExportReport) -> str:
    """In Labellerr's words, of which only these three are known."""
    if report.status in statuses.ACTIVE:
        return PROCESSING
    return CREATED if report.is_delivered else FAILED


def export_json(report: ExportReport) -> dict[str, Any]:
    """An export in a list and in a status. ``error`` is there where it is not all right, and says why."""
    spec = report.config
    status = export_status(report)
    about: dict[str, Any] = {
        "report_id": report.report_id,
        "export_name": report.name,
        "export_description": report.description,
        "export_format": next((key for key, ours in FORMATS.items() if ours == report.format), report.format),
        "export_destination": spec.get("destination", {}).get("kind", "local"),
        "export_status": status,
        "is_completed": status != PROCESSING,
        "created_at": from_datetime(report.created_at),
        "created_by": report.created_by_name,
    }
    reason = report.error or (_refused(report) if status == CREATED else report.status)
    if status == PROCESSING:
        reason = ""
    return about | ({"error": reason} if reason else {})


def _refused(report: ExportReport) -> str:
    """Of an export that has not all of its rows."""
    refused = sum((report.check_values or {}).get("rows_refused", {}).values())
    return f"{refused:,} rows were refused; errors.ndjson beside the file lists them" if refused else ""


def unknown_json(report_id: str) -> dict[str, Any]:
    """For an id that there is not, or that is not theirs to see: an end, since the SDK asks on until there is one."""
    reason = f"there is no export {report_id[:80]!r}"
    return {"report_id": report_id, "export_status": FAILED, "is_completed": True, "error": reason}
