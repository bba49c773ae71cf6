"""How long an export will take: as fast as the last ones of its kind, else as fast as its sample was written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from django.db.models import QuerySet

from connections.models import Project
from exportadmin.lib import formatting
from exportadmin.runs import statuses
from exports.models import ExportReport
from exports.spec.sample import Sample

# newest completed reports that are looked at, and how many of the same format are averaged
LOOKED_AT: Final = 100
AVERAGED: Final = 5
# small exports are mostly start and end: their pace says nothing of one this many times as large
COMPARABLE: Final = 10


@dataclass(frozen=True, slots=True)
class Estimate:
    """``basis`` says, in words, where ``seconds`` come from."""

    seconds: float
    basis: str

    @property
    def text(self) -> str:
        """About how long."""
        return formatting.about(self.seconds)


def estimate_duration(project: Project, format_name: str, rows: int, sample: Sample) -> Estimate | None:
    """At most two queries, of :data:`LOOKED_AT` reports each. ``None`` where there is nothing to go by."""
    if not rows:
        return None
    done = ExportReport.objects.filter(status=statuses.COMPLETED).order_by("-created_at", "-pk")
    for reports, where in ((done.filter(project=project), "this project"), (done, "this installation")):
        if (found := _rate(reports, format_name, rows)) is not None:
            rate, count = found
            of = "the last export" if count == 1 else f"the last {count} exports"
            return Estimate(rows * rate, f"by {of} in this format of {where}")
    if not sample.rows:
        return None
    return Estimate(rows * sample.seconds / sample.rows, f"by the first {sample.rows:,} rows")


def _rate(reports: QuerySet[ExportReport], format_name: str, rows: int) -> tuple[float, int] | None:
    """Seconds a row, and of how many reports."""
    columns = ("format", "rows_done", "started_at", "finished_at")
    newest: list[tuple[Any, ...]] = list(reports.values_list(*columns)[:LOOKED_AT])
    alike = [
        (done, (finished - started).total_seconds())
        for key, done, started, finished in newest
        if key == format_name and started and finished and done * COMPARABLE >= rows
    ][:AVERAGED]
    if not alike:
        return None
    return sum(seconds for _, seconds in alike) / sum(done for done, _ in alike), len(alike)
