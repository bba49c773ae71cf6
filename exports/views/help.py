"""Help inside: formats, filters, check values, a REST quick start."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from exportadmin.lib.pages import looks


@looks
def index(request: HttpRequest) -> HttpResponse:
    """What there is help on."""
    return render(request, "help/index.html", {"section": "help"})
