"""Mirrored projects and their syncs in REST. Views parse, call an action, render."""

from __future__ import annotations

from typing import Any

from django.http.response import HttpResponseBase
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from connections.access.api.lookup import get_project
from connections.access.lookup import get_connection, token_of
from connections.models import Project
from connections.store.imports.api import NDJSON, refused_file
from connections.sync import actions
from connections.sync.lookup import get_sync, mirror_of, visible_syncs
from connections.sync.models import Mirror, SyncRun
from connections.sync.representation import mirror_json, remote_projects_json, sync_json
from connections.sync.serializers import (
    ChangeMirrorSerializer,
    MirrorProjectSerializer,
    MirrorSerializer,
    OneSyncSerializer,
    RemoteProjectsSerializer,
    RequestSyncSerializer,
    SyncSerializer,
    SyncsQuery,
)
from exportadmin.audit.middleware import actor_of
from exportadmin.lib.errors import NotFoundError
from exportadmin.lib.rest import Header, Pages, RestView


class RemoteProjectsView(RestView):
    """The projects of a platform."""

    problems = {"get": (409, 503), "post": (409, 503)}

    @extend_schema(operation_id="remote_projects_list", responses=RemoteProjectsSerializer)
    def get(self, request: Request, connection_id: str) -> Response:
        """Those that the connection's credentials may see, asked there now; for superusers."""
        connection = get_connection(request, connection_id)
        found = actions.list_remote_projects(connection=connection, actor=actor_of(request, "rest"))
        return Response(remote_projects_json(found))

    @extend_schema(
        operation_id="remote_projects_mirror",
        request=MirrorProjectSerializer,
        responses={201: MirrorSerializer},
        parameters=[Header("Location", str, "the mirror's own address", on=[201])],
    )
    def post(self, request: Request, connection_id: str) -> Response:
        """Make a project here that mirrors one of them; for superusers. It is empty until its first sync."""
        connection = get_connection(request, connection_id)
        data: dict[str, Any] = MirrorProjectSerializer.read(request.data).validated_data
        project = actions.mirror_project(connection=connection, actor=actor_of(request, "rest"), **data)
        answer = Response(mirror_json(_mirror(project)), status=201)
        answer["Location"] = request.build_absolute_uri(reverse("api:mirror", args=[project.public_id]))
        return answer


class MirrorView(RestView):
    """How a project is mirrored."""

    @extend_schema(operation_id="mirrors_get", responses=MirrorSerializer)
    def get(self, request: Request, project_id: str) -> Response:
        """Where it comes from, and as of when it is up to date. A project that mirrors nothing: 404."""
        return Response(mirror_json(_mirror(get_project(request, project_id))))

    @extend_schema(operation_id="mirrors_change", request=ChangeMirrorSerializer, responses=MirrorSerializer)
    def patch(self, request: Request, project_id: str) -> Response:
        """Other settings, for admins of the project."""
        project = get_project(request, project_id)
        data: dict[str, Any] = ChangeMirrorSerializer.read(request.data).validated_data
        return Response(mirror_json(actions.change_mirror(project=project, actor=actor_of(request, "rest"), **data)))


def _mirror(project: Project) -> Mirror:
    mirror = mirror_of(project)
    if mirror is None:
        raise NotFoundError(f"project {project.name!r} mirrors no project of a platform")
    return mirror


class _Newest(Pages):
    orderings = ("-created_at",)


def _one(run: SyncRun) -> dict[str, Any]:
    return sync_json(run, with_refused=True)


class SyncsView(RestView):
    """Syncs: request one, list them."""

    pagination_class = _Newest
    takes = {"get": SyncsQuery}
    problems = {"post": (404, 409)}

    @extend_schema(operation_id="syncs_list", responses=SyncSerializer(many=True))
    def get(self, request: Request) -> Response:
        """Syncs that one may see, newest first."""
        runs = visible_syncs(request.user, token_of(request))
        if "project" in self.params:
            runs = runs.filter(project=get_project(request, self.params["project"], field="project"))
        if "status" in self.params:
            runs = runs.filter(status=self.params["status"])
        return self.paged(request, runs, lambda page: [sync_json(run) for run in page])

    @extend_schema(
        operation_id="syncs_create",
        request=RequestSyncSerializer,
        responses={202: OneSyncSerializer},
        parameters=[Header("Location", str, "where to look how it goes", on=[202])],
    )
    def post(self, request: Request) -> Response:
        """Request one; while another one of the project is active, 409 names it."""
        data: dict[str, Any] = RequestSyncSerializer.read(request.data).validated_data
        project = get_project(request, data["project"], field="project")
        run = actions.request_sync(project=project, actor=actor_of(request, "rest"), mode=data["mode"])
        answer = Response(_one(run), status=202)
        answer["Location"] = request.build_absolute_uri(reverse("api:sync", args=[run.public_id]))
        return answer


class SyncView(RestView):
    """One sync."""

    @extend_schema(operation_id="syncs_get", responses=OneSyncSerializer)
    def get(self, request: Request, sync_id: str) -> Response:
        """A sync as it is now, with the first rows that were refused."""
        return Response(_one(get_sync(request, sync_id)))


class CancelSyncView(RestView):
    """Stop a sync."""

    problems = {"post": (409,)}

    @extend_schema(operation_id="syncs_cancel", request=None, responses={202: OneSyncSerializer})
    def post(self, request: Request, sync_id: str) -> Response:
        """Cancel: at once while it waits, within seconds while it runs. Rows that were written stay."""
        run = get_sync(request, sync_id)
        return Response(_one(actions.cancel_sync(run=run, actor=actor_of(request, "rest"))), status=202)


class RefusedView(RestView):
    """The rows that did not go in."""

    problems = {"get": (403,)}

    @extend_schema(operation_id="syncs_refused", responses={(200, NDJSON): OpenApiTypes.BINARY})
    def get(self, request: Request, sync_id: str) -> HttpResponseBase:
        """Every refused row, one a line: `position`, `reason` and, where it could be read, `value`."""
        run = get_sync(request, sync_id)
        return refused_file(run, actions.read_refused(run=run, actor=actor_of(request, "rest")))
