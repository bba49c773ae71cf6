"""The trail in REST: read it, export it, check its chain; and refused requests, on their way into it."""

from __future__ import annotations

from typing import Any

from django.core.validators import RegexValidator
from django.db.models import QuerySet
from django.http import HttpResponseBase, StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from exportadmin.audit import actions, noise, queries
from exportadmin.audit.events import EVENTS
from exportadmin.audit.middleware import actor_of
from exportadmin.audit.models import OUTCOMES, AuditEntry
from exportadmin.audit.scope import may_read, scope_of
from exportadmin.audit.sentences import sentence
from exportadmin.audit.verify import parse_head
from exportadmin.lib.heavy import heavy
from exportadmin.lib.rest import Choice, Moment, Pages, Query, RestView, StrictSerializer, Text
from exportadmin.lib.times import from_datetime, iso_utc


def _text(help_text: str | None = None) -> Text:
    return Text(max_length=300, required=False, help_text=help_text)


class AuditQuery(Query):
    """Which entries: the filters of :mod:`exportadmin.audit.queries`."""

    after = Moment(required=False, help_text="at this time or later")
    before = Moment(required=False, help_text="at this time or earlier")
    actor = _text("a frozen name")
    actor_kind = _text("user, token or system")
    outcome = Choice(OUTCOMES, required=False)
    object = _text("a public id or a frozen name")
    object_kind = _text()
    project = _text("a public id or a frozen name")
    channel = _text("web, rest, shell, link, worker")
    request_id = _text("the X-Request-ID of an answer")
    address = _text()

    def get_fields(self) -> dict[str, Any]:
        """Made late, as the events are."""
        known = sorted({part for key in EVENTS for part in (key, key.partition(".")[0])})
        event = Choice(known, required=False, help_text="a key, or the front of some")
        return {**super().get_fields(), "event": event}


class AuditExportQuery(AuditQuery):
    """Which entries, and how."""

    def get_fields(self) -> dict[str, Any]:
        """``as`` is a word of Python's."""
        file_format = Choice(["ndjson", "csv"], required=False, help_text="ndjson by default")
        return {"as": file_format, **super().get_fields()}


def readable(request: Request, params: dict[str, Any]) -> QuerySet[AuditEntry]:
    """The entries that match what is asked and may be read. Raises :class:`DeniedError`."""
    scope = scope_of(request)
    wanted = {name: params[name] for name in queries.FILTERS if name in params}
    for name in ("after", "before"):
        if name in wanted:
            wanted[name] = from_datetime(wanted[name])
    return scope.within(queries.search(**wanted))


class AuditActorSerializer(serializers.Serializer[Any]):
    """Who did it, as it was then."""

    kind = serializers.CharField()
    name = serializers.CharField()
    user_id = serializers.IntegerField(allow_null=True)


class AuditEntrySerializer(serializers.Serializer[Any]):
    """One entry."""

    sequence = serializers.IntegerField()
    at = serializers.DateTimeField()
    event = serializers.CharField()
    sentence = serializers.CharField()
    outcome = serializers.ChoiceField(choices=list(OUTCOMES))
    reason = serializers.CharField(allow_blank=True)
    actor = AuditActorSerializer()
    channel = serializers.CharField()
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
        "channel": entry.channel,
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
    orderings = ("-sequence",)


class AuditView(RestView):
    """The trail."""

    pagination_class = _NewestFirst
    takes = {"get": AuditQuery}
    problems = {"get": (403,)}

    @extend_schema(operation_id="audit_list", responses=AuditEntrySerializer(many=True))
    def get(self, request: Request) -> Response:
        """Entries of the projects whose trail one may read, newest first. Superusers read everything."""
        noise.sum_up(now=True)
        entries = readable(request, self.params)
        answer = self.paged(request, entries, lambda page: [entry_json(entry) for entry in page])
        asked = {name: self.params[name] for name in queries.FILTERS if name in self.params}
        actions.record_reading("entries", asked, actor_of(request, "rest"))
        return answer


class AuditExportView(RestView):
    """The trail as a file."""

    takes = {"get": AuditExportQuery}
    problems = {"get": (403,)}

    @extend_schema(
        operation_id="audit_export",
        responses={(200, "application/x-ndjson"): OpenApiTypes.BINARY, (200, "text/csv"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request) -> HttpResponseBase:
        """Entries as ndjson, each with what its hash was made of, or as CSV that is safe in a spreadsheet."""
        form = self.params.get("as", "ndjson")
        entries = readable(request, self.params)
        params = {name: value for name, value in self.params.items() if name != "as"}
        chunks, media_type = actions.export_entries(entries, form=form, params=params, actor=actor_of(request, "rest"))
        answer = StreamingHttpResponse(chunks, content_type=media_type)
        answer["Content-Disposition"] = f'attachment; filename="audit.{form}"'
        answer["Cache-Control"] = "private, no-store"
        return answer


class AuditVerdictSerializer(serializers.Serializer[Any]):
    """The state of the chain."""

    ok = serializers.BooleanField()
    entries = serializers.IntegerField()
    summary = serializers.CharField()


class VerifyChainSerializer(StrictSerializer):
    """What the trail must still contain."""

    head = Text(
        required=False,
        max_length=100,
        validators=[RegexValidator(r"^[0-9]{1,18}:[0-9a-f]{64}$", "expected SEQUENCE:HASH, the hash in 64 hex digits")],
        help_text="SEQUENCE:HASH, a head that was kept elsewhere, for example in a manifest",
    )


class AuditVerifyView(RestView):
    """The chain."""

    problems = {"post": (403, 409)}

    @heavy
    @extend_schema(operation_id="audit_verify", request=VerifyChainSerializer, responses=AuditVerdictSerializer)
    def post(self, request: Request) -> Response:
        """Walk the whole chain and say whether it is what was written: for whoever may read some of the trail.

        It is compared with the checkpoints and manifests at the machine that answers. A trail of more than 200,000
        entries only superusers may have walked.
        """
        scope = may_read(request)
        body = VerifyChainSerializer.read(request.data).validated_data
        kept = parse_head(body["head"]) if "head" in body else None
        most = None if scope.everything else actions.MOST_WHILE_WAITING
        verdict = actions.verify_chain(scope=scope, actor=actor_of(request, "rest"), most=most, kept_head=kept).verdict
        return Response({"ok": verdict.unbroken, "entries": verdict.entries, "summary": verdict.summary})
