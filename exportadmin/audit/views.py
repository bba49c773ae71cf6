"""The trail in the browser: found, read, checked, exported, and asked the reviewers' usual questions."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from exportadmin.audit.api import may_read
from exportadmin.lib.errors import DeniedError
from exportadmin.lib.pages import looks


@looks
def entries(request: HttpRequest) -> HttpResponse:
    """The entries that one may read, newest first."""
    everything, projects = may_read(request)
    if not everything and not projects:
        raise DeniedError("reading the trail takes the role admin or reviewer")
    return render(request, "audit/entries.html", {"section": "audit"})
