"""A delivered file, handed out as it was delivered or not at all."""

from __future__ import annotations

from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from connections.access.permissions import DOWNLOAD
from exportadmin.audit.middleware import actor_of
from exportadmin.lib.errors import GoneError
from exports.links import downloads
from exports.lookup import get_report
from exports.models import Artifact


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
