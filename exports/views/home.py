"""Home, the control room: what runs and waits, what failed and why, what was delivered, what needs a person."""

from __future__ import annotations

from typing import Any, Final

from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from connections.access.permissions import START, VIEW, connections_for, projects_for, verbs_anywhere
from connections.adapters import FAILED
from connections.models import Connection, Project
from connections.states import failed_step
from connections.sync.models import Mirror, SyncRun
from exportadmin.lib.pages import get_view, only
from exportadmin.runs import statuses
from exports.display import control_room
from exports.display.day_bars import charts_of
from exports.failures import DAYS, failures
from exports.lists.listing import within
from exports.lists.per_day import per_project_and_day
from exports.models import ExportReport, ProofNight
from exports.models.proof import CHANGED, DIFFERENT, EQUAL, EXTRA, GONE, RESULTS, UNPROVEN
from exports.run.nightly import counts_of, last_night

MOST_GROUPS: Final = 5
MOST_ALTERED: Final = 5
MOST_CONNECTIONS: Final = 5
MOST_MIRRORS: Final = 5
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


@get_view
def home(request: HttpRequest) -> HttpResponse:
    """The first page after sign-in. Its queries do not grow with what there is."""
    only(request, ())
    projects = projects_for(request.user, VIEW)
    startable = projects_for(request.user, START)
    reports = within(ExportReport.objects.all(), projects)
    may_start = START in verbs_anywhere(request.user)
    if not reports.order_by().exists():
        return render(request, "exports/home_empty.html", {"section": "home", "may_start": may_start})
    connections = connections_for(request.user)
    failed = failures(projects, startable)
    context = {
        "section": "home",
        "may_start": may_start,
        **control_room.active(reports, startable),
        "groups": failed.groups[:MOST_GROUPS],
        "further_groups": failed.groups[MOST_GROUPS:],
        "failed_days": DAYS,
        "failed_is_cut": failed.is_cut,
        "delivered": control_room.last_deliveries(reports, connections),
        "charts": charts_of(per_project_and_day(reports)),
        **_proofs(reports),
        "failing": _failing(connections),
        "mirrors": _mirrors(projects),
    }
    return render(request, "exports/home.html", context)


@get_view
def now(request: HttpRequest) -> HttpResponse:
    """What runs and waits, for htmx to put in its place."""
    only(request, ())
    reports = within(ExportReport.objects.all(), projects_for(request.user, VIEW))
    context = control_room.active(reports, projects_for(request.user, START))
    response = render(request, "exports/_now.html", context)
    response.headers["Cache-Control"] = "no-store"
    return response


def _failing(connections: QuerySet[Connection]) -> list[tuple[Connection, str]]:
    """Those that projects use and whose last test failed, each with what failed."""
    used = connections.filter(disabled_at=None, test_result__state=FAILED, grants__isnull=False).distinct()
    found = [(each, failed_step(each)) for each in used.order_by("name")[:MOST_CONNECTIONS]]
    return [(each, f"{step.title}: {step.message}" if step else "") for each, step in found]


def _mirrors(projects: QuerySet[Project]) -> list[Mirror]:
    """Mirrored projects whose last sync failed, with that sync's ``sync_id`` and ``sync_error``."""
    syncs = SyncRun.objects.filter(project=OuterRef("project")).order_by("-created_at", "-pk")
    ended = syncs.filter(status__in=sorted(statuses.TERMINAL))
    last = {name: Subquery(ended.values(name)[:1]) for name in ("status", "public_id", "error")}
    mirrors = Mirror.objects.filter(project__in=projects).select_related("project")
    mirrors = mirrors.annotate(sync_status=last["status"], sync_id=last["public_id"], sync_error=last["error"])
    bad = mirrors.filter(sync_status__in=(statuses.FAILED, statuses.ERRORED))
    return list(bad.order_by("project__name")[:MOST_MIRRORS])


def _proofs(reports: QuerySet[ExportReport]) -> dict[str, Any]:
    """Deliveries that are not what was delivered, until that is put right or their files are removed; and the night."""
    altered = list(
        control_room.shown(reports.filter(altered_at__isnull=False, files_removed_at=None)).order_by("-altered_at")[
            : MOST_ALTERED + 1
        ]
    )
    return {
        "altered": [(report, _found(report)) for report in altered[:MOST_ALTERED]],
        "has_more_altered": len(altered) > MOST_ALTERED,
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
