"""The trail in REST: read it, export it, check its chain. Nothing here writes."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.http import HttpResponseBase, StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from exportadmin.audit import output, queries
from exportadmin.audit.middleware import actor_of
from exportadmin.audit.models import AuditEntry
from exportadmin.audit.record import record
from exportadmin.audit.sentences import sentence
from exportadmin.audit.verify import verify
from exportadmin.lib.errors import DeniedError, UserError
from exportadmin.lib.rest import Pages, StrictQuery, query
from exportadmin.lib.times import iso_utc

PAGING = ("cursor", "page_size")


def may_read(request: Request) -> tuple[bool, list[str]]:
    """``(everything?, project ids)`` that the one who asks may read; a function, because the rule is the project's."""
    from django.utils.module_loading import import_string  # imports go down only: the rule stands above this room

    answer: tuple[bool, list[str]] = import_string("connections.audit_scope.audit_scope")(request)
    return answer


def readable(request: Request) -> Any:
    """The entries that match the query string and may be read. Raises :class:`DeniedError`."""
    everything, projects = may_read(request)
    if not everything and not projects:
        raise DeniedError("reading the trail takes the role admin or reviewer, or the scope audit:read")
    params = {key: value for key, value in query(request).items() if key not in (*PAGING, "as", "format")}
    entries = queries.search_params(params)
    return entries if everything else entries.filter(project_id__in=projects)


class AuditEntrySerializer(serializers.Serializer[Any]):
    """One entry."""

    sequence = serializers.IntegerField()
    at = serializers.DateTimeField()
    event = serializers.CharField()
    sentence = serializers.CharField()
    outcome = serializers.CharField()
    reason = serializers.CharField(allow_blank=True)
    actor = serializers.DictField()
    door = serializers.CharField()
    request_id = serializers.CharField(allow_blank=True)
    address = serializers.CharField(allow_blank=True)
    project = serializers.DictField(child=serializers.CharField(allow_blank=True))
    object = serializers.DictField(child=serializers.CharField(allow_blank=True))
    before = serializers.JSONField(allow_null=True)
    after = serializers.JSONField(allow_null=True)
    details = serializers.JSONField(allow_null=True)
    previous_hash = serializers.CharField()
    hash = serializers.CharField()


def entry_json(entry: AuditEntry) -> dict[str, Any]:
    """An entry as REST prints it."""
    return {
        "sequence": entry.sequence,
        "at": iso_utc(entry.at_ms),
        "event": entry.event,
        "sentence": sentence(entry),
        "outcome": entry.outcome,
        "reason": entry.reason,
        "actor": {"kind": entry.actor_kind, "name": entry.actor_name, "user_id": entry.actor_user_id},
        "door": entry.door,
        "request_id": entry.request_id,
        "address": entry.address,
        "project": {"id": entry.project_id, "name": entry.project_name},
        "object": {"kind": entry.object_kind, "id": entry.object_id, "name": entry.object_name},
        "before": entry.before,
        "after": entry.after,
        "details": entry.details,
        "previous_hash": entry.previous_hash,
        "hash": entry.hash,
    }


class _NewestFirst(Pages):
    ordering = ("-sequence",)


_FILTERS = [OpenApiParameter(name, str) for name in queries.FILTERS]


class AuditView(StrictQuery):
    """The trail."""

    query_params = {"get": (*PAGING, *queries.FILTERS)}

    @extend_schema(
        operation_id="audit_list",
        responses=AuditEntrySerializer(many=True),
        parameters=[*_FILTERS, OpenApiParameter("cursor", str), OpenApiParameter("page_size", int)],
    )
    def get(self, request: Request) -> Response:
        """Newest first, of the projects whose trail one may read."""
        pages = _NewestFirst()
        page: list[AuditEntry] | None = pages.paginate_queryset(readable(request), request, view=self)
        return pages.get_paginated_response([entry_json(entry) for entry in page or []])


class AuditExportView(StrictQuery):
    """The trail as a file."""

    query_params = {"get": ("as", *queries.FILTERS)}

    @extend_schema(
        operation_id="audit_export",
        parameters=[OpenApiParameter("as", str, enum=["ndjson", "csv"]), *_FILTERS],
        responses={(200, "application/x-ndjson"): OpenApiTypes.BINARY, (200, "text/csv"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request) -> HttpResponseBase:
        """ndjson, or CSV that is safe in a spreadsheet."""
        form = request.query_params.get("as", "ndjson")
        if form not in ("ndjson", "csv"):
            raise UserError(f"as is {form[:20]!r}; known: ndjson, csv", field="as")
        entries = readable(request)
        with transaction.atomic():
            record("audit.exported", actor=actor_of(request, "rest"), details={"as": form})
        chunks = output.csv_lines(entries) if form == "csv" else output.ndjson(entries)
        answer = StreamingHttpResponse(chunks, content_type="text/csv" if form == "csv" else "application/x-ndjson")
        answer["Content-Disposition"] = f'attachment; filename="audit.{form}"'
        return answer


class AuditVerdictSerializer(serializers.Serializer[Any]):
    """The state of the chain."""

    ok = serializers.BooleanField()
    entries = serializers.IntegerField()
    words = serializers.CharField()


class AuditVerifyView(StrictQuery):
    """The chain."""

    @extend_schema(operation_id="audit_verify", request=None, responses=AuditVerdictSerializer)
    def post(self, request: Request) -> Response:
        """Walks all of it; for those who may read everything."""
        everything, _ = may_read(request)
        if not everything:
            raise DeniedError("the whole chain can be verified by superusers only")
        verdict = verify()
        with transaction.atomic():
            record(
                "audit.verified",
                actor=actor_of(request, "rest"),
                outcome="done" if verdict.unbroken else "failed",
                reason="" if verdict.unbroken else verdict.words,
            )
        return Response({"ok": verdict.unbroken, "entries": verdict.entries, "words": verdict.words})
