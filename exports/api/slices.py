"""Slices in REST, and the datasets and batches of a project."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from connections.access.api.lookup import get_project
from connections.store.overview import MOST_GROUPS, overview
from exportadmin.audit.middleware import actor_of
from exportadmin.lib.rest import DescribedField, Header, Pages, RestView, StrictSerializer, Text
from exports import slice_actions
from exports.api.serializers import NamedSerializer
from exports.api.spec import Name, filter_schema
from exports.display.representation import slice_json
from exports.lookup import get_slice
from exports.models import Slice
from exports.spec.slices import slice_conditions


class SliceBodySerializer(StrictSerializer):
    """What to save."""

    name = Name(max_length=200, help_text="once in a project")
    description = Text(max_length=10_000, required=False, allow_blank=True)
    filter = DescribedField(lambda: filter_schema(slice_conditions()))


class SliceSerializer(serializers.Serializer[Any]):
    """A saved selection of data rows."""

    slice_id = serializers.CharField()
    project = NamedSerializer()
    name = serializers.CharField()
    description = serializers.CharField(allow_blank=True)
    filter = serializers.DictField()
    time_zone = serializers.CharField(help_text="in which its times without one are read")
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class GroupSerializer(serializers.Serializer[Any]):
    """A dataset or batch."""

    id = serializers.CharField()
    name = serializers.CharField(allow_blank=True)
    rows = serializers.IntegerField()


class GroupsSerializer(serializers.Serializer[Any]):
    """Datasets or batches, the largest first."""

    results = GroupSerializer(many=True)
    at_most = serializers.IntegerField(help_text="so many are listed")


class _ByName(Pages):
    orderings = ("name", "-created_at")


class SlicesView(RestView):
    """The slices of a project."""

    pagination_class = _ByName

    @extend_schema(operation_id="slices_list", responses=SliceSerializer(many=True))
    def get(self, request: Request, project_id: str) -> Response:
        """By name."""
        slices = Slice.objects.filter(project=get_project(request, project_id)).select_related("project")
        return self.paged(request, slices, lambda found: [slice_json(each) for each in found])

    @extend_schema(
        operation_id="slices_create",
        request=SliceBodySerializer,
        responses={201: SliceSerializer},
        parameters=[Header("Location", str, "the slice's own address", on=[201])],
    )
    def post(self, request: Request, project_id: str) -> Response:
        """Keep a selection under a name. No data row is touched."""
        project = get_project(request, project_id)
        data = {"filter": None, **SliceBodySerializer.read(request.data).validated_data}
        made = slice_actions.save_slice(project=project, actor=actor_of(request, "rest"), **data)
        answer = Response(slice_json(made), status=201)
        answer["Location"] = request.build_absolute_uri(reverse("api:slice", args=[made.public_id]))
        return answer


class SliceView(RestView):
    """One slice."""

    @extend_schema(operation_id="slices_get", responses=SliceSerializer)
    def get(self, request: Request, slice_id: str) -> Response:
        """A slice as it is."""
        return Response(slice_json(get_slice(request, slice_id)))

    @extend_schema(operation_id="slices_replace", request=SliceBodySerializer, responses=SliceSerializer)
    def put(self, request: Request, slice_id: str) -> Response:
        """Put another selection in its place; what was exported with the old one keeps that."""
        found = get_slice(request, slice_id)
        data = {"filter": None, **SliceBodySerializer.read(request.data).validated_data}
        return Response(slice_json(slice_actions.change_slice(slice=found, actor=actor_of(request, "rest"), **data)))

    @extend_schema(operation_id="slices_delete", responses={204: None})
    def delete(self, request: Request, slice_id: str) -> Response:
        """Forget it; exports of it stay."""
        slice_actions.delete_slice(slice=get_slice(request, slice_id), actor=actor_of(request, "rest"))
        return Response(status=204)


class DatasetsView(RestView):
    """The datasets of a project."""

    @extend_schema(operation_id="datasets_list", responses=GroupsSerializer)
    def get(self, request: Request, project_id: str) -> Response:
        """With their rows in this project, the largest first."""
        return _groups(overview(get_project(request, project_id).public_id).datasets)


class BatchesView(RestView):
    """The batches of a project."""

    @extend_schema(operation_id="batches_list", responses=GroupsSerializer)
    def get(self, request: Request, project_id: str) -> Response:
        """With their rows, the largest first."""
        return _groups(overview(get_project(request, project_id).public_id).batches)


def _groups(groups: Any) -> Response:
    listed = [{"id": key, "name": group.name, "rows": group.rows} for key, group in groups.items()]
    return Response({"results": listed, "at_most": MOST_GROUPS})
