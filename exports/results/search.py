"""Which deliveries hold a row? Answered from the numbers that were kept while each was made, of every format, also when
the files are gone; and honest about those of which none were kept."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

from django.db.models import Exists, OuterRef, Q, QuerySet

from connections.models import Project
from connections.store.called import Called, rows_called
from exportadmin.runs import statuses
from exports.delivery.row_numbers import holds
from exports.models import Artifact, DeliveredRows, ExportReport

# so many deliveries of a row are told of, the newest; there are more where ``is_cut``
MOST_EXPORTS: Final = 5_000
NAMED: Final = 5


@dataclass(slots=True)
class Found:
    """``rows`` are, or were, called so, and are held by ``exports`` deliveries: ``how`` we know, by the ids of reports
    and of their files. ``are_rows_cut``: more are called so, and were not searched. ``unsearched`` deliveries may hold
    it too; ``unsearched_names`` are the newest of them."""

    rows: list[Called]
    are_rows_cut: bool = False
    exports: int = 0
    is_cut: bool = False
    how: dict[str, str] = field(default_factory=dict)
    unsearched: int = 0
    unsearched_names: list[str] = field(default_factory=list)


def search(row: str, *, projects: Collection[str] | None, project: str | None = None) -> Found:
    """``row`` is a data row id, global key, external id or file name; ``projects`` are public ids (``None``: all).

    Six queries, and one for each row of that name but the first.
    """
    where = Project.objects.all()
    if projects is not None:
        where = where.filter(public_id__in=projects)
    if project is not None:
        where = where.filter(Q(public_id=project) | Q(name=project))
    found = Found(*rows_called(row, where))
    by: dict[int, str] = {}
    for called in found.rows:
        by |= dict.fromkeys(_holding(called), called.by)
    newest = sorted(by, reverse=True)
    found.exports, found.is_cut = len(newest), len(newest) > MOST_EXPORTS
    told = newest[:MOST_EXPORTS]
    reports = ExportReport.objects.filter(pk__in=told).values_list("pk", "report_id")
    files = Artifact.objects.filter(report__in=told).values_list("report_id", "public_id")
    for pk, public_id in (*reports, *files):
        found.how[public_id] = f"kept when it was made, by its {by[pk]}"
    unsearched = _unsearched(where)
    found.unsearched = unsearched.count()
    if found.unsearched:
        found.unsearched_names = list(unsearched.order_by("-pk").values_list("name", flat=True)[:NAMED])
    return found


def _holding(row: Called) -> list[int]:
    """The reports that delivered it, by their keys."""
    pieces = DeliveredRows.objects.filter(project=row.project_pk, first__lte=row.number, last__gte=row.number)
    known = pieces.filter(report__status__in=statuses.SUCCESSFUL, revision__gte=row.since)
    if row.until is not None:
        known = known.filter(revision__lt=row.until)
    columns = ("report_id", "first", "last", "rows", "members")
    return [
        report
        for report, first, last, rows, members in known.order_by().values_list(*columns)
        if holds(row.number, first, last, rows, bytes(members))
    ]


def _unsearched(projects: QuerySet[Project]) -> QuerySet[ExportReport]:
    """Deliveries whose rows were not kept, as of a platform that makes its own files."""
    delivered = ExportReport.objects.filter(project__in=projects, status__in=statuses.SUCCESSFUL)
    nothing = Q(rows_done=0) & (Q(made_by="") | Q(are_rows_counted=True))
    return delivered.exclude(nothing).exclude(Exists(DeliveredRows.objects.filter(report=OuterRef("pk"))))
