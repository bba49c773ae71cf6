"""What a project holds and what has happened in it since its last export, as a page shows it."""

from __future__ import annotations

from dataclasses import dataclass

from connections.models import Project
from connections.store.overview import Overview, changes_since
from exportadmin.lib import times
from exports import statuses
from exports.display.check_value_tables import Sum, sum_of
from exports.models import ExportReport


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
    """What has changed since ``report`` began: the last one of the project that was delivered."""

    report: ExportReport
    since_ms: int
    added: int
    changed: int

    @property
    def any(self) -> int:
        """Rows that are not as they were."""
        return self.added + self.changed

    @property
    def since(self) -> str:
        """The moment, as a filter takes it."""
        return times.iso_utc(self.since_ms)


def since_last_export(project: Project) -> SinceLast | None:
    """``None`` where nothing was delivered yet. Rows that changed while it ran count: it may have missed them."""
    delivered = ExportReport.objects.filter(
        project=project, status__in=statuses.DELIVERED, started_at__isnull=False
    ).defer("config", "check_values", "description", "error", "location")
    report = delivered.order_by("-created_at", "-pk").first()
    if report is None or report.started_at is None:
        return None
    since_ms = times.from_datetime(report.started_at)
    found = changes_since(project.public_id, since_ms)
    return SinceLast(report, since_ms, found.added, found.changed)
