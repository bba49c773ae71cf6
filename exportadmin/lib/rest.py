"""What all of REST shares: one error shape, strict bodies and query strings, cursor pages.

Errors are problem+json (RFC 9457) with a ``code`` that scripts may rely on and, where one input is at fault, its
``field``. Unknown body keys and unknown query parameters are refused, not ignored.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, ClassVar

from django.core.exceptions import PermissionDenied
from django.db import InterfaceError, OperationalError
from django.http import Http404
from rest_framework import exceptions, serializers
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from exportadmin.lib.errors import ConflictError, DeniedError, GoneError, NotFoundError, TransientError, UserError

log = logging.getLogger(__name__)

# our refusals → (status, code)
STATUSES: tuple[tuple[type[Exception], int, str], ...] = (
    (NotFoundError, 404, "not_found"),
    (DeniedError, 403, "denied"),
    (ConflictError, 409, "conflict"),
    (GoneError, 410, "gone"),
    (UserError, 400, "invalid"),
    (TransientError, 503, "unavailable"),
    (Http404, 404, "not_found"),
    (PermissionDenied, 403, "denied"),
    (OperationalError, 503, "unavailable"),
    (InterfaceError, 503, "unavailable"),
)
TITLES = {
    400: "The request is not right",
    401: "Who are you?",
    403: "Not permitted",
    404: "Not found",
    405: "Method not allowed",
    406: "Not acceptable",
    409: "Conflict",
    410: "Gone",
    415: "Unsupported media type",
    416: "Range not satisfiable",
    429: "Too many requests",
    500: "A fault of ours",
    503: "Not available now",
}


class ProblemSerializer(serializers.Serializer[Any]):
    """The one error shape, for the schema."""

    type = serializers.CharField(default="about:blank")
    title = serializers.CharField()
    status = serializers.IntegerField()
    code = serializers.CharField()
    detail = serializers.CharField()
    field = serializers.CharField(required=False)
    request_id = serializers.CharField(required=False)


def problem(status: int, code: str, detail: str, *, field: str | None = None, request: Any = None) -> Response:
    """A problem+json answer."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": TITLES.get(status, "Error"),
        "status": status,
        "code": code,
        "detail": detail,
    }
    if field:
        body["field"] = field
    request_id = getattr(request, "request_id", "")
    if request_id:
        body["request_id"] = request_id
    return Response(body, status=status, content_type="application/problem+json")


def handle(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """DRF's exception handler: everything that is raised on purpose becomes a problem; faults pass on (500)."""
    request = context.get("request")
    django_request = getattr(request, "_request", request)
    for kind, status, code in STATUSES:
        if isinstance(error, kind):
            if status == 503:
                log.warning("unavailable: %s", error)
                detail = "the service cannot answer now; try again in a moment"
            elif isinstance(error, Http404 | PermissionDenied):
                detail = "there is nothing here for you"
            else:
                detail = str(error)
            field = getattr(error, "field", None)
            answer = problem(status, code, detail, field=field, request=django_request)
            if status == 503:
                answer["Retry-After"] = "5"
            return answer
    if isinstance(error, exceptions.APIException):
        detail, field = _in_words(error.detail)
        code = str(getattr(error, "default_code", "error"))
        answer = problem(error.status_code, code, detail, field=field, request=django_request)
        if getattr(error, "auth_header", None):
            answer["WWW-Authenticate"] = error.auth_header  # type: ignore[attr-defined]
        if getattr(error, "wait", None):
            answer["Retry-After"] = str(int(error.wait) + 1)  # type: ignore[attr-defined]
        return answer
    return None


def _in_words(detail: Any, path: str = "") -> tuple[str, str | None]:
    """The first message of DRF's nested details, and the path of the field that it is about."""
    if isinstance(detail, Mapping):
        key, value = next(iter(detail.items()))
        inner = path if key == "non_field_errors" else f"{path}.{key}" if path else str(key)
        return _in_words(value, inner)
    if isinstance(detail, list) and detail:
        for index, entry in enumerate(detail):
            if entry:
                deeper = f"{path}[{index}]" if isinstance(entry, Mapping | list) else path
                return _in_words(entry, deeper)
    return str(detail), path or None


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses keys that it does not know."""

    def to_internal_value(self, data: Any) -> Any:
        """As DRF's, after a look at the keys."""
        if isinstance(data, Mapping):
            for key in data:
                if key not in self.fields:
                    known = ", ".join(self.fields)
                    raise serializers.ValidationError({str(key)[:80]: [f"unknown key; known: {known}"]})
        return super().to_internal_value(data)


class StrictQuery(APIView):
    """A view that names its query parameters, per method and action; any other is refused."""

    query_params: ClassVar[Mapping[str, tuple[str, ...]]] = {}

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """As DRF's, after permission; a stranger learns nothing from the check."""
        super().initial(request, *args, **kwargs)
        action = getattr(self, "action", None) or (request.method or "").lower()
        known = (*self.query_params.get(action, ()), "format")
        for key in request.query_params:
            if key not in known:
                listed = ", ".join(name for name in known if name != "format") or "none"
                raise UserError(f"unknown query parameter {key[:80]!r}; known: {listed}", field=key[:80])


def query(request: Request) -> dict[str, str]:
    """The query string, one value a parameter; empty ones are not asked. Raises :class:`UserError` for U+0000."""
    asked = {key: str(value) for key, value in request.query_params.items() if value}
    for key, value in asked.items():
        if "\x00" in value:
            raise UserError(f"{key} holds U+0000, which is in no name", field=key)
    return asked


class Pages(CursorPagination):
    """``{"next", "previous", "results"}``; stable while rows are added."""

    page_size = 50
    max_page_size = 200
    page_size_query_param = "page_size"
    ordering: Any = ("-created_at", "-pk")
