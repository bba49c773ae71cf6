"""Home: what runs and waits, what failed and why, how much went out, and where the rows stand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from connections.access.permissions import START, VIEW, connections_for, projects_for, verbs_anywhere
from connections.adapters import FAILED
from connections.models import Connection, Project
from connections.states import failed_step
from connections.store.overview import overview as project_overview
from exportadmin.lib.pages import get_view, only
from exportadmin.runs import statuses
from exports.display.check_value_tables import Sum, sum_of
from exports.lists.listing import in_progress, within
from exports.lists.per_day import Day, per_day
from exports.models import ExportReport, ProofNight
from exports.models.proof import CHANGED, DIFFERENT, EQUAL, EXTRA, GONE, RESULTS, UNPROVEN
from exports.run.nightly import counts_of, last_night

MOST_ACTIVE: Final = 10
MOST_FAILED: Final = 5
FAILED_DAYS: Final = 14
MOST_PROJECTS: Final = 6
MOST_CONNECTIONS: Final = 5
# result of a proof, or state where it has none → what a delivery is
NIGHT_WORDS: Final = {
    EQUAL: "as delivered",
    CHANGED: "changed",
    GONE: "gone or in part",
    EXTRA: "with files added",
    UNPROVEN: "not proven without reading",
    statuses.FAILED: "could not be looked at",
    statuses.ERRORED: "could not be looked at for a fault",
    statuses.CANCELLED: "cancelled",
    statuses.QUEUED: "waiting",
    statuses.RUNNING: "being read",
}
_BIG: Final = ("config", "check_values", "description", "location")


@get_view
def home(request: HttpRequest) -> HttpResponse:
    """The first page after sign-in. Its queries grow with the projects shown (two each), never with the reports."""
    only(request, ())
    projects = projects_for(request.user, VIEW)
    reports = within(ExportReport.objects.all(), projects)
    if not reports.order_by().exists():
        context = {"section": "home", "may_start": START in verbs_anywhere(request.user)}
        return render(request, "exports/home_empty.html", context)
    days = per_day(reports)
    context = {
        "section": "home",
        **_now(reports),
        "failed": _failed(reports),
        **_proofs(reports),
        "failing": _failing(connections_for(request.user)),
        "days": days,
        "exports": sum(day.exports for day in days),
        "bytes": sum(day.bytes for day in days),
        "charts": [
            chart_of("Exports", [(day, day.exports) for day in days]),
            chart_of("Bytes", [(day, day.bytes) for day in days]),
        ],
        **_holdings(projects),
    }
    return render(request, "exports/home.html", context)


@get_view
def now(request: HttpRequest) -> HttpResponse:
    """What runs and waits, for htmx to put in its place: at most five queries."""
    only(request, ())
    reports = within(ExportReport.objects.all(), projects_for(request.user, VIEW))
    response = render(request, "exports/_now.html", _now(reports))
    response.headers["Cache-Control"] = "no-store"
    return response


def _now(reports: QuerySet[ExportReport]) -> dict[str, Any]:
    """The longest at it first: what has just been asked for is what one knows of."""
    active = list(_shown(in_progress(reports)).order_by("-created_at", "-pk")[: MOST_ACTIVE + 1])
    shown = active[:MOST_ACTIVE]
    return {
        "running": [report for report in shown if report.status == statuses.RUNNING],
        "waiting": [report for report in shown if report.status == statuses.QUEUED],
        "is_cut": len(active) > MOST_ACTIVE,
    }


def _failed(reports: QuerySet[ExportReport]) -> list[ExportReport]:
    """The latest, of each state by its own index by time: for both at once SQLite would sort all there are."""
    since = timezone.now() - timedelta(days=FAILED_DAYS)
    latest: list[ExportReport] = []
    for status in (statuses.FAILED, statuses.ERRORED):
        found = _shown(reports.filter(status=status, created_at__gte=since)).order_by("-created_at", "-pk")
        latest += found[:MOST_FAILED]
    return sorted(latest, key=lambda report: report.created_at, reverse=True)[:MOST_FAILED]


def _failing(connections: QuerySet[Connection]) -> list[tuple[Connection, str]]:
    """Those that projects use and whose last test failed, each with what failed."""
    used = connections.filter(disabled_at=None, test_result__state=FAILED, grants__isnull=False).distinct()
    found = [(each, failed_step(each)) for each in used.order_by("name")[:MOST_CONNECTIONS]]
    return [(each, f"{step.title}: {step.message}" if step else "") for each, step in found]


def _proofs(reports: QuerySet[ExportReport]) -> dict[str, Any]:
    """Deliveries that are not what was delivered, until that is put right or their files are removed; and the night."""
    altered = list(
        _shown(reports.filter(altered_at__isnull=False, files_removed_at=None)).order_by("-altered_at")[
            : MOST_FAILED + 1
        ]
    )
    return {
        "altered": [(report, _found(report)) for report in altered[:MOST_FAILED]],
        "has_more_altered": len(altered) > MOST_FAILED,
        **night_of(last_night(), reports),
    }


def night_of(night: ProofNight | None, reports: QuerySet[ExportReport]) -> dict[str, Any]:
    """What the last nightly proof found among these reports."""
    counts = counts_of(night, reports) if night else {}
    return {
        "night": night,
        "proved": sum(counts.values()),
        "night_counts": [(NIGHT_WORDS[key], counts[key]) for key in NIGHT_WORDS if counts.get(key)],
    }


def _found(report: ExportReport) -> str:
    """What the last proof found, where that is why: a download may have found it after it."""
    return RESULTS[report.proof_result][0] if report.proof_result in DIFFERENT else ""


def _shown(reports: QuerySet[ExportReport]) -> QuerySet[ExportReport]:
    return reports.select_related("project").defer(*_BIG)


# --- rows by review status -------------------------------------------------------------------------------------------


def _holdings(projects: QuerySet[Project]) -> dict[str, Any]:
    found = list(projects.select_related("connection").order_by("name")[: MOST_PROJECTS + 1])
    shown = [(project, _rows_of(project)) for project in found[:MOST_PROJECTS]]
    return {"holdings": shown, "has_more_projects": len(found) > MOST_PROJECTS}


def _rows_of(project: Project) -> Sum | None:
    overview = project_overview(project.public_id)
    return sum_of("Rows", "by review status", "Review status", overview.rows, overview.by_status)


# --- bars ------------------------------------------------------------------------------------------------------------

HEIGHT: Final = 40.0
STEP: Final = 10.0
WIDE: Final = 7.0


@dataclass(frozen=True, slots=True)
class Bar:
    """A rectangle in a picture :data:`HEIGHT` high. ``y`` counts from the top."""

    day: Day
    count: int
    x: float
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Chart:
    """``most`` is the count of the highest bar."""

    title: str
    most: int
    width: float
    bars: tuple[Bar, ...]


def chart_of(title: str, counts: list[tuple[Day, int]]) -> Chart:
    """Bars from left to right; what is not nothing can be seen."""
    most = max(count for _, count in counts)
    bars = []
    for place, (day, count) in enumerate(counts):
        height = max(1.0, round(HEIGHT * count / most, 2)) if count else 0.0
        bars.append(Bar(day, count, place * STEP + (STEP - WIDE) / 2, HEIGHT - height, height))
    return Chart(title, most, len(counts) * STEP, tuple(bars))
