"""What a project holds and what has happened in it since its last export, as a page shows it."""

from __future__ import annotations

from dataclasses import dataclass

from connections.models import Project
from connections.store.overview import ChangeCount, Overview, changes_since
from exportadmin.runs import statuses
from exports.display.check_value_tables import Sum, sum_of
from exports.models import ExportReport
from exports.results.staleness import changes_text
from exports.spec.conditions import SinceRevision


def sums_of_holdings(overview: Overview) -> list[Sum]:
    """Rows by review status, annotations by class and by kind: as sums, like an export's check values."""
    sums = (
        sum_of("Rows", "by review status", "Review status", overview.rows, overview.by_status),
        sum_of("Annotations", "by class", "Class", overview.annotations, overview.by_class),
        sum_of("Annotations", "by kind", "Kind", overview.annotations, overview.by_kind),
    )
    return [each for each in sums if each is not None and each.parts]


@dataclass(frozen=True, slots=True)
class SinceLast:
    """What has changed since ``report``, the last one of the project that was delivered, read its rows."""

    report: ExportReport
    changes: ChangeCount

    @property
    def text(self) -> str:
        """``3 rows came and 2 changed``."""
        return changes_text(self.changes) or "No row came, changed or was deleted"

    @property
    def query(self) -> str:
        """What the address of a new export says, so that it takes the rows that have changed."""
        return f"{SinceRevision.key}={self.report.report_id}"

    @property
    def to_export(self) -> int:
        """Rows that an export of what has changed would deliver."""
        return self.changes.added + self.changes.changed


def since_last_export(project: Project) -> SinceLast | None:
    """``None`` where nothing was delivered yet. Rows that changed while it ran count: it did not see them."""
    delivered = ExportReport.objects.filter(
        project=project, status__in=statuses.SUCCESSFUL, revision__isnull=False
    ).defer("config", "check_values", "description", "error", "location")
    report = delivered.order_by("-created_at", "-pk").first()
    if report is None or report.revision is None:
        return None
    return SinceLast(report, changes_since(project.public_id, report.revision))
