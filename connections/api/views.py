"""Connections in REST. Views parse, call an action, render."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from connections import connection_actions as actions
from connections.access.api.lookup import get_project
from connections.access.lookup import get_connection, manages_connections, token_of
from connections.access.permissions import VIEW, connections_for, projects_for
from connections.api.serializers import (
    ChangeConnectionSerializer,
    ConnectionSerializer,
    ConnectionTestSerializer,
    CreateConnectionSerializer,
    GrantedSerializer,
    GrantSerializer,
    RotateSecretsSerializer,
    UseSerializer,
)
from connections.models import Connection
from connections.representation import connection_json, grants_json, last_test_json, uses_json
from connections.use import used_by
from exportadmin.audit.middleware import actor_of
from exportadmin.lib.rest import Header, Pages, RestView


class _ByName(Pages):
    orderings = ("name", "created_at")


class _ConnectionView(RestView):
    """Of one connection that the one who asks may know of."""

    def shown(self, request: Request, connection: Connection) -> dict[str, Any]:
        """Its JSON for the one who asks."""
        return connection_json(connection, by_manager=manages_connections(request))


class ConnectionsView(_ConnectionView):
    """Connections: make one, list those that one may know of."""

    pagination_class = _ByName
    problems = {"post": (409,)}

    @extend_schema(operation_id="connections_list", responses=ConnectionSerializer(many=True))
    def get(self, request: Request) -> Response:
        """Superusers see all, others those granted to projects that they may see."""
        connections = connections_for(request.user, token_of(request)).prefetch_related("stored_secrets")
        return self.paged(request, connections, lambda page: [self.shown(request, each) for each in page])

    @extend_schema(
        operation_id="connections_create",
        request=CreateConnectionSerializer,
        responses={201: ConnectionSerializer},
        parameters=[Header("Location", str, "the connection's own address", on=[201])],
    )
    def post(self, request: Request) -> Response:
        """Make one, for superusers. It is used by projects to which it is granted."""
        data: dict[str, Any] = CreateConnectionSerializer.read(request.data).validated_data
        connection = actions.create_connection(actor=actor_of(request, "rest"), **data)
        answer = Response(self.shown(request, connection), status=201)
        answer["Location"] = request.build_absolute_uri(reverse("api:connection", args=[connection.public_id]))
        return answer


class ConnectionView(_ConnectionView):
    """One connection."""

    problems = {"patch": (409,), "delete": (409,)}

    @extend_schema(operation_id="connections_get", responses=ConnectionSerializer)
    def get(self, request: Request, connection_id: str) -> Response:
        """A connection; of its secrets only whether they are set."""
        return Response(self.shown(request, get_connection(request, connection_id)))

    @extend_schema(
        operation_id="connections_change", request=ChangeConnectionSerializer, responses=ConnectionSerializer
    )
    def patch(self, request: Request, connection_id: str) -> Response:
        """Another name, other settings or secrets. What a test found out is forgotten with the settings it was of."""
        connection = get_connection(request, connection_id)
        data: dict[str, Any] = ChangeConnectionSerializer.read(request.data).validated_data
        changed = actions.change_connection(connection=connection, actor=actor_of(request, "rest"), **data)
        return Response(self.shown(request, changed))

    @extend_schema(operation_id="connections_delete", responses={204: None})
    def delete(self, request: Request, connection_id: str) -> Response:
        """Delete it with its secrets. Refused while something uses it; the answer names what."""
        connection = get_connection(request, connection_id)
        actions.delete_connection(connection=connection, actor=actor_of(request, "rest"))
        return Response(status=204)


class TestView(RestView):
    """A test of a connection."""

    @extend_schema(operation_id="connections_test", request=None, responses=ConnectionTestSerializer)
    def post(self, request: Request, connection_id: str) -> Response:
        """Use it step by step, and answer when the last step has ended; a failure is one of the steps."""
        connection = get_connection(request, connection_id)
        for _ in actions.test_connection(connection=connection, actor=actor_of(request, "rest")):
            pass
        return Response(last_test_json(connection))


class SecretsView(_ConnectionView):
    """Secrets of a connection."""

    @extend_schema(
        operation_id="connections_rotate_secrets", request=RotateSecretsSerializer, responses=ConnectionSerializer
    )
    def post(self, request: Request, connection_id: str) -> Response:
        """Other secrets in the place of those that are sent."""
        connection = get_connection(request, connection_id)
        secrets = RotateSecretsSerializer.read(request.data).validated_data.get("secrets")
        changed = actions.rotate_secret(connection=connection, secrets=secrets, actor=actor_of(request, "rest"))
        return Response(self.shown(request, changed))


class DisableView(_ConnectionView):
    """An end for new uses."""

    @extend_schema(operation_id="connections_disable", request=None, responses=ConnectionSerializer)
    def post(self, request: Request, connection_id: str) -> Response:
        """Nothing new is begun through it; what was delivered can still be read."""
        connection = get_connection(request, connection_id)
        actions.disable_connection(connection=connection, actor=actor_of(request, "rest"))
        return Response(self.shown(request, connection))


class EnableView(_ConnectionView):
    """Its opposite."""

    @extend_schema(operation_id="connections_enable", request=None, responses=ConnectionSerializer)
    def post(self, request: Request, connection_id: str) -> Response:
        """It may be used again."""
        connection = get_connection(request, connection_id)
        actions.enable_connection(connection=connection, actor=actor_of(request, "rest"))
        return Response(self.shown(request, connection))


class GrantsView(RestView):
    """The projects that may use a connection."""

    problems = {"post": (409,)}

    @extend_schema(operation_id="connections_grants", responses=GrantedSerializer(many=True))
    def get(self, request: Request, connection_id: str) -> Response:
        """Those of them that one may see."""
        connection = get_connection(request, connection_id)
        return Response(grants_json(connection, projects_for(request.user, VIEW, token_of(request))))

    @extend_schema(operation_id="connections_grant", request=GrantSerializer, responses={201: GrantedSerializer})
    def post(self, request: Request, connection_id: str) -> Response:
        """Let the people of a project use it, within their roles. Twice is no error."""
        connection = get_connection(request, connection_id)
        wanted = GrantSerializer.read(request.data).validated_data["project"]
        project = get_project(request, wanted, field="project")
        actions.grant_connection(connection=connection, project=project, actor=actor_of(request, "rest"))
        (granted,) = grants_json(connection, type(project).objects.filter(pk=project.pk))
        return Response(granted, status=201)


class GrantView(RestView):
    """One project's."""

    problems = {"delete": (409,)}

    @extend_schema(operation_id="connections_revoke", responses={204: None})
    def delete(self, request: Request, connection_id: str, project_id: str) -> Response:
        """Take it from the project: nothing new is begun, and configs that name it do not run."""
        connection, project = get_connection(request, connection_id), get_project(request, project_id)
        actions.revoke_connection(connection=connection, project=project, actor=actor_of(request, "rest"))
        return Response(status=204)


class UsedByView(RestView):
    """What would miss it."""

    @extend_schema(operation_id="connections_used_by", responses=UseSerializer(many=True))
    def get(self, request: Request, connection_id: str) -> Response:
        """Configs, running exports, delivered files and projects, of the projects that one may see."""
        connection = get_connection(request, connection_id)
        projects = None if manages_connections(request) else projects_for(request.user, VIEW, token_of(request))
        return Response(uses_json(used_by(connection, projects)))
