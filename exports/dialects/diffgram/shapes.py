"""Diffgram's JSON: directories, jobs and exports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC
from email.utils import format_datetime
from functools import cached_property
from typing import Any, Final

from connections.models import Project
from exportadmin.lib.times import to_datetime
from exportadmin.runs import statuses
from exports.dialects.diffgram.bodies import DONE_ONLY, NOT_DONE
from exports.dialects.diffgram.places import Place, directories_of, jobs_of, whole_of
from exports.models import ExportReport

INIT, COMPLETE, FAILED = "init", "complete", "failed"
# word for word, as scripts look for it
EMPTY: Final = (
    "File List is Empty. Have tasks been completed? Potential Fix: To view all files: Un-select 'Complete Files Only'."
)
_Json = dict[str, Any]


def directory_json(place: Place, jobs: list[Place]) -> _Json:
    """A directory. Jobs are those of its project: a batch may have files of several datasets."""
    return {
        "id": place.id,
        "directory_id": place.id,
        "nickname": place.name,
        "jobs_to_sync": {"job_ids": [job.id for job in jobs]},
        "has_changes": None,
        "created_time": _iso(place.created_ms),
    }


def job_json(place: Place, directory: Place) -> _Json:
    """A job, as lists have it."""
    is_done = place.complete == place.files
    return {
        "id": place.id,
        "cache_info": None,
        "name": place.name,
        "time_created": _text(place.created_ms),
        "time_updated": _text(place.updated_ms),
        "time_completed": "None",
        "status": "complete" if is_done else "active",
        "type": "Normal",
        "instance_type": None,
        "is_pinned": False,
        "label_schema_id": directory.id,
        "label_schema": None,
        "is_live": True,
        "attached_directories_dict": None,
        "file_count_statistic": None,
        "stat_count_tasks": place.files,
        "stat_count_complete": place.complete,
        "stat_count_available": place.files - place.complete,
        "share_type": "project",
        "waiting_to_be_launched": None,
        "launch_datetime": _text(place.created_ms),
        "completion_directory_id": directory.id,
        "completion_directory": {"id": directory.id, "nickname": directory.name},
        "output_dir_action": None,
        "interface_connection": None,
        "label_dict": None,
        "member_list_ids": None,
    }


def whole_job_json(place: Place, directory: Place) -> _Json:
    """A job by its id: what is printed of it needs ``tag_list`` too."""
    return job_json(place, directory) | {
        "percent_completed": round(100 * place.complete / place.files, 2) if place.files else 0.0,
        "tasks_remaining": place.files - place.complete,
        "file_count": place.files,
        "tag_list": [],
        "reviewer_list_ids": [],
        "pending_initial_dir_sync": False,
    }


def schema_json(project: Project) -> _Json:
    """The one schema of labels that a project has."""
    return {
        "id": whole_of(project).id,
        "name": "Default Schema",
        "project_id": project.pk,
        "archived": False,
        "is_default": True,
    }


def status_of(report: ExportReport) -> str:
    """In Diffgram's three words."""
    if report.status in statuses.ACTIVE:
        return INIT
    return COMPLETE if report.is_delivered and report.rows_done and report.files_removed_at is None else FAILED


def status_text(report: ExportReport) -> str | None:
    """Why it failed, or what is missing of one that is complete."""
    if report.status in statuses.ACTIVE:
        return None
    if report.files_removed_at is not None:
        return f"its files were removed: {report.files_removed_why or 'no longer kept'}"
    if not report.is_delivered:
        return report.error or report.status
    if not report.rows_done:
        return EMPTY
    refused = sum((report.check_values or {}).get("rows_refused", {}).values())
    if refused:
        return f"{refused:,} files could not be written: errors.ndjson of report {report.report_id} lists them"
    return None


class Shown:
    """Exports of one project as Diffgram's JSON; what they name is looked up once."""

    def __init__(self, project: Project) -> None:
        self._project = project

    @cached_property
    def _jobs(self) -> list[Place]:
        return jobs_of(self._project)

    @cached_property
    def _directories(self) -> list[Place]:
        return directories_of(self._project)

    def directory(self, place: Place) -> _Json:
        """See :func:`directory_json`."""
        return directory_json(place, self._jobs)

    def job(self, place: Place) -> _Json:
        """See :func:`job_json`."""
        return job_json(place, self._directories[0])

    def whole_job(self, place: Place) -> _Json:
        """See :func:`whole_job_json`."""
        return whole_job_json(place, self._directories[0])

    def export(self, report: ExportReport) -> _Json:
        """An export. Beyond Diffgram's keys it has ``report_id``; a job or directory that is no longer there is
        ``null``."""
        asked: Mapping[str, Any] = report.config.get("filter", {})
        batches, rows = asked.get("batch_ids") or (), asked.get("row_numbers")
        job = next((one for one in self._jobs if [one.key] == [*batches]), None)
        status, text = status_of(report), status_text(report)
        source = "task" if rows else "job" if len(batches) == 1 else "directory"
        return {
            "id": report.pk,
            "kind": "Annotations",
            "masks": False,
            "source": source,
            "status": status,
            "status_text": text,
            "file_comparison_mode": "latest",
            "percent_complete": _percent(report, status),
            "created_time": format_datetime(report.created_at.astimezone(UTC).replace(microsecond=0), usegmt=True),
            "directory": self._directory(asked.get("dataset_ids") or ()),
            "job": None if job is None else self.job(job),
            "task": {"id": rows[0]} if rows else None,
            "file_list_length": report.rows_expected if status == INIT else report.rows_done,
            "ann_is_complete": _complete_only(asked),
            "report_id": report.report_id,
        }

    def _directory(self, datasets: Sequence[str]) -> _Json | None:
        if not datasets:
            return self.directory(self._directories[0])
        return next((self.directory(one) for one in self._directories[1:] if [one.key] == [*datasets]), None)


def _percent(report: ExportReport, status: str) -> float:
    if status == COMPLETE:
        return 100.0
    expected = report.rows_expected
    return round(min(100.0, 100 * report.rows_done / expected), 2) if expected else 0.0


def _complete_only(asked: Mapping[str, Any]) -> bool | None:
    groups = frozenset(asked.get("workflow_status") or ())
    return {DONE_ONLY: True, NOT_DONE: False}.get(groups)


def _iso(ms: int | None) -> str | None:
    return None if ms is None else to_datetime(ms).strftime("%Y-%m-%dT%H:%M:%S.%f")


def _text(ms: int | None) -> str:
    """As Diffgram prints times inside a job, and that there is none."""
    return "None" if ms is None else to_datetime(ms).strftime("%Y-%m-%d %H:%M:%S")
