"""One's own account: profile, looks, time zone."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from exportadmin.lib.pages import looks


@looks
def account(request: HttpRequest) -> HttpResponse:
    """The person's own page."""
    return render(request, "connections/account.html", {"section": "account"})
