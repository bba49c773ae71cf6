"""What runs left at the places that files are delivered to, in REST."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from connections.access.lookup import manages_connections
from exportadmin.lib.errors import DeniedError
from exportadmin.lib.rest import RestView
from exports.display.representation import sweep_json
from exports.models.sweep import LEFTOVERS
from exports.run.retention import sweeps


class LeftoverSerializer(serializers.Serializer[Any]):
    """Something that lies there still."""

    kind = serializers.ChoiceField(
        choices=[*LEFTOVERS], help_text="; ".join(f"`{k}`: {v[1]}" for k, v in LEFTOVERS.items())
    )
    report_id = serializers.CharField()
    address = serializers.CharField()
    changed_at = serializers.DateTimeField()
    error = serializers.CharField(allow_blank=True, help_text="why it could not be taken away")


class SweepSerializer(serializers.Serializer[Any]):
    """One place, as it was when it was last looked at."""

    connection_id = serializers.CharField(allow_null=True, help_text="null: this installation")
    name = serializers.CharField()
    looked_at = serializers.DateTimeField()
    error = serializers.CharField(allow_blank=True, help_text="why it could not be looked at; the rest is older then")
    found = LeftoverSerializer(many=True)
    found_total = serializers.IntegerField(help_text="of which `found` are the first")
    removed = serializers.IntegerField(help_text="so many were taken away then")


class SweepsSerializer(serializers.Serializer[Any]):
    """All places."""

    places = SweepSerializer(many=True)


class LeftoversView(RestView):
    """Drafts, uploads and files that nobody needs."""

    problems = {"get": (403,)}

    @extend_schema(operation_id="leftovers_list", responses=SweepsSerializer)
    def get(self, request: Request) -> Response:
        """What the worker found when it last looked, every hour; for superusers."""
        if not manages_connections(request):
            raise DeniedError("leftovers are for superusers; a token needs the scope admin and no project")
        return Response({"places": [sweep_json(sweep) for sweep in sweeps()]})
