"""Rows of a project deleted by REST."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from connections.access.api.lookup import get_project
from exportadmin.audit.middleware import actor_of
from exportadmin.lib.rest import DescribedField, Flag, RestView, StrictSerializer, Text
from exports import actions
from exports.api.spec import filter_schema
from exports.display.representation import deleted_rows_json
from exports.spec.conditions import CONDITIONS
from exports.spec.selected_rows import NAMED


def _named_schema(key: str) -> dict[str, Any]:
    return {**CONDITIONS[NAMED[key]].json_schema(), "description": CONDITIONS[NAMED[key]].sentence}


class DeleteRowsSerializer(StrictSerializer):
    """Exactly one of ids, global_keys and filter."""

    ids = DescribedField(lambda: _named_schema("ids"))
    global_keys = DescribedField(lambda: _named_schema("global_keys"))
    filter = DescribedField(filter_schema)
    reason = Text(
        required=False,
        allow_blank=True,
        max_length=actions.MAX_REASON,
        help_text="why; needed unless it is a dry run",
    )
    dry_run = Flag(required=False, default=False, help_text="only find and count them")


class DeletedRowsSerializer(serializers.Serializer[Any]):
    """What became of them, as :func:`exports.display.representation.deleted_rows_json` prints it."""

    selected = serializers.IntegerField()
    annotations = serializers.IntegerField(help_text="of the selected rows")
    by_status = serializers.DictField(child=serializers.IntegerField(), help_text="selected rows by review status")
    missing = serializers.ListField(child=serializers.CharField(), help_text="ids or keys that no row has")
    deleted = serializers.IntegerField()
    kept = serializers.IntegerField(help_text="written since they were found, so not deleted")
    revision = serializers.IntegerField(allow_null=True, help_text="of the project after it")
    dry_run = serializers.BooleanField()


class DeleteRowsView(RestView):
    """Rows that are to go."""

    @extend_schema(operation_id="rows_delete", request=DeleteRowsSerializer, responses=DeletedRowsSerializer)
    def post(self, request: Request, project_id: str) -> Response:
        """Delete the rows with these ids or global keys, or those that satisfy a filter, for good."""
        project = get_project(request, project_id)
        body = DeleteRowsSerializer.read(request.data).validated_data
        done = actions.delete_rows(
            project=project,
            body={key: body[key] for key in (*NAMED, "filter") if key in body},
            reason=body.get("reason", ""),
            actor=actor_of(request, "rest"),
            dry_run=body["dry_run"],
        )
        return Response(deleted_rows_json(done, dry_run=body["dry_run"]))
