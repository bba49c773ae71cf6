"""Exports as the lines of their list: each with its files, what became of it, and what the person may do with it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db.models import Count, Min, OuterRef, Subquery

from connections.access.permissions import DOWNLOAD, ProjectVerbs
from exportadmin.runs import statuses
from exports.display.allowed_actions import Offers, offers
from exports.display.hidden_names import hides
from exports.handing_out import verbs_by_report
from exports.models import Artifact, ExportReport


@dataclass(frozen=True, slots=True)
class Line:
    """``files`` of the delivery; the only one by ``file_name`` and ``file_id``, empty where there are several.

    ``retried``: the newest export that was made of this one again. ``hides``: what its scope meant is not told
    (:mod:`exports.display.hidden_names`).
    """

    report: ExportReport
    may: Offers
    may_download: bool
    files: int = 0
    file_name: str = ""
    file_id: str = ""
    retried: ExportReport | None = None
    hides: bool = False

    @property
    def name(self) -> str:
        """Never empty."""
        return self.report.name or self.report.report_id

    @property
    def is_retriable(self) -> bool:
        """Did it end without a delivery?"""
        return not self.report.is_delivered

    @property
    def is_empty(self) -> bool:
        """Was it delivered without a row?"""
        return self.report.is_delivered and self.report.rows_known == 0


def lines_of(reports: Sequence[ExportReport], verbs: ProjectVerbs, known: frozenset[str] | None = None) -> list[Line]:
    """At most three queries, none of which grows with what the exports delivered. ``known`` as
    :mod:`exports.display.hidden_names` has it."""
    files = {
        report: (count, name, public_id)
        for report, count, name, public_id in Artifact.objects.filter(
            report__in=[each.pk for each in reports if each.is_delivered and each.files_removed_at is None]
        )
        .order_by()
        .values_list("report")
        .annotate(Count("pk"), Min("name"), Min("public_id"))
    }
    retried = retried_as(each.pk for each in reports if each.status not in statuses.ACTIVE)
    may = verbs_by_report(reports, verbs)
    lines = []
    for report in reports:
        count, name, public_id = files.get(report.pk, (0, "", ""))
        its_verbs = may[report.pk]
        lines.append(
            Line(
                report,
                offers(report, its_verbs),
                DOWNLOAD in its_verbs,
                count,
                name if count == 1 else "",
                public_id if count == 1 else "",
                retried.get(report.pk),
                hides(report, known),
            )
        )
    return lines


def retried_as(keys: Iterable[int]) -> dict[int, ExportReport]:
    """The newest retry of each, by the key of what was retried."""
    newest = ExportReport.objects.filter(retry_of=OuterRef("retry_of")).order_by("-created_at", "-pk").values("pk")[:1]
    found = ExportReport.objects.filter(retry_of__in=list(keys), pk=Subquery(newest)).order_by()
    columns = ("report_id", "name", "status", "created_at", "retry_of_id", "altered_at", "is_there", "destination_id")
    return {retry.retry_of_id: retry for retry in found.only(*columns) if retry.retry_of_id is not None}
