"""The register: of all that one may read of the trail, and of one export."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, Final

from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseRedirect, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render

from connections.access.permissions import AUDIT
from exportadmin.audit import actions, object_urls
from exportadmin.audit.forms import FILE_FORMAT, tidied
from exportadmin.audit.middleware import actor_of
from exportadmin.audit.models import AuditEntry
from exportadmin.audit.questions.base import COUNTED
from exportadmin.audit.record import record
from exportadmin.audit.scope import Scope, scope_of
from exportadmin.audit.views import lines as pages
from exportadmin.audit.views.entries import read_cursor
from exportadmin.lib import times
from exportadmin.lib.errors import UserError
from exportadmin.lib.pages import get_view
from exports.lookup import get_report
from exports.models import ExportReport
from exports.register import files
from exports.register.forms import OfExportForm, RegisterForm
from exports.register.lines import KINDS, lines, register_entries
from exports.register.totals import totals

# of the chart: a day's share of the width, and the height
_STEP: Final = 12
_HEIGHT: Final = 60


@get_view
def register(request: HttpRequest) -> HttpResponseBase:
    """Of every project whose trail one may read."""
    return _page(request, None)


@get_view
def of_export(request: HttpRequest, report_id: str) -> HttpResponseBase:
    """Of one export."""
    return _page(request, get_report(request, report_id, AUDIT))


def _page(request: HttpRequest, report: ExportReport | None) -> HttpResponseBase:
    """The lines, with totals; ``?as=csv``: the same as a file. Recorded as reading the trail."""
    scope = scope_of(request)
    form = (RegisterForm if report is None else OfExportForm)(request.GET)
    if (clean := tidied(request)) is not None:
        return HttpResponseRedirect(clean)
    cursor = read_cursor(request.GET)
    is_file = FILE_FORMAT in request.GET
    if is_file and (file_format := request.GET[FILE_FORMAT].strip()) != "csv":
        raise UserError(f"unknown form {file_format[:40]!r}; known: csv", field=FILE_FORMAT)
    context: dict[str, Any] = {
        "section": "audit" if report is None else "exports",
        "tab": "register",
        "form": form,
        "report": report,
    }
    if not form.is_valid():
        if is_file:
            form.params  # noqa: B018 - raises for what is wrong
        return render(request, "exports/register.html", context, status=400)
    asked = form.given if report is None else {**form.given, "export": report.report_id}
    entries = register_entries(asked, scope, time_zone=times.here())
    if is_file:
        return _file(request, entries, scope, asked)
    page = pages.cut(entries, form.given, cursor)
    known = object_urls.addresses(page.entries)
    added_up = totals(entries)
    context |= {
        "lines": [
            (line, *KINDS[line.kind], known.get((entry.object_kind, entry.object_id), "") if scope.holds(entry) else "")
            for entry, line in zip(page.entries, lines(page.entries, scope), strict=True)
        ],
        "page": page,
        "totals": added_up,
        "by_kind": [(KINDS[kind][0], count) for kind, count in added_up.by_kind.items()],
        "chart": _chart(added_up.days),
        "most_counted": COUNTED,
        "scope": scope,
    }
    actions.record_reading("register", asked, actor_of(request))
    return render(request, "exports/register.html", context)


def _file(
    request: HttpRequest, entries: QuerySet[AuditEntry], scope: Scope, asked: dict[str, str]
) -> StreamingHttpResponse:
    with transaction.atomic():
        record("audit.exported", actor=actor_of(request), details={"as": "csv", "what": "register", "asked": asked})
    answer = StreamingHttpResponse(files.as_csv(entries, scope), content_type="text/csv; charset=utf-8")
    answer.headers["Content-Disposition"] = 'attachment; filename="register.csv"'
    answer.headers["Cache-Control"] = "private, no-store"
    return answer


@dataclass(frozen=True, slots=True)
class Bar:
    """One day, in the units of the drawing."""

    day: dt.date
    count: int
    x: int
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Chart:
    """A bar for each day; ``most`` on the fullest."""

    bars: list[Bar]
    width: int
    most: int


def _chart(days: list[tuple[dt.date, int]]) -> Chart | None:
    if not days:
        return None
    most = max(count for _, count in days)
    bars = []
    for place, (day, count) in enumerate(days):
        height = max(1.0, round(_HEIGHT * count / most, 2)) if count else 0.0
        bars.append(Bar(day, count, place * _STEP, _HEIGHT - height, height))
    return Chart(bars, len(days) * _STEP, most)
