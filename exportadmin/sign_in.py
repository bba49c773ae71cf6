"""Sign-ins that failed too often are closed for a while, in plain words and on the trail.

What is counted is a user name from an address (django-axes), and the address and its range whatever the name is: who
tries one password with many names. Nobody can lock a colleague out from elsewhere. The longer somebody goes on, the
longer it stays closed; all processes count together (:mod:`exportadmin.lib.counts`).
"""

from __future__ import annotations

import dataclasses
import ipaddress
import math
from collections.abc import Iterable
from typing import Any, Final

from axes.backends import AxesStandaloneBackend
from axes.signals import user_locked_out
from django.conf import settings
from django.contrib.auth.signals import user_logged_in
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from exportadmin.audit.canonical import line
from exportadmin.audit.middleware import NOBODY, actor_of
from exportadmin.audit.noise import record_refused
from exportadmin.audit.signals import LONGEST_TYPED_NAME
from exportadmin.lib.counts import ends_at, give_back, hit
from exportadmin.lib.networks import network

# failed tries in seconds, of an address and of its range
LIMITS: Final = ((20, 15 * 60), (40, 2 * 3600), (80, 24 * 3600))
RANGE_TIMES: Final = 5


@dataclasses.dataclass(frozen=True, slots=True)
class Closed:
    """An address, or a range of them, from which nobody may sign in for so many seconds: of ``period`` the rest."""

    where: str
    failures: int
    seconds: float
    period: int


class ThrottleBackend(AxesStandaloneBackend):  # type: ignore[misc]  # django-axes has no types
    """The first of ``AUTHENTICATION_BACKENDS``. Whoever sits at the machine's own shell has no request: no throttle."""

    def authenticate(self, request: HttpRequest | None, **credentials: Any) -> None:
        """Raises ``PermissionDenied`` while it is closed."""
        if request is None:
            return
        if found := _count(request):
            request.sign_in_closed = found  # type: ignore[attr-defined]
            request.axes_locked_out = True  # type: ignore[attr-defined]  # its middleware then answers by `closed`
            _record_closed(request, found)
            raise PermissionDenied(f"too many failed sign-ins from {found.where}")
        super().authenticate(request, **credentials)


def _count(request: HttpRequest) -> Closed | None:
    """Count a try before it is looked at, so that those of the same moment are no more than others."""
    counted, closed = [], []
    for where, times in _places(request):
        for limit, seconds in LIMITS:
            key = f"sign_in.{where}"
            if left := hit(key, limit * times, seconds):
                closed.append(Closed(where, limit * times, left, seconds))
            else:
                counted.append((key, seconds))
    if closed:
        _give_back(counted)  # a try while it is closed does not keep it closed
        return max(closed, key=lambda one: one.seconds)
    request.sign_in_counted = counted  # type: ignore[attr-defined]
    return None


def _places(request: HttpRequest) -> list[tuple[str, int]]:
    """The address (of IPv6 the /64 that one machine is given whole) and its range, with how much more that may."""
    seen = address(request)
    if seen is None:
        return []
    return [(network(seen), 1), (network(seen, of_range=True), RANGE_TIMES)]


def _give_back(counted: Iterable[tuple[str, int]]) -> None:
    for key, seconds in counted:
        give_back(key, seconds)


def _succeeded(sender: Any, *, request: HttpRequest | None, **_: Any) -> None:
    """It was no failure."""
    _give_back(getattr(request, "sign_in_counted", ()))


def _record_closed(request: HttpRequest, found: Closed) -> None:
    """Once while it is closed."""
    end = ends_at(f"sign_in.{found.where}", found.period)
    if hit(f"sign_in.told.{found.where}.{end:.3f}", 1, found.period):
        return
    actor = dataclasses.replace(actor_of(request), name=NOBODY, user_id=None)
    reason = f"{found.failures} failed tries from {found.where}; closed for {_minutes(found.seconds)} minutes"
    record_refused("sign_in.closed", actor=actor, reason=reason, details={"from": found.where})


def _minutes(seconds: float) -> int:
    return math.ceil(seconds / 60)


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
    found: Closed | None = getattr(request, "sign_in_closed", None)
    seconds = math.ceil(found.seconds) if found else int(settings.AXES_COOLOFF_TIME.total_seconds())
    tries = found.failures if found else settings.AXES_FAILURE_LIMIT
    context = {"tries": tries, "minutes": _minutes(seconds), "any_name": found is not None}
    page = render(request, "429.html", context, status=429)
    page.headers["Retry-After"] = str(seconds)
    page.headers["Cache-Control"] = "no-store"
    return page


def connect() -> None:
    """Listen. Safe to call twice."""
    user_locked_out.connect(_record, dispatch_uid="exportadmin.sign_in_locked")
    user_logged_in.connect(_succeeded, dispatch_uid="exportadmin.sign_in_succeeded")


def _record(sender: Any, *, request: HttpRequest, username: str | None, **_: Any) -> None:
    # sent again for every try while it is closed: those are `sign_in.refused`, like any other
    if getattr(request, "axes_failures_since_start", None) is None:
        return
    actor = dataclasses.replace(actor_of(request), name=username or NOBODY, user_id=None)
    minutes = int(settings.AXES_COOLOFF_TIME.total_seconds()) // 60
    reason = f"{settings.AXES_FAILURE_LIMIT} failed tries from this address; closed for {minutes} minutes"
    record_refused("sign_in.locked", actor=actor, reason=reason)
