"""The register in REST."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from exportadmin.audit import actions
from exportadmin.audit.middleware import actor_of
from exportadmin.audit.scope import scope_of
from exportadmin.lib.rest import Choice, Moment, Pages, Query, RestView, Text
from exportadmin.lib.times import from_datetime, iso_utc
from exports.register.files import as_json
from exports.register.lines import FILTERS, KINDS, lines, register_entries


class RegisterQuery(Query):
    """Which lines."""

    after = Moment(required=False, help_text="at this time or later")
    before = Moment(required=False, help_text="at this time or earlier")
    project = Text(max_length=300, required=False, help_text="its id or name")
    person = Text(max_length=300, required=False, help_text="a user name, or `without sign-in`")
    export = Text(max_length=300, required=False, help_text="a report's id")
    kind = Choice(
        list(KINDS), required=False, help_text="; ".join(f"`{key}`: {text}" for key, (_, text) in KINDS.items())
    )
    channel = Text(max_length=300, required=False, help_text="web, rest, link, worker, shell, dialect:…")


class RegisterLineSerializer(serializers.Serializer[Any]):
    """Something that was taken."""

    at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True, help_text="null: not known")
    who = serializers.CharField()
    kind = serializers.ChoiceField(choices=list(KINDS))
    export = serializers.CharField(allow_blank=True, help_text="its name")
    report_id = serializers.CharField(allow_blank=True)
    project = serializers.CharField(allow_blank=True, help_text="its name")
    project_id = serializers.CharField(allow_blank=True)
    file = serializers.CharField(allow_blank=True, help_text="of a delivery empty: all of its files")
    rows = serializers.IntegerField(allow_null=True, help_text="of the export; of a reading, those that were read")
    bytes = serializers.IntegerField(allow_null=True, help_text="that left; null: not known")
    channel = serializers.CharField()
    address = serializers.CharField(allow_blank=True, help_text="the network address that asked")
    for_whom = serializers.CharField(
        allow_blank=True, help_text="for whom a link was made, or where files were delivered"
    )
    filter = serializers.CharField(allow_blank=True, help_text="what the export asked for, in words")
    complete = serializers.CharField(help_text="in words: yes, no and why, a part, or not known")
    is_whole = serializers.BooleanField(help_text="did all of it arrive, as far as is known?")
    entry = serializers.IntegerField(help_text="the number of its entry in the trail")


class _NewestFirst(Pages):
    orderings = ("-sequence",)


class RegisterView(RestView):
    """What was taken."""

    pagination_class = _NewestFirst
    takes = {"get": RegisterQuery}
    problems = {"get": (403,)}

    @extend_schema(operation_id="register_list", responses=RegisterLineSerializer(many=True))
    def get(self, request: Request) -> Response:
        """Who took what, when, where to, under which filter and whether completely, newest first: of the projects whose
        trail one may read."""
        scope = scope_of(request)
        asked = {name: self.params[name] for name in FILTERS if name in self.params}
        wanted = asked | {name: iso_utc(from_datetime(asked[name])) for name in ("after", "before") if name in asked}
        entries = register_entries(wanted, scope)
        answer = self.paged(request, entries, lambda page: [as_json(line) for line in lines(page, scope)])
        actions.record_reading("register", asked, actor_of(request, "rest"))
        return answer
