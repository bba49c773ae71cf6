"""What all pages share: which methods a view answers, and how a refusal becomes a page.

A view parses, calls an action and renders; whatever the action raises on purpose
(:class:`~exportadmin.lib.errors.UserError` and its kinds) may simply pass: :class:`RefusalsMiddleware` answers it with
the right status and the error's own words, and tells the trail. A form that wants the words beside its field catches
``UserError`` itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, Final, TypeVar

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, QueryDict, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods

from exportadmin.lib.errors import (
    BusyError,
    ConflictError,
    DeniedError,
    GoneError,
    NotFoundError,
    OnlyHeadError,
    TooManyError,
    UnavailableError,
    UserError,
)
from exportadmin.lib.refusals import request_refused

View = TypeVar("View", bound=Callable[..., Any])

# our refusals → (status, heading)
STATUSES: Final[tuple[tuple[type[UserError], int, str], ...]] = (
    (ConflictError, 409, "This cannot be done now"),
    (GoneError, 410, "This is gone"),
    (BusyError, 503, "Too much at once"),
    (TooManyError, 429, "Too many"),
    (UnavailableError, 503, "Not available now"),
    (UserError, 400, "This cannot be done as asked"),
)


def _answers(*methods: str) -> Callable[[View], View]:
    def decorate(view: View) -> View:
        guarded = wraps(view)(require_http_methods([*methods, *(["HEAD"] if "GET" in methods else [])])(view))
        guarded.methods = methods  # type: ignore[attr-defined]  # the permission matrix asks for a row for each
        return guarded  # type: ignore[return-value]

    return decorate


# a page to look at; a form that is sent; a page with the form that it takes back
get_view = _answers("GET")
post_view = _answers("POST")
form_view = _answers("GET", "POST")


class RefusalsMiddleware:
    """Errors of pages that were raised on purpose become pages. (REST has a handler of its own.)"""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass the request on. What a view says nothing else of is kept by nobody: not by a proxy, and not for whoever
        presses "back" after somebody has signed out."""
        answer = self.get_response(request)
        answer.headers.setdefault("Cache-Control", "private, no-store")
        return answer

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponseBase | None:
        """404, 403, 409, 410 or 400 with the error's words; ``None`` for what is not ours."""
        if isinstance(error, OnlyHeadError):
            empty = StreamingHttpResponse(())  # of which no length is told
            del empty["Content-Type"]
            return empty
        if isinstance(error, NotFoundError | Http404):
            return self._refused(request, error, 404, "404.html")
        if isinstance(error, DeniedError | PermissionDenied):
            return self._refused(request, error, 403, "403.html")
        if isinstance(error, UserError):
            status, heading = next((status, title) for kind, status, title in STATUSES if isinstance(error, kind))
            context = {"status": status, "heading": heading, "message": error.message}
            answer = render(request, "refused.html", context, status=status)
            if isinstance(error, BusyError | TooManyError):
                answer["Retry-After"] = str(error.retry_after)
            if status == 429:
                tell_refused(request, error, status)
            return answer
        return None

    def _refused(self, request: HttpRequest, error: Exception, status: int, template: str) -> HttpResponse:
        tell_refused(request, error, status)
        return render(request, template, status=status)


def tell_refused(request: HttpRequest, error: Exception, status: int) -> None:
    """Have a refusal recorded, by the middleware or by a view that goes on after it."""
    request_refused.send(sender=None, request=request, error=error, status=status, channel="web")


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form without its token, or from another site (``CSRF_FAILURE_VIEW``)."""
    tell_refused(request, PermissionDenied(f"CSRF: {reason}"), 403)
    return render(request, "403_csrf.html", status=403)


def done(request: HttpRequest, message: str, to: str, *args: Any) -> HttpResponse:
    """After a form: say what was done, and go to a page (``next`` of the form, where it is one of ours)."""
    messages.success(request, message)
    return redirect(came_from(request) or to, *args)


def refused(request: HttpRequest, error: UserError, to: str, *args: Any) -> HttpResponse:
    """After a form without fields of its own (a button): say why not, and go back to the page.

    Raises :class:`TooManyError`: that has a status, and a time to come again.
    """
    if isinstance(error, TooManyError):
        raise error
    messages.error(request, error.message)
    return redirect(came_from(request) or to, *args)


def came_from(request: HttpRequest) -> str:
    """The form's ``next``, where it is a page of ours; else empty."""
    wanted = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if safe and wanted.startswith("/") else ""


def only(request: HttpRequest, known: Sequence[str]) -> None:
    """Refuse parameters that the page does not know (README: unknown parameters are refused, not ignored).

    Raises :class:`UserError` that names the first one.
    """
    only_known(request.GET, known)


def only_known(query: QueryDict, known: Sequence[str]) -> None:
    """As :func:`only`, of any query."""
    for key in query:
        if key not in known:
            raise UserError(f"unknown parameter {key[:80]!r}; known: {', '.join(known)}", field=key[:80])
