"""A new export: one page, the plan beside it."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from exportadmin.lib.pages import looks


@looks
def new(request: HttpRequest) -> HttpResponse:
    """The form."""
    return render(request, "exports/new.html", {"section": "exports"})
