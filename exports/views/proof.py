"""Proving a delivery from its page, and the part of the page that tells of it."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from connections.access.permissions import VIEW, verbs_in
from exportadmin.audit.middleware import actor_of
from exportadmin.lib import formatting
from exportadmin.lib.errors import DeniedError, NotFoundError, UserError
from exportadmin.lib.heavy import heavy
from exportadmin.lib.pages import done, get_view, only, post_view, refused
from exports import delivery_actions
from exports.display.allowed_actions import offers
from exports.display.proofs import proofs_of, shown
from exports.forms.prove import ProveForm
from exports.lookup import get_proof, get_report
from exports.models import ExportReport, Proof
from exports.run.proofs import active_of

PAGE = "exports:detail"


@post_view
@heavy
def prove(request: HttpRequest, report_id: str) -> HttpResponse:
    """Look whether it still is what was delivered. Within the page for htmx, else back to it with the result on top."""
    report = get_report(request, report_id, VIEW)
    form = ProveForm(request.POST)
    form.check_names()
    if not form.is_valid():
        raise UserError("; ".join(map(str, form.errors["how"])), field="how")
    was_altered = report.altered_at is not None
    try:
        made = delivery_actions.prove(report=report, actor=actor_of(request), how=form.how_chosen())
    except UserError as error:
        if isinstance(error, NotFoundError | DeniedError):
            raise
        if request.htmx:  # type: ignore[attr-defined]
            return _block(request, report, refusal=error.message)
        return refused(request, error, PAGE, report_id)
    if request.htmx:  # type: ignore[attr-defined]
        report.refresh_from_db(fields=["altered_at", "altered_why"])
        answer = _block(request, report, is_fresh=True)
        if was_altered != (report.altered_at is not None):
            answer.headers["HX-Refresh"] = "true"  # what the rest of the page offers is another thing now
        return answer
    if made.is_different:
        return refused(request, UserError(_text(made)), PAGE, report_id)
    return done(request, _text(made), PAGE, report_id)


@get_view
def proof(request: HttpRequest, report_id: str) -> HttpResponse:
    """The part of the page, for htmx; everybody else is sent to the page. With the end the page is loaded anew."""
    only(request, ())
    report = get_report(request, report_id, VIEW)
    if not request.htmx:  # type: ignore[attr-defined]
        return redirect(PAGE, report_id)
    answer = _block(request, report, is_fresh=True)
    answer.headers["Cache-Control"] = "no-store"
    if active_of(report) is None:
        answer.headers["HX-Refresh"] = "true"
    return answer


@post_view
def cancel_proof(request: HttpRequest, report_id: str, proof_id: str) -> HttpResponse:
    """Stop it."""
    report, wanted = get_report(request, report_id, VIEW), get_proof(request, proof_id)
    try:
        now = delivery_actions.cancel_proof(proof=wanted, actor=actor_of(request))
    except UserError as error:
        if isinstance(error, NotFoundError | DeniedError):
            raise
        return refused(request, error, PAGE, report.report_id)
    words = "The proof was cancelled." if now.status == "cancelled" else "The proof was asked to stop."
    return done(request, words, PAGE, report.report_id)


def _block(request: HttpRequest, report: ExportReport, **more: Any) -> HttpResponse:
    context = {
        "report": report,
        "may": offers(report, verbs_in(request.user, report.project)),
        "prove": ProveForm(),
        **proofs_of(report),
        **more,
    }
    return render(request, "exports/_proof.html", context)


def _text(made: Proof) -> str:
    """What a proof found, or that it is under way, in some sentences."""
    if made.is_active:
        return "The proof was requested; a worker reads the files."
    told = shown(made)
    problems = "; ".join((*told.problems, *([f"and {told.more_problems:,} more"] if told.more_problems else [])))
    found = f"{told.word}: {told.counts}, {formatting.size(made.bytes_done)} read: {made.statement}."
    return f"{found} {problems}." if problems else found
