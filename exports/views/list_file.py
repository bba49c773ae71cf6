"""The list of exports as a CSV file: the same filters and order, all pages, written while it is read."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any, Final

from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, StreamingHttpResponse
from django.utils import timezone

from connections.access.permissions import VIEW, can, projects_for
from exportadmin.audit.middleware import actor_of
from exportadmin.audit.record import record
from exportadmin.lib.csv_cells import BYTE_ORDER_MARK, safe_cell
from exportadmin.lib.errors import UserError
from exportadmin.lib.pages import get_view
from exportadmin.runs import statuses
from exports.display.hidden_names import as_asked
from exports.display.selection_line import LONG, one_line
from exports.lists.report_query import listed
from exports.models import ExportReport

AT_ONCE: Final = 1_000
# column of the file → of the database
COLUMNS: Final[dict[str, str]] = {
    "report_id": "report_id",
    "name": "name",
    "project": "project_name",
    "state": "status",
    "format": "format",
    "selects": "short_config",
    "rows": "rows_done",
    "bytes": "bytes_done",
    "created_at": "created_at",
    "created_by": "created_by_name",
    "started_at": "started_at",
    "finished_at": "finished_at",
    "files_removed_at": "files_removed_at",
}
# as ExportReport.rows_known and .bytes_known have it: a platform's files, of which not all can be counted here
KNOWN: Final = ("made_by", "are_rows_counted", "is_there", "destination_id", "other_projects")


@get_view
def list_file(request: HttpRequest) -> StreamingHttpResponse:
    """Takes what the list takes, but for ``page``; recorded first. Cells are spreadsheet-safe, times UTC. 400 as the
    list."""
    query = listed(request)
    if query.reports is None:
        field, errors = next(iter(query.filters.errors.items()))
        raise UserError(f"{field}: {errors[0]}", field=field)
    with transaction.atomic():
        details = {"exports": query.reports.count(), "asked": query.given}
        record("export.list_taken", actor=actor_of(request), details=details)
    mine = projects_for(request.user, VIEW).values_list("public_id", flat=True)
    seen = None if can(request.user, VIEW, None) else frozenset(mine)
    response = StreamingHttpResponse(_lines(query.reports, seen), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="exports-{timezone.now():%Y%m%dT%H%M%SZ}.csv"'
    response.headers["Cache-Control"] = "no-store"
    return response


def _lines(reports: QuerySet[ExportReport], seen: frozenset[str] | None) -> Iterator[str]:
    """``seen`` are projects of which all is told, ``None``: all."""
    yield BYTE_ORDER_MARK + ",".join(COLUMNS) + "\r\n"
    for values in reports.values_list(*COLUMNS.values(), *KNOWN).iterator(chunk_size=AT_ONCE):
        *cells, made_by, are_rows_counted, is_there, destination, others = values
        line = dict(zip(COLUMNS, cells, strict=True))
        if made_by and not are_rows_counted:
            line["rows"] = line["rows"] or None
        if is_there and destination is None:
            line["bytes"] = line["bytes"] or None
        if line["selects"] is not None and seen is not None and not seen.issuperset(others):
            line["selects"] = as_asked(line["selects"])
        line["selects"] = LONG if line["selects"] is None else one_line(line["selects"])
        if line["state"] not in statuses.SUCCESSFUL:
            line["bytes"] = None
        yield ",".join(_cell(value) for value in line.values()) + "\r\n"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat(timespec="milliseconds")
    return str(value) if isinstance(value, int) else safe_cell(value)
