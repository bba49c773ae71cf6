"""What an export has seen: its revision, so that another one can go on from there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connections.models import Project
from exportadmin.lib.errors import UserError
from exportadmin.lib.text import check_text
from exports import statuses
from exports.models import ExportReport

SINCE_REVISION = "since_revision"


def with_revisions(filter_: Mapping[str, Any], project: Project) -> Mapping[str, Any]:
    """The filter with the id of an export replaced by the revision that it saw: what is frozen is the number.

    Raises :class:`UserError` for an id that names no export of the project that delivered.
    """
    given = filter_.get(SINCE_REVISION)
    if not isinstance(given, str) or given.strip().isdecimal() or not given.strip():
        return filter_
    return {**filter_, SINCE_REVISION: _seen_by(given.strip(), project, f"filter.{SINCE_REVISION}")}


def _seen_by(report_id: str, project: Project, field: str) -> int:
    check_text(report_id, field)
    report = ExportReport.objects.filter(project=project, report_id=report_id).only("status", "revision").first()
    if report is None:
        raise UserError(
            f"{report_id[:80]!r} is no export of this project, and no revision (a whole number from 0 up)", field=field
        )
    if report.status not in statuses.DELIVERED or report.revision is None:
        raise UserError(
            f"export {report_id} is {report.status} and has delivered nothing that another one could go on from",
            field=field,
        )
    return report.revision
