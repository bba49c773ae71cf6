"""What a project holds and what has happened in it since its last export, as a page shows it."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Q

from connections.models import Project
from connections.store.overview import ChangeCount, Overview, changes_since
from exportadmin.runs import statuses
from exports.display.check_value_tables import Sum, sum_of
from exports.models import ExportConfig, ExportReport
from exports.results.staleness import changes_text
from exports.spec.conditions import SinceRevision
from exports.spec.labels import ALL, DEFAULT
from exports.spec.spec import beside_filter

_BIG = ("config", "check_values", "description", "error", "location")


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
    """What has changed in a project since ``report``, the last that counts, read its rows."""

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
    """Since the last delivery of all rows, and the increments that go on from it without a gap. An export of some rows
    does not count: what it left out would never be delivered to who relies on this.

    ``None`` where no such thing was delivered yet. Rows that changed while it ran count: it did not see them.
    """
    delivered = ExportReport.objects.filter(
        project=project,
        status__in=statuses.SUCCESSFUL,
        revision__isnull=False,
        converted_from=None,
        config__scope__isnull=True,
    ).filter(
        Q(config__labels__isnull=True) | Q(config__labels__in=[DEFAULT.text, ALL.text]),
        *(Q(**{f"config__{key}__0__isnull": True}) for key in beside_filter()),
    )
    whole = delivered.filter(config__filter={}).order_by("-created_at", "-pk").defer(*_BIG).first()
    if whole is None:
        return None
    last, seen = whole.pk, whole.revision or 0
    later = delivered.filter(created_at__gte=whole.created_at, config__filter__has_key=SinceRevision.key)
    for pk, revision, asked in later.order_by("created_at", "pk").values_list("pk", "revision", "config__filter"):
        since = SinceRevision().parse(asked.pop(SinceRevision.key), time_zone="UTC", field=SinceRevision.key)
        if revision is not None and not asked and since <= seen <= revision:
            last, seen = pk, revision
    report = whole if last == whole.pk else ExportReport.objects.defer(*_BIG).get(pk=last)
    return SinceLast(report, changes_since(project.public_id, seen))


def since_last_delivery(config: ExportConfig) -> SinceLast | None:
    """Since the last delivery of this config, whatever else was delivered of its project meanwhile.

    ``None`` where it delivered nothing yet, or nothing that tells what it saw.
    """
    delivered = config.exportreport_set.filter(status__in=statuses.SUCCESSFUL, revision__isnull=False)
    report = delivered.order_by("-created_at", "-pk").defer(*_BIG).first()
    return None if report is None else SinceLast(report, changes_since(config.project.public_id, report.revision or 0))
