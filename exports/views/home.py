"""Home: what runs, what failed, what is due, how much went out."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from exportadmin.lib.pages import looks


@looks
def home(request: HttpRequest) -> HttpResponse:
    """The first page after sign-in."""
    return render(request, "exports/home.html", {"section": "home"})
