"""How far a run is, in REST."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers


class ProgressSerializer(serializers.Serializer[Any]):
    """How far a run is."""

    phase = serializers.CharField(allow_blank=True)
    rows_done = serializers.IntegerField(
        allow_null=True, help_text="null: nobody knows, such as while a platform makes an export"
    )
    rows_expected = serializers.IntegerField(allow_null=True)
    bytes_done = serializers.IntegerField(allow_null=True)
    percent = serializers.IntegerField(allow_null=True)
    rows_per_second = serializers.FloatField(allow_null=True)
    seconds_left = serializers.IntegerField(allow_null=True)
