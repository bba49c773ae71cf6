"""What every view here is: Label Studio's sign-in, its errors, and how it comes by what an address names.

Numbers in addresses are primary keys; who may not see what one names is answered as if it were not there.
"""

from __future__ import annotations

import uuid
from typing import Any, Final

from rest_framework.request import Request
from rest_framework.response import Response

from connections.access.lookup import get_object
from connections.access.permissions import VIEW
from connections.models import Project
from exportadmin.lib.rest import Problem
from exports.dialects.base import DialectView
from exports.dialects.label_studio.sign_in import CHANNEL, LabelStudioAuthentication

# the release of Label Studio whose API this is
RELEASE: Final = "1.23.2"
_VALIDATION: Final = "Validation error"


class LabelStudioView(DialectView):
    """Signed in by Label Studio's headers alone: a browser's session opens nothing here."""

    channel = CHANNEL
    authentication_classes = [LabelStudioAuthentication]

    @staticmethod
    def error_response(problem: Problem, request: Any) -> Response:
        """``detail`` for people; of a request that is not right, ``validation_errors`` by field as well."""
        body: dict[str, Any] = {
            "id": str(uuid.uuid4()),
            "status_code": problem.status,
            "version": RELEASE,
            "detail": problem.detail,
            "exc_info": None,
        }
        if problem.status == 400:
            found: Any = [problem.detail]
            for part in reversed((problem.field or "non_field_errors").split(".")):
                found = {part: found}
            body |= {"detail": _VALIDATION, "validation_errors": found}
        return Response(body, status=problem.status, headers=dict(problem.headers))

    def project(self, request: Request, number: str, verb: str = VIEW) -> Project:
        """The project that the address names. Raises :class:`NotFoundError`."""
        projects = Project.objects.select_related("connection")
        return get_object(request, projects, "project", number, verb=verb, column="pk", project_of=lambda found: found)
