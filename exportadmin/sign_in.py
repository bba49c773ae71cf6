"""Sign-ins that failed too often are closed for a while (django-axes), in plain words and on the trail.

What is counted is a user name from an address: nobody can lock a colleague out from elsewhere.
"""

from __future__ import annotations

import dataclasses
import ipaddress
from typing import Any

from axes.backends import AxesStandaloneBackend
from axes.signals import user_locked_out
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from exportadmin.audit.canonical import line
from exportadmin.audit.middleware import NOBODY, actor_of
from exportadmin.audit.noise import record_refused
from exportadmin.audit.signals import LONGEST_TYPED_NAME


class ThrottleBackend(AxesStandaloneBackend):  # type: ignore[misc]  # django-axes has no types
    """The first of ``AUTHENTICATION_BACKENDS``. Whoever sits at the machine's own shell has no request: no throttle."""

    def authenticate(self, request: HttpRequest | None, **credentials: Any) -> None:
        """Raises ``PermissionDenied`` while it is closed."""
        if request is not None:
            super().authenticate(request, **credentials)


def typed_name(request: HttpRequest, credentials: dict[str, Any] | None) -> str:
    """What the tries are counted under: the typed name, as far as every database can hold it."""
    typed = (credentials or {}).get("username") or request.POST.get("username") or NOBODY
    return line(typed, LONGEST_TYPED_NAME)


def address(request: HttpRequest) -> str | None:
    """Who is at the other end of the connection. Headers are not believed: anybody can write them."""
    seen = request.META.get("REMOTE_ADDR", "").partition("%")[0]
    try:
        return str(ipaddress.ip_address(seen))
    except ValueError:
        return None  # a Unix socket


def closed(request: HttpRequest, response: HttpResponse | None, credentials: Any) -> HttpResponse:
    """The page instead of the sign-in form, while it is closed."""
    seconds = int(settings.AXES_COOLOFF_TIME.total_seconds())
    context = {"tries": settings.AXES_FAILURE_LIMIT, "minutes": seconds // 60}
    page = render(request, "429.html", context, status=429)
    page.headers["Retry-After"] = str(seconds)
    page.headers["Cache-Control"] = "no-store"
    return page


def connect() -> None:
    """Listen. Safe to call twice."""
    user_locked_out.connect(_record, dispatch_uid="exportadmin.sign_in_locked")


def _record(sender: Any, *, request: HttpRequest, username: str | None, **_: Any) -> None:
    # sent again for every try while it is closed: those are `sign_in.refused`, like any other
    if getattr(request, "axes_failures_since_start", None) is None:
        return
    actor = dataclasses.replace(actor_of(request), name=username or NOBODY, user_id=None)
    minutes = int(settings.AXES_COOLOFF_TIME.total_seconds()) // 60
    reason = f"{settings.AXES_FAILURE_LIMIT} failed tries from this address; closed for {minutes} minutes"
    record_refused("sign_in.locked", actor=actor, reason=reason)
