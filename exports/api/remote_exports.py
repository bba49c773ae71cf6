"""Exports that were made on a project's platform, in REST."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from connections.access.api.lookup import get_project
from connections.platforms.options import LONGEST
from exportadmin.audit.middleware import actor_of
from exportadmin.lib.rest import DescribedField, Header, RestView, StrictSerializer, Text
from exports import actions
from exports.api.lookup import report_answer
from exports.api.serializers import ReportSerializer
from exports.api.spec import destination_schema
from exports.display.representation import remote_export_json


class RemoteExportSerializer(serializers.Serializer[Any]):
    """An export there, by whomever."""

    remote_id = serializers.CharField()
    name = serializers.CharField(allow_blank=True)
    word = serializers.CharField(help_text="how it stands, in the platform's own word")
    is_made = serializers.BooleanField(allow_null=True, help_text="null: nobody here knows what the word means")
    created_at = serializers.DateTimeField(allow_null=True)
    details = serializers.DictField(help_text="what else the platform says of it")
    is_theirs = serializers.BooleanField(help_text="made by others than us")
    report_id = serializers.CharField(allow_null=True, help_text="of the export here that had it made")
    sync_id = serializers.CharField(allow_null=True, help_text="of the sync that had it made")
    fetched_by = serializers.CharField(allow_null=True, help_text="the newest report that fetched one of others")


class FetchRemoteExportSerializer(StrictSerializer):
    """Which one, and where it is delivered."""

    remote_id = Text(max_length=LONGEST)
    name = Text(required=False, max_length=actions.MAX_NAME)
    description = Text(required=False, allow_blank=True)
    destination = DescribedField(destination_schema)


class RemoteExportsView(RestView):
    """What was exported there."""

    problems = {"get": (409,), "post": (404, 409)}

    @extend_schema(operation_id="remote_exports_list", responses=RemoteExportSerializer(many=True))
    def get(self, request: Request, project_id: str) -> Response:
        """As the platform lists it now, newest first, with what we know of each."""
        project = get_project(request, project_id)
        found = actions.remote_exports(project=project, actor=actor_of(request, "rest"))
        return Response(list(map(remote_export_json, found)))

    @extend_schema(
        operation_id="remote_exports_fetch",
        request=FetchRemoteExportSerializer,
        responses={202: ReportSerializer},
        parameters=[Header("Location", str, "where to look how it goes", on=[202])],
    )
    def post(self, request: Request, project_id: str) -> Response:
        """Fetch one of them, check and deliver it: a report that runs as any. Nothing is made there."""
        project = get_project(request, project_id)
        data: dict[str, Any] = FetchRemoteExportSerializer.read(request.data).validated_data
        report = actions.fetch_remote_export(project=project, actor=actor_of(request, "rest"), **data)
        answer = Response(report_answer(request, report), status=202)
        answer["Location"] = request.build_absolute_uri(reverse("api:report", args=[report.report_id]))
        return answer
