"""The request id, and who is behind a request."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from django.http import HttpRequest, HttpResponse

from exportadmin.lib.actor import TOKEN, USER, Actor
from exportadmin.lib.ids import new_id

HEADER = "X-Request-ID"
NOBODY = "anonymous"
_SANE = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
# for log lines: the id of the request that this thread works on
current_request_id: ContextVar[str] = ContextVar("current_request_id", default="")


def caller_request_id(request: HttpRequest) -> str:
    """What the caller calls its request, where that is 1 to 64 of ``A-Za-z0-9._-``; else empty.

    It stands beside our own id and never in its place: anybody could write the id of somebody else's request.
    """
    header = request.headers.get(HEADER, "")
    return header if _SANE.fullmatch(header) else ""


class RequestIdMiddleware:
    """Gives each request an id (``request.request_id``) and tells it in ``X-Request-ID``."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass the request on."""
        request_id = new_id()
        request.request_id = request_id  # type: ignore[attr-defined]
        token = current_request_id.set(request_id)
        try:
            response = self.get_response(request)
        finally:
            current_request_id.reset(token)
        response[HEADER] = request_id
        return response


def actor_of(request: Any, channel: str = "web") -> Actor:
    """Who is behind a request (Django's or DRF's): its token, its user, or ``anonymous``.

    A token is whatever DRF's authentication left in ``request.auth`` with a ``pk`` and a ``name``.
    """
    user = getattr(request, "user", None)
    known = user is not None and user.is_authenticated
    token = getattr(request, "auth", None)
    has_token = getattr(token, "pk", None) is not None and isinstance(getattr(token, "name", None), str)
    return Actor(
        kind=TOKEN if has_token else USER,
        name=f"{token.name} of {user.get_username()}"  # type: ignore[union-attr]
        if has_token and known
        else (user.get_username() if known else NOBODY),  # type: ignore[union-attr]
        channel=channel,
        user_id=user.pk if known else None,  # type: ignore[union-attr]
        token_id=token.pk if has_token else None,  # type: ignore[union-attr]
        request_id=getattr(request, "request_id", ""),
        caller_request_id=caller_request_id(request),
        address=request.META.get("REMOTE_ADDR", ""),
        password_at=request.session.get("password_at") if known and not has_token and _has_session(request) else None,
        looks_only=request.method == "HEAD",
    )


def _has_session(request: Any) -> bool:
    return hasattr(request, "session")
