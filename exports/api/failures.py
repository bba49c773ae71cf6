"""Exports that failed for one reason, together, in REST."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from connections.access.lookup import token_of
from connections.access.permissions import START, VIEW, projects_for
from exportadmin.audit.middleware import actor_of
from exportadmin.lib.refusals import request_refused
from exportadmin.lib.rest import RestView, StrictSerializer
from exports.display.representation import failures_json, retried_json
from exports.failures import failures, retry_group


class FailureGroupSerializer(serializers.Serializer[Any]):
    """The latest failure first."""

    key = serializers.CharField(help_text="of the reason")
    reason = serializers.CharField(help_text="… stands for what differs from one to the next; empty: none was kept")
    reports = serializers.ListField(child=serializers.CharField(), help_text="ids of those that failed for it")
    retryable = serializers.ListField(child=serializers.CharField(), help_text="of them, what you may retry")
    digest = serializers.CharField(help_text="of what you may retry: to send back with a retry")
    last_at = serializers.DateTimeField(help_text="when the latest of them was requested")


class FailuresSerializer(serializers.Serializer[Any]):
    """As :func:`exports.display.representation.failures_json` prints it."""

    groups = FailureGroupSerializer(many=True)
    is_cut = serializers.BooleanField(help_text="more failed in these days than was looked at")


class RetryFailuresSerializer(StrictSerializer):
    """It is asked for so that nothing is retried that nobody meant."""

    digest = serializers.CharField(
        max_length=64, allow_blank=True, help_text="of what is retryable, as you were told; another is a conflict"
    )


class RetriedSerializer(serializers.Serializer[Any]):
    """What came of one."""

    report_id = serializers.CharField(help_text="that failed")
    retried_as = serializers.CharField(allow_null=True, help_text="the new report")
    refusal = serializers.CharField(help_text="why there is none; empty: there is")


class FailuresView(RestView):
    """What failed in the last 14 days and was not retried."""

    @extend_schema(operation_id="failures_list", responses=FailuresSerializer)
    def get(self, request: Request) -> Response:
        """By reason, that of the latest failure first."""
        return Response(failures_json(failures(*_projects(request))))


class RetryFailuresView(RestView):
    """All that failed for one reason, once more."""

    problems = {"post": (409,)}

    @extend_schema(
        operation_id="failures_retry", request=RetryFailuresSerializer, responses={202: RetriedSerializer(many=True)}
    )
    def post(self, request: Request, key: str) -> Response:
        """Each is requested again as a new report; one that is refused leaves the others be. Where a quota is used up
        on the way, the others of that project are not tried; 429: it left room for none."""
        digest = RetryFailuresSerializer.read(request.data).validated_data["digest"]
        seen, startable = _projects(request)
        came = retry_group(key=key, digest=digest, actor=actor_of(request, "rest"), seen=seen, startable=startable)
        if came.too_many is not None:
            request_refused.send(sender=None, request=request, error=came.too_many, status=429, channel="rest")
        return Response([retried_json(one) for one in came.done], status=202)


def _projects(request: Request) -> tuple[Any, Any]:
    token = token_of(request)
    return projects_for(request.user, VIEW, token), projects_for(request.user, START, token)
