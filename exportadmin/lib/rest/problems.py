"""Errors in REST: problem+json (RFC 9457) with a ``code`` that scripts may rely on and, where one input is at fault,
its ``field``."""

from __future__ import annotations

import dataclasses
import logging
import math
from collections.abc import Callable, Mapping
from typing import Any, Final

from django.core.exceptions import BadRequest, PermissionDenied, SuspiciousOperation
from django.core.signals import got_request_exception
from django.db import InterfaceError, OperationalError
from django.http import Http404, UnreadablePostError
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from exportadmin.lib.errors import (
    BusyError,
    ConflictError,
    DeniedError,
    GoneError,
    NotFoundError,
    OnlyHeadError,
    TooManyError,
    TransientError,
    UnavailableError,
    UserError,
)
from exportadmin.lib.refusals import request_refused
from exportadmin.lib.text import one_line

log = logging.getLogger(__name__)

PROBLEM_JSON: Final = "application/problem+json"
RETRY_SECONDS: Final = 5
LONGEST_DETAIL: Final = 1000
# our refusals → (status, code)
STATUSES: Final[tuple[tuple[type[Exception], int, str], ...]] = (
    (NotFoundError, 404, "not_found"),
    (DeniedError, 403, "denied"),
    (ConflictError, 409, "conflict"),
    (GoneError, 410, "gone"),
    (BusyError, 503, "busy"),
    (TooManyError, 429, "throttled"),
    (UnavailableError, 503, "unavailable"),
    (UserError, 400, "invalid"),
    (TransientError, 503, "unavailable"),
    (Http404, 404, "not_found"),
    (PermissionDenied, 403, "denied"),
    (SuspiciousOperation, 400, "invalid"),  # Django's own limits: too many parameters, a host that is not ours
    (BadRequest, 400, "invalid"),
    (UnreadablePostError, 400, "invalid"),  # the caller went away
    (OperationalError, 503, "unavailable"),
    (InterfaceError, 503, "unavailable"),
)
TITLES: Final[dict[int, str]] = {
    400: "The request is not right",
    401: "Who are you?",
    403: "Not permitted",
    404: "Not found",
    405: "Method not allowed",
    406: "Not acceptable",
    409: "Conflict",
    410: "Gone",
    411: "Length required",
    412: "Precondition failed",
    413: "Too large",
    415: "Unsupported media type",
    416: "Range not satisfiable",
    429: "Too many requests",
    500: "A fault of ours",
    503: "Not available now",
}


@dataclasses.dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a request, before it has a shape. ``detail`` is one line; ``field`` the input at fault."""

    status: int
    code: str
    detail: str
    field: str | None = None
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)


def problem_json(problem: Problem, request: Any) -> Response:
    """The shape of our own API: problem+json."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": TITLES.get(problem.status, "Error"),
        "status": problem.status,
        "code": problem.code,
        "detail": problem.detail,
    }
    if problem.field:
        body["field"] = problem.field
    if request_id := getattr(request, "request_id", ""):
        body["request_id"] = request_id
    return Response(body, status=problem.status, content_type=PROBLEM_JSON, headers=dict(problem.headers))


def problem(status: int, code: str, detail: str, *, field: str | None = None, request: Any = None) -> Response:
    """A problem+json answer; ``detail`` becomes one line."""
    return problem_json(Problem(status, code, _one_line(detail), field), request)


def handle(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """DRF's exception handler: whatever is raised becomes a problem; what was not raised on purpose is a logged 500.

    A view class answers in a shape of its own where it has an ``error_response`` (:class:`RestView`).
    """
    if isinstance(error, OnlyHeadError):
        raise error  # answered as a page's is
    request, view = context.get("request"), context.get("view")
    django_request = getattr(request, "_request", request)
    found = _ours(error) or _drf(error) or _fault(error, django_request)
    set_rollback()
    if found.status in (401, 403, 404, 429):
        channel = getattr(view, "channel", "rest")
        request_refused.send(sender=None, request=request, error=error, status=found.status, channel=channel)
    shape: Callable[[Problem, Any], Response] = getattr(view, "error_response", problem_json)
    return shape(found, django_request)


def _one_line(text: str) -> str:
    line = one_line(text)
    return line if len(line) <= LONGEST_DETAIL else line[: LONGEST_DETAIL - 1] + "…"


def _ours(error: Exception) -> Problem | None:
    known = next(((status, code) for kind, status, code in STATUSES if isinstance(error, kind)), None)
    if known is None:
        return None
    status, code = known
    if status == 503 and not isinstance(error, UserError):
        log.warning("unavailable: %s", error)
        detail = "the service cannot answer now; try again in a moment"
    elif isinstance(error, Http404 | PermissionDenied):
        detail = "there is nothing here for you"
    else:
        detail = str(error)
    headers = {"Retry-After": str(RETRY_SECONDS)} if status == 503 else {}
    if isinstance(error, TooManyError):
        headers = {"Retry-After": str(error.retry_after)}
    return Problem(status, code, _one_line(detail), getattr(error, "field", None), headers)


def _drf(error: Exception) -> Problem | None:
    if not isinstance(error, exceptions.APIException):
        return None
    detail, field = _first_message(error.detail)
    headers = {}
    if challenge := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = str(challenge)
    if error.status_code == 429:
        headers["Retry-After"] = str(max(1, math.ceil(getattr(error, "wait", None) or 1)))
    code = str(getattr(error, "default_code", "error"))
    return Problem(error.status_code, code, _one_line(detail), field, headers)


def _fault(error: Exception, request: Any) -> Problem:
    """What Django does for pages (log, tell), with a problem instead of a page."""
    log.error("%s %s", request.method, request.path, exc_info=error)
    got_request_exception.send(sender=None, request=request)
    return Problem(500, "fault", "stopped by a fault in Export Admin; its log has the details")


def _first_message(detail: Any, path: str = "") -> tuple[str, str | None]:
    """The first message of DRF's nested details, and the path of the field that it is about: ``filter.ids[3]``."""
    if isinstance(detail, Mapping):
        key, value = next(iter(detail.items()))
        if key == "non_field_errors":
            inner = path
        elif isinstance(key, int):  # an entry of a list
            inner = f"{path}[{key}]"
        else:
            inner = f"{path}.{key}" if path else str(key)
        return _first_message(value, inner)
    if isinstance(detail, list) and detail:
        for index, entry in enumerate(detail):
            if entry:
                deeper = f"{path}[{index}]" if isinstance(entry, Mapping | list) else path
                return _first_message(entry, deeper)
    return str(detail), path or None
