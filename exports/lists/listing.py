"""Lists of reports that stay quick however many reports there are.

A list shows the newest few, so the database should walk an index by time and stop. Asked for ``project_id IN (SELECT
…)``, SQLite instead collects every report of those projects and sorts them (100,000 reports: 200 ms for a page that
takes 12 ms with 1,000). The shapes below leave it no such choice; PostgreSQL finds its way with all of them.
"""

from __future__ import annotations

from django.db.models import Exists, OuterRef, QuerySet

from connections.models import Project
from exportadmin.runs import statuses
from exports.models import ExportReport


def within(reports: QuerySet[ExportReport], projects: QuerySet[Project]) -> QuerySet[ExportReport]:
    """The ``reports`` of ``projects``; asks for two of the projects' keys first where not every project is meant."""
    if projects.query.where != Project.objects.all().query.where:
        keys = list(projects.order_by().values_list("pk", flat=True)[:2])
        if not keys:
            return reports.none()
        if len(keys) == 1:
            return reports.filter(project=keys[0])  # the index by project and time
    return reports.filter(Exists(projects.order_by().filter(pk=OuterRef("project_id"))))  # the index by time, filtered


def in_progress(reports: QuerySet[ExportReport]) -> QuerySet[ExportReport]:
    """Those that have not ended: few at any time."""
    return reports.filter(status__in=statuses.ACTIVE)


def ended(reports: QuerySet[ExportReport]) -> QuerySet[ExportReport]:
    """All the others: by exclusion, since for a list of states SQLite collects them all and sorts."""
    return reports.exclude(status__in=statuses.ACTIVE)
