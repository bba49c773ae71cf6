"""Projects: what is in them, what has changed since the last export, their exports and members."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from exportadmin.lib.pages import looks


@looks
def project_list(request: HttpRequest) -> HttpResponse:
    """The projects that one may see."""
    return render(request, "exports/projects.html", {"section": "projects"})
