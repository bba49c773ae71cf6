"""One export: what was asked, how it goes or went, what came out, and what can be done with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from connections.access.permissions import AUDIT, VIEW, verbs_in
from connections.platforms.remote import needs_attention
from connections.rows.batch import PARTS
from exportadmin.audit.models import AuditEntry
from exportadmin.audit.sentences import sentence
from exportadmin.lib.errors import UserError
from exportadmin.lib.pages import get_view, only
from exportadmin.lib.times import to_datetime
from exportadmin.runs import statuses
from exportadmin.runs.progress import phases_of
from exports.delivery.destination import delivery_of
from exports.display.allowed_actions import offers
from exports.display.check_value_tables import sums_of
from exports.display.compared import compared
from exports.display.connections import names_of
from exports.display.distribution import downloads_of, links_of
from exports.display.hidden_names import check_values_shown, hides
from exports.display.made_by import made_by
from exports.display.proofs import proofs_of
from exports.display.refused_rows import refused_of
from exports.display.report_lines import retried_as
from exports.display.spec_text import describe
from exports.display.timeline import phase_label, steps_of
from exports.forms.convert import ConvertForm
from exports.forms.prove import ProveForm
from exports.handing_out import config_shown, others_known, verbs_of_report
from exports.lookup import get_report
from exports.models import Artifact, ExportReport
from exports.results.staleness import changes_after, changes_text
from exports.spec.conversion import parts_of
from exports.views.progress import figures

TRAIL_LINES = 8


@get_view
def detail(request: HttpRequest, report_id: str) -> HttpResponse:
    """The number of queries depends on the state and on the person, never on how much came out or was handed out."""
    only(request, ())
    return detail_page(request, get_report(request, report_id, VIEW))


def detail_page(request: HttpRequest, report: ExportReport, *, convert: ConvertForm | None = None) -> HttpResponse:
    """``convert``: the form that was sent and is wrong."""
    verbs = verbs_of_report(request.user, report, verbs_in(request.user, report.project))
    artifacts = list(report.artifacts.all())
    now = timezone.now()
    known = others_known(request.user, [report])
    context: dict[str, Any] = {
        "section": "exports",
        "artifacts": artifacts,
        "made_by": made_by(report),
        "needs_attention": needs_attention(report),
        "total_bytes": sum(artifact.bytes for artifact in artifacts),
        "is_active": report.status in statuses.ACTIVE,
        "may": offers(report, verbs),
        "description": describe(config_shown(report, known), names := names_of(request.user, report.config)),
        "sums": sums_of(check_values_shown(report, known), report.format),
        "compared": compared(report) if report.is_delivered else None,
        "refused": refused_of(report, artifacts, by_name=not hides(report, known)),
        "steps": steps_of(report, now),
        "prove": ProveForm(),
        "last_phase": next((phase_label(phase.name).lower() for phase in reversed(phases_of(report))), ""),
        **figures(report),
    }
    if not context["is_active"]:
        context["retried"] = retried_as([report.pk]).get(report.pk)
    if report.is_delivered and report.destination_id is not None and not report.is_there:
        # a folder of this machine is nobody's business; a place elsewhere is where people look for their files
        context |= {"address": _address(report), "connection": next(iter(names.items()), None)}
    if context["may"].verify:
        context |= proofs_of(report)
    if report.is_delivered:
        changes = changes_after(report)
        context |= {
            "changes": changes,
            "changes_text": changes_text(changes) if changes else "",
            "links": links_of(report),
            "downloads": downloads_of(report),
        }
    if AUDIT in verbs:
        context["trail"] = _trail(report, artifacts)
    if context["may"].convert:
        context |= {
            "convert": convert or ConvertForm(),
            "parts_left_out": [part.replace("_", " ") for part in PARTS if part not in parts_of(report)],
        }
    return render(request, "exports/detail.html", context, status=400 if convert else 200)


def _address(report: ExportReport) -> str:
    try:
        return delivery_of(report).address
    except UserError:  # a kind of destination that there is not any more
        return report.location


def _trail(report: ExportReport, artifacts: Sequence[Artifact]) -> list[tuple[Any, str]]:
    """The newest lines about the report, its files and their links: when, and what in words."""
    about = [report.report_id, *(artifact.public_id for artifact in artifacts)]
    lines = AuditEntry.objects.filter(project_id=report.project.public_id, object_id__in=about)
    return [
        (to_datetime(entry.at_ms), sentence(entry)) for entry in lines.defer("before_json", "after_json")[:TRAIL_LINES]
    ]
