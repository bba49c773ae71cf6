"""Signed links as those see them who hand them out: a list, issuing, revoking."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from exportadmin.lib.pages import looks


@looks
def link_list(request: HttpRequest) -> HttpResponse:
    """The links of the projects that one may see."""
    return render(request, "exports/links.html", {"section": "links"})
