"""The page Health: can the installation do its work, what did the last night prove, what have runs left lying about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from connections.access.lookup import manages_connections
from exportadmin.audit import verdicts
from exportadmin.lib.errors import DeniedError, UserError
from exportadmin.lib.pages import get_view, only
from exportadmin.lib.times import parse_ms, to_datetime
from exportadmin.operations.health import kept
from exports.models import ExportReport, SinkSweep
from exports.models.sweep import LEFTOVERS
from exports.run.nightly import last_night
from exports.run.retention import sweeps
from exports.views.home import night_of

SHOWN: Final = 20
CHECKS: Final = {"database": "Database", "worker": "Worker", "queue": "Queue", "artifacts": "Deliveries to here"}


@dataclass(frozen=True, slots=True)
class Line:
    """Something that lies about. ``kind`` is its title."""

    kind: str
    address: str
    changed_at: datetime | None
    error: str


@get_view
def health_page(request: HttpRequest) -> HttpResponse:
    """For superusers. (Machines ask ``/readyz``.)"""
    only(request, ())
    if not manages_connections(request):
        raise DeniedError("this page is for superusers")
    checks = kept.checks()
    trail = verdicts.state()
    context: dict[str, Any] = {
        "trail": trail,
        "section": "health",
        "checks": [(title, checks[name]["ok"], checks[name].get("reason", "")) for name, title in CHECKS.items()]
        + [("Audit trail", not trail.trouble, trail.trouble)],
        **night_of(last_night(), ExportReport.objects.all()),
        "places": [(sweep, lines := _lines(sweep), sweep.found_total - len(lines)) for sweep in sweeps()],
        "kinds": LEFTOVERS.values(),
        "proof_at": settings.PROOF_AT,
    }
    return render(request, "health.html", context)


def _lines(sweep: SinkSweep) -> list[Line]:
    return [
        Line(LEFTOVERS[found["kind"]][0], found["address"], _moment(found["changed_at"]), found["error"])
        for found in sweep.found[:SHOWN]
    ]


def _moment(text: str) -> datetime | None:
    try:
        return to_datetime(parse_ms(text))
    except UserError:
        return None
