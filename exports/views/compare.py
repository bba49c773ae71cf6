"""Two exports of one project side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from connections.access.permissions import DOWNLOAD, VIEW
from exportadmin.audit.middleware import actor_of
from exportadmin.lib.errors import ConflictError, GoneError, NotFoundError
from exportadmin.lib.heavy import heavy
from exportadmin.lib.pages import get_view, only
from exportadmin.runs import statuses
from exports import delivery_actions
from exports.display.hidden_names import hides
from exports.handing_out import can_of_report, others_known
from exports.lookup import get_report
from exports.models import ExportReport

CHOICES: Final = 50
MOST_LINES: Final = 200


@dataclass(frozen=True, slots=True)
class Line:
    """A class or status with its count in both, and the difference."""

    name: str
    older: int
    newer: int

    @property
    def difference(self) -> str:
        """``+3``, ``−2`` or an en dash."""
        change = self.newer - self.older
        return f"{'+' if change > 0 else '−'}{abs(change):,}" if change else "–"


@dataclass(frozen=True, slots=True)
class Table:
    """The largest differences first; ``same`` have none and are folded away, and ``more`` lines are not shown."""

    title: str
    column: str
    lines: list[Line]
    same: list[Line]
    more: int


@get_view
@heavy
def compare(request: HttpRequest, report_id: str) -> HttpResponse:
    """``?with=<report id>``; without it, a list to choose from."""
    only(request, ("with",))
    report = get_report(request, report_id, VIEW)
    if not report.is_delivered:
        raise ConflictError(f"report {report_id} is {report.status}: it delivered nothing that could be compared")
    context: dict[str, Any] = {"section": "exports", "report": report, "choices": _others(report)}
    wanted = request.GET.get("with")
    if wanted:
        other = _other(request, report, wanted)
        older, newer = sorted((report, other), key=lambda one: (one.created_at, one.pk))
        known = others_known(request.user, (older, newer))
        by_class = not any(hides(each, known) for each in (older, newer))
        context |= {"other": other, "older": older, "newer": newer, "tables": tables(older, newer, by_class=by_class)}
        context |= _rows(request, older, newer)
    return render(request, "exports/compare.html", context)


def _others(report: ExportReport) -> list[ExportReport]:
    delivered = ExportReport.objects.filter(project=report.project_id, status__in=statuses.SUCCESSFUL)
    newest = delivered.exclude(pk=report.pk).only("report_id", "name", "format", "created_at", "files_removed_at")
    return list(newest[:CHOICES])


def _other(request: HttpRequest, report: ExportReport, wanted: str) -> ExportReport:
    """A delivered one of the same project. Raises :class:`NotFoundError`."""
    other = get_report(request, wanted, VIEW)
    if other.project_id != report.project_id or other.pk == report.pk or not other.is_delivered:
        raise NotFoundError("no such export")
    return other


def _rows(request: HttpRequest, older: ExportReport, newer: ExportReport) -> dict[str, Any]:
    """Row by row where that can be done and the person may read rows, else why not."""
    if not all(can_of_report(request.user, DOWNLOAD, report) for report in (older, newer)):
        return {"why_not": "Comparing row by row reads the rows, which takes the right to download all of them."}
    try:
        return {"rows": delivery_actions.compare_rows(older=older, newer=newer, actor=actor_of(request))}
    except (ConflictError, GoneError) as error:
        return {"why_not": f"{error.message[:1].upper()}{error.message[1:]}."}


def tables(older: ExportReport, newer: ExportReport, *, by_class: bool = True) -> list[Table]:
    """What both check values say, side by side; ``by_class``: also class by class."""
    wanted: tuple[tuple[str, str, Callable[[ExportReport], dict[str, int]]], ...] = (
        ("Annotations by class", "Class", lambda one: _counts(one, "annotations_by_class")),
        ("Annotations by kind", "Kind", lambda one: _counts(one, "annotations_by_kind")),
        ("Rows by review status", "Review status", lambda one: _counts(one, "rows_by_status")),
        ("Rows by media type", "Media type", lambda one: _counts(one, "rows_by_media_type")),
    )
    shown = [each for each in wanted if by_class or each[1] != "Class"]
    figures = Table("Figures", "What", _lines(_figures(older), _figures(newer)), [], 0)
    made = [figures, *(_table(title, column, counts(older), counts(newer)) for title, column, counts in shown)]
    return [table for table in made if table.lines or table.same]


def _table(title: str, column: str, before: Mapping[str, int], after: Mapping[str, int]) -> Table:
    lines = sorted(_lines(before, after), key=lambda line: -abs(line.newer - line.older))
    shown = lines[:MOST_LINES]
    different = [line for line in shown if line.newer != line.older]
    return Table(title, column, different, shown[len(different) :], len(lines) - len(shown))


def _lines(before: Mapping[str, int], after: Mapping[str, int]) -> list[Line]:
    return [Line(name, before.get(name, 0), after.get(name, 0)) for name in dict.fromkeys([*before, *after])]


def _figures(report: ExportReport) -> dict[str, int]:
    labels = {"rows_read": "Rows read", "rows_kept": "Rows kept", "annotations": "Annotations", "bytes": "Bytes"}
    values: Any = report.check_values
    if not isinstance(values, Mapping):
        return {}
    return {label: values[key] for key, label in labels.items() if isinstance(values.get(key), int)}


def _counts(report: ExportReport, key: str) -> dict[str, int]:
    values: Any = report.check_values
    kept = values.get(key) if isinstance(values, Mapping) else None
    return {str(name): n for name, n in kept.items() if isinstance(n, int)} if isinstance(kept, Mapping) else {}
