"""Rows of a project that left with an export of another one: a line in the project's own trail tells of it.

What happens to that export afterwards is in the trail of the project that it belongs to, one line each; whoever reads
the trail of a project whose rows it holds finds those lines by the report and the files that this line names. Rows that
the plan of such an export shows are a line there as well.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final

from django.db.models import Q, QuerySet, Sum

from connections.models import Project
from exportadmin.audit.models import AuditEntry
from exportadmin.audit.record import record
from exportadmin.audit.scope import Scope
from exportadmin.lib.actor import system
from exports.models import Artifact, DeliveredRows, ExportReport
from exports.spec.sample import Sample

EVENT: Final = "export.rows_left"
SHOWN: Final = "export.rows_shown"
# of so many exports, the newest ones, the lines are looked for
MOST: Final = 5_000


def record_rows_left(report: ExportReport, artifacts: Iterable[Artifact], who: dict[str, str]) -> None:
    """A line for each other project of which rows were delivered, in the transaction of the run's end. ``who`` asked
    for it. The report stands there by its id alone: its name tells of a project that not all there may know."""
    if not report.other_projects:
        return
    delivered = DeliveredRows.objects.filter(report=report).exclude(project=report.project_id)
    counts = delivered.order_by("project").values_list("project__public_id", "project__name").annotate(Sum("rows"))
    files = [file.public_id for file in artifacts]
    for public_id, name, rows in counts:
        record(
            EVENT,
            actor=system("worker"),
            project=(public_id, name),
            obj=("export_report", report.report_id, report.report_id),
            details={"rows": rows, "files": files, **who},
        )


def shown_of_others(sample: Sample, project: Project) -> list[tuple[tuple[str, str], int]]:
    """``((public id, name), rows)`` of each project beside this one of which a plan's sample shows rows."""
    counts = {pk: rows for pk, rows in sample.of_projects.items() if pk != project.pk}
    found = Project.objects.filter(pk__in=counts).order_by("pk") if counts else ()
    return [((each.public_id, each.name), counts[each.pk]) for each in found]


def about_rows_of(scope: Scope, project: str = "") -> Q:
    """Entries about exports of others that hold rows of a project, by its id or name, or of any whose trail may be
    read. One query."""
    lines: QuerySet[AuditEntry] = scope.within(AuditEntry.objects.filter(event=EVENT))
    if project:
        lines = lines.filter(Q(project_id=project) | Q(project_name=project))
    newest = lines.order_by("-sequence").values_list("object_id", "details_json")[:MOST]
    told: list[tuple[str, Any]] = [(report, json.loads(details)) for report, details in newest]
    return Q(object_id__in={each for report, details in told for each in (report, *details["files"])})
