"""The session and the time zone of the one who looks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from connections.access.preferences import zone_of
from connections.access.sessions import SessionStore


class SessionUseMiddleware:
    """A session that is used lasts. What a page asks for by itself (htmx's polling) is no use of it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass the request on, then note it."""
        response = self.get_response(request)
        by_itself = request.method == "GET" and request.headers.get("HX-Request") == "true"
        if request.session.accessed and not by_itself and isinstance(request.session, SessionStore):
            request.session.note_use()
        return response


class TimeZoneMiddleware:
    """Pages print times in the zone that the signed-in person has chosen; REST stays with UTC."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass the request on; the next one of this thread begins in UTC again."""
        try:
            return self.get_response(request)
        finally:
            timezone.deactivate()

    def process_view(self, request: HttpRequest, view: Callable[..., Any], args: Any, kwargs: Any) -> None:
        """After the question who it is has been answered, before the view."""
        if hasattr(view, "cls") or settings.SESSION_COOKIE_NAME not in request.COOKIES:
            return  # a view of REST; nobody
        zone = zone_of(request.user)
        if zone is not None:
            timezone.activate(zone)
