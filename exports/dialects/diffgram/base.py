"""What every view here is: Diffgram's sign-in, its errors, and how it comes by what an address names."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpRequest
from rest_framework.request import Request
from rest_framework.response import Response

from connections.access.lookup import get_object
from connections.access.permissions import VIEW
from connections.models import Project
from exportadmin.lib.errors import DeniedError, NotFoundError
from exportadmin.lib.rest import Problem
from exports.dialects.base import DialectView
from exports.dialects.diffgram.sign_in import CHANNEL, DiffgramAuthentication

# what is answered for a project that there is not, and for one that is none of theirs
NO_PROJECT: Final = "Can't find project"
# for wrong keys, and for what a role may not do
NO_ACCESS: Final = (
    "(Project Scope) No access. [Basic Auth Based] Failed API Permissions. Allowed roles are only: ['admin', 'Editor']"
)
NO_JOB_ACCESS: Final = "API access invalid"
NO_KEYS: Final = "Check client_id client_secret - Missing sending basic auth while using python SDK."
NOT_SIGNED_IN: Final = "(Project Scope) No access. [Human User Based]  Failed LoggedIn "
# for a job that there is not
FORBIDDEN: Final = (
    "You don't have the permission to access the requested resource. It is either read-protected or not readable by "
    "the server."
)
NOT_READY: Final = "Export not ready yet."
_NAMES: Final = {
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    410: "Gone",
    411: "Length Required",
    413: "Request Entity Too Large",
    415: "Unsupported Media Type",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
}


def refused(code: int, text: str, **more: Any) -> Response:
    """Diffgram's first shape of an error: one line, with the status in words."""
    return Response({"error": f"{code} {_NAMES.get(code, 'Error')}: {text}"}, status=code, **more)


def log_of(error: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Its second shape: by field, inside ``log``."""
    return {"log": {"error": error, "info": {}, "success": False, **more}}


class DiffgramView(DialectView):
    """Signed in by Basic auth alone: a browser's session opens nothing here."""

    channel = CHANNEL
    authentication_classes = [DiffgramAuthentication]

    @classmethod
    def error_response(cls, problem: Problem, request: HttpRequest) -> Response:
        """400 by field; whatever else in one line, as Diffgram's server has it."""
        headers = dict(problem.headers)
        if problem.status == 400:
            field, detail = problem.field or "input", problem.detail
            if problem.code == "parse_error":
                detail = f"Expecting json in request: {detail}"
            elif problem.code == "required" or detail == "This field is required.":
                detail = f"Missing {field}"
            return Response(cls.by_field({field: detail}), status=400, headers=headers)
        if problem.code == "not_authenticated":
            if request.headers.get("User-Agent", "").startswith("python"):
                return refused(403, NO_KEYS, headers=headers)
            return refused(401, NOT_SIGNED_IN, headers=headers)
        if problem.code == "authentication_failed":
            return refused(403, cls.wrong_keys(), headers=headers)
        if problem.status == 403 and problem.detail not in (NO_PROJECT, NO_JOB_ACCESS, FORBIDDEN):
            return refused(403, f"{NO_ACCESS} ({problem.detail})", headers=headers)
        return refused(problem.status, problem.detail, headers=headers)

    @classmethod
    def by_field(cls, error: dict[str, Any]) -> dict[str, Any]:
        """How a 400 looks."""
        return log_of(error)

    @classmethod
    def wrong_keys(cls) -> str:
        """What is said to wrong keys."""
        return NO_ACCESS

    def project(self, request: Request, project_string_id: str, verb: str = VIEW) -> Project:
        """The project that an address or a body names. Raises :class:`DeniedError`: there is no other answer to a
        wrong one here."""
        projects = Project.objects.select_related("connection")
        try:
            return get_object(request, projects, "project", project_string_id, verb=verb, project_of=lambda one: one)
        except NotFoundError as error:
            raise DeniedError(NO_PROJECT, about=error.about) from None
