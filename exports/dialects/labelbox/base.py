"""What every view here is: Labelbox's sign-in and its errors."""

from __future__ import annotations

from typing import Any, Final

from rest_framework.response import Response

from exportadmin.lib.rest import Problem
from exports.dialects.base import DialectView
from exports.dialects.labelbox.sign_in import CHANNEL, KeyAuthentication

MALFORMED: Final = "MALFORMED_REQUEST"
# status → the code by which the SDK knows what to raise; any other below 500 is of a request that is not right
CODES: Final = {
    401: "AUTHENTICATION_ERROR",
    403: "AUTHORIZATION_ERROR",
    404: "RESOURCE_NOT_FOUND",
    409: "RESOURCE_CONFLICT",
    410: "RESOURCE_CONFLICT",
    429: "API_LIMIT_EXCEEDED",
}
UNKNOWN_OPERATION: Final = "GRAPHQL_VALIDATION_FAILED"


class LabelboxView(DialectView):
    """Signed in by Labelbox's header alone: a browser's session opens nothing here."""

    channel = CHANNEL
    authentication_classes = [KeyAuthentication]

    @staticmethod
    def error_response(problem: Problem, request: Any) -> Response:
        """GraphQL's errors. The SDK reads the code; of what is malformed, ``errors`` instead of ``message``, and of too
        many requests the message beside the list."""
        code = CODES.get(problem.status, MALFORMED if problem.status < 500 else "INTERNAL_SERVER_ERROR")
        extensions: dict[str, Any] = {"code": code, "reason": problem.code}
        if problem.field:
            extensions["field"] = problem.field
        error = {"message": problem.detail, "errors": problem.detail, "extensions": extensions}
        body: dict[str, Any] = {"data": None, "errors": [error]}
        if problem.status == 429:
            body["message"] = f"You have exceeded the rate limit: {problem.detail}"
        return Response(body, status=problem.status, headers=dict(problem.headers))
