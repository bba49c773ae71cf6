"""What can be asked for in a body: the description of an export, with its vocabulary for the OpenAPI document.

The rules themselves are :mod:`exports.spec.spec` and :mod:`exports.spec.filters`; here is their outer form.
"""

from __future__ import annotations

from typing import Any

from django.core.validators import RegexValidator
from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from connections.rows.batch import PARTS
from connections.rows.review_statuses import REVIEW_STATUSES, WORKFLOW_GROUPS
from connections.sinks import SINKS
from exportadmin.lib.rest import Choice, Flag, StrictSerializer, Text, Whole
from exportadmin.lib.times import MAX_MS, MIN_MS
from exports.formats import FORMATS
from exports.links.tokens import LONGEST, SHORTEST
from exports.spec.filters import MAX_IDS, MAX_REVISION, ORDER

# the forms of exportadmin.lib.times that JSON Schema has a word for
_MOMENT: dict[str, Any] = {
    "oneOf": [
        {"type": "string", "format": "date-time"},
        {"type": "string", "format": "date"},
        {"type": "integer", "minimum": MIN_MS, "maximum": MAX_MS},
    ]
}
_TEXTS: dict[str, Any] = {
    "type": "array",
    "items": {"type": "string", "minLength": 1},
    "minItems": 1,
    "maxItems": MAX_IDS,
}
_WINDOW: dict[str, Any] = {
    "type": "array",
    "items": {**_MOMENT, "nullable": True},
    "minItems": 2,
    "maxItems": 2,
}
_CONDITIONS: dict[str, dict[str, Any]] = {
    "global_keys": _TEXTS,
    "data_row_ids": _TEXTS,
    "batch_ids": _TEXTS,
    "statuses": {**_TEXTS, "items": {"type": "string", "enum": list(REVIEW_STATUSES)}},
    "workflow_status": {**_TEXTS, "items": {"type": "string", "enum": list(WORKFLOW_GROUPS)}},
    "since_revision": {
        "oneOf": [{"type": "integer", "minimum": 0, "maximum": MAX_REVISION}, {"type": "string", "minLength": 1}]
    },
    "updated_after": dict(_MOMENT),
    "last_activity_at": _WINDOW,
    "with_annotations": {"type": "boolean"},
    "label_created_at": _WINDOW,
}
FILTER: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        name: {**_CONDITIONS[name], "nullable": True, "description": words} for name, words in ORDER.items()
    },
    "description": "All conditions must hold; null is not asked.",
}


def _options() -> dict[str, Any]:
    """The options of all formats together; which belong to which their descriptions say."""
    properties: dict[str, Any] = {}
    for key, writer in sorted(FORMATS.items()):
        for option in writer.options:
            kept = properties.setdefault(option.name, {"type": "string", "enum": [], "description": ""})
            kept["enum"] += [value for value in option.values if value not in kept["enum"]]
            kept["description"] = f"{kept['description']} {key}: {option.help}".strip()
    return {"type": "object", "additionalProperties": False, "properties": properties}


@extend_schema_field(FILTER)
class FilterField(serializers.DictField):
    """Read by :func:`exports.spec.filters.parse_filter`."""


@extend_schema_field(_options())
class OptionsField(serializers.DictField):
    """Read by the format."""


class DestinationField(serializers.DictField):
    """Where the files go, read by the sink; this machine by default."""


class _DestinationSchema(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """Made when the document is: the registry decides."""

    target_class = DestinationField

    def map_serializer_field(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        return _destination()


def _destination() -> dict[str, Any]:
    """The settings of all sinks together; which belong to which their descriptions say."""
    properties: dict[str, Any] = {"kind": {"type": "string", "enum": sorted(SINKS)}}
    for key, sink in sorted(SINKS.items()):
        if sink.needs_connection:
            properties["connection"] = {"type": "string", "description": "the name of a connection of this kind"}
        for field in sink.fields:
            kept = properties.setdefault(field.name, {"type": "string", "description": ""})
            kept["description"] = f"{kept['description']} {key}: {field.help}".strip()
    return {"type": "object", "additionalProperties": False, "properties": properties}


class Name(Text):
    """Not of blanks alone."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(validators=[RegexValidator(r"[^\s]", "a name is missing")], **kwargs)


class Described(StrictSerializer):
    """What is common to configs, plans and reports."""

    format = Choice(sorted(FORMATS))
    statuses = serializers.ListField(
        child=Choice(REVIEW_STATUSES), required=False, max_length=50, help_text="none: every row"
    )
    filter = FilterField(required=False)
    include = serializers.ListField(
        child=Choice(PARTS), required=False, max_length=20, help_text="parts of a row; all by default"
    )
    destination = DestinationField(required=False)
    options = OptionsField(required=False)

    def described(self) -> dict[str, Any]:
        """The part that :meth:`exports.spec.spec.ExportSpec.parse` reads."""
        keys = ("format", "statuses", "filter", "include", "destination", "options")
        return {key: self.validated_data[key] for key in keys if key in self.validated_data}


class PlanSerializer(Described):
    """What to plan."""

    project = Text(max_length=200, help_text="id or name")


class CreateReportSerializer(Described):
    """What to run: a description, or a saved config by its id."""

    project = Text(max_length=200, help_text="id or name")
    name = Text(max_length=200, required=False, allow_blank=True, help_text="made of project and format without one")
    description = Text(max_length=10_000, required=False, allow_blank=True)
    config_id = Text(max_length=64, required=False, help_text="then nothing of the description itself")
    format = Choice(sorted(FORMATS), required=False, help_text="required without a config_id")


class ConfigBodySerializer(Described):
    """What to save."""

    project = Text(max_length=200, help_text="id or name")
    name = Name(max_length=200)
    description = Text(max_length=10_000, required=False, allow_blank=True)


class IssueLinkSerializer(StrictSerializer):
    """What link to issue."""

    seconds = Whole(required=False, min_value=SHORTEST, max_value=LONGEST, default=3600)
    one_time = Flag(required=False, default=False)
    for_user = Text(required=False, allow_null=True, max_length=150, help_text="only this account may use it")
