"""Labellerr's connectors: its SDK tries a connection to S3, makes it, and reads it back.

The call that makes one does not say for which bucket it is; the one before it, which tries the same keys, does. That
path is remembered for some minutes, under a digest of the keys.
"""

from __future__ import annotations

from typing import Any

from django.http import QueryDict
from django.utils.crypto import salted_hmac
from rest_framework.parsers import FormParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from connections import connection_actions
from connections.access.lookup import get_connection, token_of
from connections.access.permissions import connections_for
from connections.adapters import FAILED
from connections.models import Connection
from exportadmin.audit.middleware import actor_of
from exportadmin.lib.errors import UserError
from exportadmin.lib.times import from_datetime
from exports.dialects.labellerr.bodies import (
    S3,
    Call,
    ConnectorsCall,
    CreateConnector,
    DeleteConnector,
    TryConnector,
    bucket_of,
)
from exports.dialects.labellerr.sign_in import CHANNEL
from exports.dialects.labellerr.views import LabellerrView
from exports.models import TriedPath


def connection_details(connection: Connection) -> dict[str, Any]:
    """As the SDK reads one; no secret, and nothing of how it is reached."""
    return {
        "connection_id": connection.public_id,
        "connector": S3,
        "connection_type": "export",
        "name": connection.name,
        "description": "",
        "created_at": from_datetime(connection.created_at),
        "created_by": connection.created_by,
    }


class _FormView(LabellerrView):
    """Takes the SDK's forms."""

    parser_classes = [MultiPartParser, FormParser]
    takes = {"post": Call}

    @staticmethod
    def sent(request: Request) -> dict[str, Any]:
        """The form as it came; a file in it is not kept. Raises :class:`UserError` for a field that came twice."""
        form = request.data
        assert isinstance(form, QueryDict)  # of these parsers
        for name, values in form.lists():
            if len(values) > 1:
                raise UserError(f"{name[:80]} is given {len(values)} times", field=name[:80])
        return {name: values[0] for name, values in form.lists()}


def _digest(request: Request, keys: dict[str, str]) -> str:
    told = "\0".join([str(actor_of(request).token_id), keys["access_key_id"], keys["secret_access_key"]])
    return salted_hmac("labellerr.path", told, algorithm="sha256").hexdigest()


class TryConnectionView(_FormView):
    """Does a connection work?"""

    def post(self, request: Request) -> Response:
        """One that there is is tested, step by step. Of one that is to be made, what was sent is looked at."""
        body = TryConnector.read(self.sent(request))
        keys, wanted = body.keys(), body.validated_data.get("connection_id")
        if (keys is None) == (wanted is None):
            raise UserError("send credentials, or the connection_id of a connection that there is")
        if keys is not None:
            connection_actions.check_connection(kind=S3, config=bucket_of(body.validated_data["path"]), secrets=keys)
            TriedPath.remember(_digest(request, keys), body.validated_data["path"])
            return self.answer(request, {"status": "not tried yet", "path": body.validated_data["path"]})
        connection = get_connection(request, str(wanted))
        steps = list(connection_actions.test_connection(connection=connection, actor=actor_of(request, CHANNEL)))
        if failed := [f"{step.title}: {step.message}. {step.advice}".strip() for step in steps if step.state == FAILED]:
            raise UserError(f"connection {connection.name!r} does not pass its test: {'; '.join(failed)}")
        return self.answer(request, {"status": "passed", "steps": {step.key: step.state for step in steps}})


class CreateConnectionView(_FormView):
    """Make a connection."""

    def post(self, request: Request) -> Response:
        """For superusers' tokens, as everywhere. Its id is in the answer, its keys are in no answer ever."""
        body = CreateConnector.read(self.sent(request))
        keys = body.keys()
        if keys is None:
            raise UserError("credentials is missing", field="credentials")
        path = TriedPath.of(_digest(request, keys))
        if path is None:
            raise UserError("for which bucket? Call connections/test with these credentials and a path first")
        connection = connection_actions.create_connection(
            kind=S3,
            name=body.validated_data["name"],
            config=bucket_of(path),
            secrets=keys,
            actor=actor_of(request, CHANNEL),
        )
        return self.answer(request, {"connection_id": connection.public_id})


class ConnectionsView(LabellerrView):
    """Connections that the token may know of."""

    takes = {"get": ConnectorsCall}

    def get(self, request: Request) -> Response:
        """Those to S3; another connector: none."""
        found = connections_for(request.user, token_of(request)).filter(kind=S3).order_by("name")
        wanted = self.params.get("connector", S3) == S3 and self.params.get("connection_type", "export") == "export"
        return self.answer(request, list(map(connection_details, found)) if wanted else [])


class ConnectionDetailsView(LabellerrView):
    """One of them."""

    def get(self, request: Request, connection_id: str) -> Response:
        """Without its keys."""
        return self.answer(request, connection_details(get_connection(request, connection_id)))


class DeleteConnectionView(LabellerrView):
    """Delete a connection."""

    takes = {"post": Call}

    def post(self, request: Request) -> Response:
        """Refused while something uses it; the answer names what."""
        wanted = DeleteConnector.read(request.data).validated_data["connection_id"]
        connection = get_connection(request, wanted)
        connection_actions.delete_connection(connection=connection, actor=actor_of(request, CHANNEL))
        return self.answer(request, {"connection_id": connection.public_id, "deleted": True})
