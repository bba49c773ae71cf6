"""Diffgram's JSON of what only lists and answers have; the rest is :mod:`exports.formats.diffgram_info`."""

from __future__ import annotations

from datetime import UTC
from email.utils import format_datetime
from functools import cached_property
from typing import Any, Final

from connections.models import Project
from exportadmin.runs import statuses
from exports.dialects.diffgram.places import directories_of, jobs_of, whole_of
from exports.formats.diffgram_info import Place, chosen_by, export_json, job_json
from exports.models import ExportReport
from exports.spec.spec import ExportSpec

INIT, COMPLETE, FAILED = "init", "complete", "failed"
# word for word, as scripts look for it
EMPTY: Final = (
    "File List is Empty. Have tasks been completed? Potential Fix: To view all files: Un-select 'Complete Files Only'."
)
_Json = dict[str, Any]


def whole_job_json(place: Place, whole: Place) -> _Json:
    """A job by its id: what is printed of it needs ``tag_list`` too."""
    told = job_json(place, whole)
    return told | {
        "percent_completed": round(100 * place.complete / place.files, 2) if place.files and place.complete else 0.0,
        "tasks_remaining": told["stat_count_available"],
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
    def whole(self) -> Place:
        """The directory that is all of it."""
        return whole_of(self._project)

    @cached_property
    def _jobs(self) -> dict[str, Place]:
        return {one.key: one for one in jobs_of(self._project)}

    @cached_property
    def _datasets(self) -> dict[str, Place | None]:
        """By id and by name; ``None`` for what several are called."""
        found: dict[str, Place | None] = {}
        for one in directories_of(self._project)[1:]:
            for text in {one.key, one.name}:
                found[text] = None if text in found else one
        return found

    def export(self, report: ExportReport) -> _Json:
        """An export, whoever asked for it. A job or directory that is no longer there is ``null``."""
        chosen = chosen_by(ExportSpec.from_json(report.config, self._project).selection.conditions)
        datasets = [self._datasets.get(text) for text in chosen.datasets]
        told = export_json(
            report.pk,
            report.report_id,
            chosen,
            whole=self.whole,
            dataset=datasets[0] if len(datasets) == 1 else None,
            job=None if chosen.job is None else self._jobs.get(chosen.job),
        )
        status = status_of(report)
        return told | {
            "status": status,
            "status_text": status_text(report),
            "percent_complete": _percent(report, status),
            "created_time": format_datetime(report.created_at.astimezone(UTC).replace(microsecond=0), usegmt=True),
            "file_list_length": report.rows_expected if status == INIT else report.rows_done,
        }


def _percent(report: ExportReport, status: str) -> float:
    if status == COMPLETE:
        return 100.0
    expected = report.rows_expected
    return round(min(100.0, 100 * report.rows_done / expected), 2) if expected else 0.0
