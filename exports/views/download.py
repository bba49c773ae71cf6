"""A delivered file, handed out as it was delivered or not at all."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from connections.access.permissions import DOWNLOAD
from connections.sinks.base import MANIFEST_NAME
from exportadmin.audit.middleware import actor_of
from exportadmin.lib.errors import GoneError
from exportadmin.lib.heavy import heavy
from exportadmin.lib.pages import get_view, only
from exports import delivery_actions
from exports.delivery.receipt import TRAIL_PROOF
from exports.links import downloads
from exports.lookup import get_report
from exports.models import Artifact, ExportReport


@require_safe
def download(request: HttpRequest, report_id: str, name: str) -> HttpResponseBase:
    """The bytes of an artifact (:mod:`exports.links.downloads`). 404: no such file; 410: not there any more."""
    report = get_report(request, report_id, DOWNLOAD)
    if not report.is_delivered or "\x00" in name:  # PostgreSQL refuses NUL in a text
        raise Http404("no such file")
    try:
        artifact = report.artifacts.get(name=name)
    except Artifact.DoesNotExist:
        raise Http404("no such file") from None
    try:
        return downloads.respond(request, artifact, actor=actor_of(request))
    except GoneError as gone:
        context = {"section": "exports", "report": report, "artifact": artifact, "why": gone.message}
        return render(request, "exports/gone.html", context, status=410)


@get_view
def manifest(request: HttpRequest, report_id: str) -> HttpResponse:
    """The manifest of a delivery. 404: there is none; 410: not there any more."""
    only(request, ())
    report = get_report(request, report_id, DOWNLOAD)
    if not report.is_delivered:
        raise Http404("no such file")
    try:
        return downloads.manifest_answer(delivery_actions.download_manifest(report=report, actor=actor_of(request)))
    except GoneError as gone:
        return _gone(request, report, MANIFEST_NAME, gone)


@get_view
@heavy
def trail_proof(request: HttpRequest, report_id: str) -> HttpResponse:
    """That the trail tells of a delivery. 404: there is none; 410: its manifest is not there any more."""
    only(request, ())
    report = get_report(request, report_id, DOWNLOAD)
    if not report.is_delivered:
        raise Http404("no such file")
    try:
        return downloads.trail_proof_answer(
            delivery_actions.download_trail_proof(report=report, actor=actor_of(request))
        )
    except GoneError as gone:
        return _gone(request, report, TRAIL_PROOF, gone)


def _gone(request: HttpRequest, report: ExportReport, name: str, gone: GoneError) -> HttpResponse:
    context = {"section": "exports", "report": report, "artifact": {"name": name}, "why": gone.message}
    return render(request, "exports/gone.html", context, status=410)


@get_view
def verifier(request: HttpRequest) -> HttpResponse:
    """The program that verifies files without us."""
    only(request, ())
    return downloads.verifier_answer()
