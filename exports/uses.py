"""What of exports uses a connection: configs that name it, exports under way, and files that lie there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from django.db.models import Count, Q, QuerySet
from django.db.models.fields.json import KT

from connections.models import Connection, Project
from connections.use import MOST_NAMED, Use, User
from exportadmin.runs import statuses
from exports.models import ExportConfig, ExportReport

# of a connection's reports: a file of it is there or is still being taken away
_IS_THERE: Final = Q(files_removed_at=None, status__in=statuses.SUCCESSFUL) | Q(project__deleted_at__isnull=False)


def uses_of_exports(connection: Connection, projects: QuerySet[Project]) -> Iterator[Use]:
    """Configs, exports that have not ended, exports whose files are there or are still being taken away."""
    configs = ExportConfig.objects.filter(project__in=projects, body__destination__connection=connection.public_id)
    named = configs.select_related("project")[:MOST_NAMED]
    yield Use("config", configs.count(), tuple(User(one.public_id, one.name, one.project.name) for one in named))
    reports = ExportReport.objects.filter(project__in=projects, destination=connection)
    yield _use("running export", reports.filter(status__in=statuses.ACTIVE))
    yield _use("delivered export", reports.filter(_IS_THERE))


def counts_of_exports(connections: Sequence[Connection], projects: QuerySet[Project]) -> Iterator[tuple[int, str, int]]:
    """As :func:`uses_of_exports`: ``(key of a connection, what, how many)``. Two queries."""
    keys = {connection.public_id: connection.pk for connection in connections}
    configs = ExportConfig.objects.filter(project__in=projects, body__destination__connection__in=list(keys)).order_by()
    counted = configs.values(wanted=KT("body__destination__connection")).annotate(count=Count("pk"))
    for wanted, count in counted.values_list("wanted", "count"):
        yield keys[wanted], "config", count
    reports = ExportReport.objects.filter(project__in=projects, destination__in=connections).order_by()
    by_state = reports.values("destination").annotate(
        running=Count("pk", filter=Q(status__in=statuses.ACTIVE)), delivered=Count("pk", filter=_IS_THERE)
    )
    for key, running, delivered in by_state.values_list("destination", "running", "delivered"):
        yield key, "running export", running
        yield key, "delivered export", delivered


def _use(what: str, reports: QuerySet[ExportReport]) -> Use:
    named = reports.select_related("project").defer("config", "check_values")[:MOST_NAMED]
    first = tuple(User(one.report_id, one.name, one.project.name) for one in named)
    return Use(what, reports.count(), first, holds_files=True)
