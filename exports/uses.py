"""What of exports uses a connection: configs that name it, exports under way, and files that lie there."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Q, QuerySet

from connections.models import Connection, Project
from connections.use import MOST_NAMED, Use, User
from exportadmin.runs import statuses
from exports.models import ExportConfig, ExportReport


def uses_of_exports(connection: Connection, projects: QuerySet[Project]) -> Iterator[Use]:
    """Configs, exports that have not ended, exports whose files are there or are still being taken away."""
    configs = ExportConfig.objects.filter(project__in=projects, body__destination__connection=connection.public_id)
    named = configs.select_related("project")[:MOST_NAMED]
    yield Use("config", configs.count(), tuple(User(one.public_id, one.name, one.project.name) for one in named))
    reports = ExportReport.objects.filter(project__in=projects, destination=connection)
    yield _use("running export", reports.filter(status__in=statuses.ACTIVE))
    is_there = Q(files_removed_at=None, status__in=statuses.SUCCESSFUL)
    yield _use("delivered export", reports.filter(is_there | Q(project__deleted_at__isnull=False)))


def _use(what: str, reports: QuerySet[ExportReport]) -> Use:
    named = reports.select_related("project").defer("config", "check_values")[:MOST_NAMED]
    return Use(what, reports.count(), tuple(User(one.report_id, one.name, one.project.name) for one in named))
