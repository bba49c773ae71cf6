"""Artifacts, their bytes and rows, and links in REST."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import QuerySet
from django.http import HttpResponseBase, StreamingHttpResponse
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from connections.api.views import PAGING, token_of
from exportadmin.audit.middleware import actor_of
from exportadmin.audit.record import recorded
from exportadmin.lib.errors import ConflictError, NotFoundError, UserError
from exportadmin.lib.rest import Pages, StrictQuery
from exports import actions, downloads, row_reader
from exports.api.serializers import ArtifactSerializer, IssuedLinkSerializer, IssueLinkSerializer, LinkSerializer
from exports.api.views import PROBLEMS, seen_report
from exports.models import Artifact, Link
from exports.permissions import DOWNLOAD, VIEW, projects_for, require
from exports.representation import artifact_json


def _visible_artifacts(request: Request) -> QuerySet[Artifact]:
    visible = projects_for(request.user, VIEW, token_of(request))
    return Artifact.objects.filter(report__project__in=visible).select_related("report__project")


def seen_artifact(request: Request, artifact_id: str) -> Artifact:
    """The artifact, if it may be seen. Raises :class:`NotFoundError` otherwise."""
    found = _visible_artifacts(request).filter(public_id=artifact_id).first() if "\x00" not in artifact_id else None
    if found is None:
        raise NotFoundError("no such artifact")
    return found


class ReportArtifactsView(StrictQuery):
    """The files of a report."""

    @extend_schema(operation_id="artifacts_list", responses=ArtifactSerializer(many=True))
    def get(self, request: Request, report_id: str) -> Response:
        """All of them."""
        report = seen_report(request, report_id)
        return Response([artifact_json(artifact) for artifact in report.artifacts.all()])


class ArtifactView(StrictQuery):
    """One file's figures."""

    @extend_schema(operation_id="artifacts_get", responses=ArtifactSerializer)
    def get(self, request: Request, artifact_id: str) -> Response:
        """Name, size, sha256."""
        return Response(artifact_json(seen_artifact(request, artifact_id)))


class DownloadView(StrictQuery):
    """One file's bytes."""

    @extend_schema(
        operation_id="artifacts_download",
        responses={
            (200, "application/octet-stream"): OpenApiTypes.BINARY,
            (206, "application/octet-stream"): OpenApiTypes.BINARY,
            304: None,
            416: None,
            **PROBLEMS,
        },
    )
    def get(self, request: Request, artifact_id: str) -> HttpResponseBase:
        """With Range, ETag, If-Range; recorded before the first byte."""
        artifact = seen_artifact(request, artifact_id)
        actor = actor_of(request, "rest")
        require(actor, DOWNLOAD, artifact.report.project)
        return downloads.respond(request._request, artifact, actor=actor)


class RowsView(StrictQuery):
    """Rows of a finished json or ndjson result, from any line or byte."""

    query_params = {"get": ("line", "offset", "limit", "stream")}

    @extend_schema(
        operation_id="reports_rows",
        parameters=[
            OpenApiParameter("line", int, description="first row, from 0"),
            OpenApiParameter("offset", int, description="a byte of the first row, from 0"),
            OpenApiParameter("limit", int),
            OpenApiParameter("stream", str, enum=["result", "errors"]),
        ],
        responses={(200, "application/x-ndjson"): OpenApiTypes.BINARY, **PROBLEMS},
    )
    def get(self, request: Request, report_id: str) -> HttpResponseBase:
        """ndjson; ``X-Total-Lines``, ``X-Total-Size``, ``X-First-Line`` and ``X-First-Offset`` say where it is."""
        report = seen_report(request, report_id)
        actor = actor_of(request, "rest")
        require(actor, DOWNLOAD, report.project)
        stream = request.query_params.get("stream", "result")
        if stream not in ("result", "errors"):
            raise UserError(f"stream is {stream[:20]!r}; known: result, errors", field="stream")
        asked = {key: _whole(request, key) for key in ("line", "offset", "limit")}
        if asked["line"] is not None and asked["offset"] is not None:
            raise UserError("give line or offset, not both", field="offset")
        if not report.is_delivered:
            raise ConflictError(f"report {report.report_id} is {report.status}: there are no rows to read")
        if stream == "errors":
            # no source refuses rows yet: the stream is there, and empty
            return _ndjson(iter(()), {"X-Total-Lines": 0, "X-Total-Size": 0, "X-First-Line": 0, "X-First-Offset": 0})
        artifact = report.artifacts.filter(lines__isnull=False).first()
        if artifact is None:
            raise ConflictError(f"rows can be read from json and ndjson results; this one is {report.format}")
        rows = row_reader.read_rows(artifact, **asked)
        with recorded(
            "artifact.rows_read", actor=actor, project=report.project, obj=artifact, details={"line": rows.first_line}
        ):
            pass
        headers = {
            "X-Total-Lines": rows.total_lines,
            "X-Total-Size": rows.total_size,
            "X-First-Line": rows.first_line,
            "X-First-Offset": rows.first_offset,
        }
        return _ndjson(rows, headers)


def _ndjson(chunks: Any, headers: dict[str, int]) -> StreamingHttpResponse:
    answer = StreamingHttpResponse(chunks, content_type="application/x-ndjson")
    for name, value in headers.items():
        answer[name] = str(value)
    answer["Cache-Control"] = "private, no-store"
    return answer


def _whole(request: Request, key: str) -> int | None:
    text = request.query_params.get(key)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise UserError(f"{key} is {text[:20]!r}; expected a whole number from 0", field=key)
    return int(text)


class ArtifactLinksView(StrictQuery):
    """Links to one file."""

    @extend_schema(
        operation_id="links_issue", request=IssueLinkSerializer, responses={201: IssuedLinkSerializer, **PROBLEMS}
    )
    def post(self, request: Request, artifact_id: str) -> Response:
        """Issue one; its address is in this answer only."""
        artifact = seen_artifact(request, artifact_id)
        body = IssueLinkSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        said = body.validated_data
        for_user = None
        if said.get("for_user"):
            for_user = get_user_model().objects.filter(username=said["for_user"]).first()
            if for_user is None:
                raise UserError(f"no user {said['for_user'][:80]!r}", field="for_user")
        link, token = actions.issue_link(
            artifact=artifact,
            actor=actor_of(request, "rest"),
            seconds=said["seconds"],
            one_time=said["one_time"],
            for_user=for_user,
        )
        url = request.build_absolute_uri(reverse("exports:link", args=[token]))
        return Response({**LinkSerializer(link).data, "url": url}, status=201)


class LinksView(StrictQuery):
    """Links, without their addresses."""

    query_params = {"get": (*PAGING, "report")}

    @extend_schema(
        operation_id="links_list",
        responses=LinkSerializer(many=True),
        parameters=[
            OpenApiParameter("cursor", str),
            OpenApiParameter("page_size", int),
            OpenApiParameter("report", str),
        ],
    )
    def get(self, request: Request) -> Response:
        """Newest first."""
        links = visible_links(request)
        if wanted := request.query_params.get("report"):
            links = links.filter(artifact__report=seen_report(request, wanted))
        pages = Pages()
        page = pages.paginate_queryset(links, request, view=self)
        return pages.get_paginated_response(LinkSerializer(page or [], many=True).data)


class RevokeLinkView(StrictQuery):
    """The end of a link."""

    @extend_schema(operation_id="links_revoke", request=None, responses={200: LinkSerializer, **PROBLEMS})
    def post(self, request: Request, link_id: str) -> Response:
        """Revoke; twice is no error."""
        link = visible_links(request).filter(public_id=link_id).first() if "\x00" not in link_id else None
        if link is None:
            raise NotFoundError("no such link")
        return Response(LinkSerializer(actions.revoke_link(link=link, actor=actor_of(request, "rest"))).data)


def visible_links(request: Request) -> QuerySet[Link]:
    """The links that the one who asks may see."""
    visible = projects_for(request.user, VIEW, token_of(request))
    return Link.objects.filter(artifact__report__project__in=visible).select_related("artifact__report", "for_user")
