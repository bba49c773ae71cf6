"""Django's admin under our name. What has a page of ours leads there: one place for a verb, and it records."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.shortcuts import redirect


class Site(AdminSite):
    """For superusers' emergencies: everything to look at, accounts to change."""

    site_header = site_title = "Export Admin"
    index_title = "Administration"

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """One's own password: on the account page, where it is recorded."""
        return redirect("account:password")

    def password_change_done(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """The same."""
        return redirect("account:account")
