"""A platform's own connections to buckets in REST. Views parse, call an action, render."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from connections import remote_connections as actions
from connections.access.lookup import get_connection
from connections.connection_actions import MAX_CONNECTION_NAME
from connections.platforms.base import NewRemoteConnection
from connections.representation import remote_connection_json
from exportadmin.audit.middleware import actor_of
from exportadmin.lib.rest import RestView, StrictSerializer, Text

PATH = {"max_length": 2000, "help_text": "s3://bucket/folder/"}
DATA_TYPE = {"required": False, "default": "image", "help_text": "of what lies there, such as image"}


class RemoteConnectionSerializer(serializers.Serializer[Any]):
    """One of the platform's own."""

    connection_id = serializers.CharField(help_text="by which exports there name it")
    name = serializers.CharField(allow_blank=True)
    details = serializers.DictField(help_text="what else the platform says of it")


class NewRemoteConnectionSerializer(StrictSerializer):
    """One that the platform is to make. The keys are sent on to it, and not kept here."""

    name = Text(max_length=MAX_CONNECTION_NAME)
    path = Text(**PATH)
    access_key_id = Text(max_length=1024)
    secret_access_key = Text(max_length=1024)
    data_type = Text(**DATA_TYPE)
    description = Text(required=False, allow_blank=True, default="", max_length=1000)


class TestRemoteConnectionSerializer(StrictSerializer):
    """Where it is tried."""

    path = Text(**PATH)
    data_type = Text(**DATA_TYPE)


class RemoteConnectionsView(RestView):
    """The connections to buckets that a platform has itself."""

    problems = {"get": (409, 503), "post": (409, 503)}

    @extend_schema(operation_id="remote_connections_list", responses=RemoteConnectionSerializer(many=True))
    def get(self, request: Request, connection_id: str) -> Response:
        """Those by which it can deliver exports itself, asked there now; for superusers."""
        connection = get_connection(request, connection_id)
        found = actions.list_remote_connections(connection=connection, actor=actor_of(request, "rest"))
        return Response(list(map(remote_connection_json, found)))

    @extend_schema(
        operation_id="remote_connections_create",
        request=NewRemoteConnectionSerializer,
        responses={201: RemoteConnectionSerializer},
    )
    def post(self, request: Request, connection_id: str) -> Response:
        """Have the platform make one; it tries the keys first. For superusers."""
        connection = get_connection(request, connection_id)
        wanted = NewRemoteConnection(**NewRemoteConnectionSerializer.read(request.data).validated_data)
        actor = actor_of(request, "rest")
        made = actions.create_remote_connection(connection=connection, actor=actor, wanted=wanted)
        return Response(remote_connection_json(made), status=201)


class RemoteConnectionView(RestView):
    """One of them."""

    problems = {"delete": (409, 503)}

    @extend_schema(operation_id="remote_connections_delete", responses={204: None})
    def delete(self, request: Request, connection_id: str, remote_id: str) -> Response:
        """Have the platform forget it, with its keys. For superusers."""
        connection = get_connection(request, connection_id)
        actor = actor_of(request, "rest")
        actions.delete_remote_connection(connection=connection, actor=actor, remote_id=remote_id)
        return Response(status=204)


class TestRemoteConnectionView(RestView):
    """Does one work?"""

    problems = {"post": (409, 503)}

    @extend_schema(
        operation_id="remote_connections_test", request=TestRemoteConnectionSerializer, responses={204: None}
    )
    def post(self, request: Request, connection_id: str, remote_id: str) -> Response:
        """Have the platform try it: 204, or 400 with what it says. For superusers."""
        connection = get_connection(request, connection_id)
        data: dict[str, Any] = TestRemoteConnectionSerializer.read(request.data).validated_data
        actor = actor_of(request, "rest")
        actions.test_remote_connection(connection=connection, actor=actor, remote_id=remote_id, **data)
        return Response(status=204)
