"""Django's admin under our name. What has a page of ours leads there: one place for a verb, and it records."""

from __future__ import annotations

from functools import wraps
from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.decorators import method_decorator

from exportadmin.lib.errors import DeniedError


class Site(AdminSite):
    """For superusers' emergencies: everything to look at, accounts to change."""

    site_header = site_title = "Export Admin"
    index_title = "Administration"

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """Of somebody who is signed in and may not, Django would ask a password once more. It is a refusal."""
        inner = super().admin_view(view, cacheable)

        @wraps(inner)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            if request.user.is_authenticated and not self.has_permission(request):
                raise DeniedError("Django's admin is for superusers")
            return inner(request, *args, **kwargs)

        return guarded

    @method_decorator(login_not_required)
    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """There is one page to sign in at."""
        wanted, here = request.GET.get("next", ""), reverse("admin:login")
        return redirect_to_login(wanted if wanted and not wanted.startswith(here) else reverse("admin:index"))

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """One's own password: on the account page, where it is recorded."""
        return redirect("account:password")

    def password_change_done(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """The same."""
        return redirect("account:account")
