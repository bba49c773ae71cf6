"""A database that does not answer is a 503 that says "try again", in every channel; never a traceback, never a 500.

Any layer may meet it (the session, the sign-in check, a view, a template), and Django turns an exception into a 500
at the layer where it happens. So the exception is noticed where Django tells of it, and the answer is exchanged at
the outside.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from typing import Any, Final

from django.core.signals import got_request_exception
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

from exportadmin.lib.text import one_line
from exportadmin.operations.answers import NO_STORE, is_script, problem
from exportadmin.operations.logs import OUTAGES

log = logging.getLogger(__name__)

RETRY_SECONDS: Final = 5
DETAIL: Final = "the service cannot answer now; try again in a moment"
_LAST_RESORT: Final = (
    "<!doctype html><html lang='en'><title>Not available now</title><h1>Export Admin cannot answer now</h1>"
    "<p>Nothing is lost. Try again in a moment.</p></html>"
)


class UnavailableMiddleware:
    """Stands outside of everything that may ask the database."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        got_request_exception.connect(_notice, dispatch_uid="unavailable.notice")

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Exchange the 500 of an outage."""
        response = self.get_response(request)
        error = getattr(request, "database_outage", None)
        if error is None or response.status_code < 500:
            return response
        response.close()
        log.warning("the database does not answer: %s", error)
        return unavailable(request)


def _notice(request: HttpRequest | None = None, **_: Any) -> None:
    error = sys.exc_info()[1]
    if request is not None and isinstance(error, OUTAGES):
        request.database_outage = one_line(error)  # type: ignore[attr-defined]


def unavailable(request: HttpRequest) -> HttpResponse:
    """503 with ``Retry-After``: problem+json for scripts (the shape of :mod:`exportadmin.lib.rest`), else a page."""
    headers = {"Retry-After": str(RETRY_SECONDS), **NO_STORE}
    if is_script(request):
        return problem(request, 503, "unavailable", DETAIL, headers)
    return HttpResponse(_page(), status=503, headers=headers)


def _page() -> str:
    """Rendered without the request: a context processor would ask the database who is signed in."""
    try:
        return render_to_string("503.html")
    except Exception:
        log.exception("the page about an outage cannot be rendered")
        return _LAST_RESORT
