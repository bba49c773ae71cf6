"""Shapes of connections in REST, with what each kind declares. Fields are made late: registries may grow."""

from __future__ import annotations

from typing import Any, Final

from rest_framework import serializers

from connections.adapters import FAILED, PASSED, SKIPPED, TEST_STATES
from connections.connection_actions import MAX_CONNECTION_NAME
from connections.declared import MAX_VALUE
from connections.kinds import connection_kinds
from exportadmin.lib.rest import Choice, DescribedField, StrictSerializer, Text

STEP_STATES: Final = (PASSED, FAILED, SKIPPED)


def kind_keys() -> list[str]:
    """What ``kind`` may be."""
    return sorted(connection_kinds())


def _config_schema() -> dict[str, Any]:
    """The settings of all kinds together; which belong to which their descriptions say."""
    properties: dict[str, Any] = {}
    for key, kind in sorted(connection_kinds().items()):
        for field in kind.connection_fields:
            kept = properties.setdefault(field.name, {"nullable": True, "description": ""})
            kept["type"] = "boolean" if field.is_flag else "string"
            if not field.is_flag:
                kept["maxLength"] = MAX_VALUE
            about = f"{key}: {field.help}{' (required)' if field.is_required else ''}"
            choices = f"; one of {', '.join(value or 'none' for value, _ in field.choices)}" if field.choices else ""
            kept["description"] = f"{kept['description']} {about}{choices}".strip()
    about = "by the fields of the kind; empty or null: the default"
    return {"type": "object", "additionalProperties": False, "properties": properties, "description": about}


def _secrets_schema() -> dict[str, Any]:
    properties: dict[str, Any] = {}
    for key, kind in sorted(connection_kinds().items()):
        for field in kind.connection_secrets:
            kept = properties.setdefault(
                field.name, {"type": "string", "nullable": True, "writeOnly": True, "description": ""}
            )
            kept["description"] = f"{kept['description']} {key}: {field.help}".strip()
    about = "never answered; `env:NAME` and `file:/path` are references; empty or null: none"
    return {"type": "object", "additionalProperties": False, "properties": properties, "description": about}


class ChangeConnectionSerializer(StrictSerializer):
    """What to change; the rest stays, each setting and secret too."""

    name = Text(max_length=MAX_CONNECTION_NAME, required=False)
    config = DescribedField(_config_schema)
    secrets = DescribedField(_secrets_schema)


class CreateConnectionSerializer(StrictSerializer):
    """A connection to make."""

    name = Text(max_length=MAX_CONNECTION_NAME)
    config = DescribedField(_config_schema)
    secrets = DescribedField(_secrets_schema)

    def get_fields(self) -> dict[str, Any]:
        """The kind first."""
        return {"kind": Choice(kind_keys()), **super().get_fields()}


class RotateSecretsSerializer(StrictSerializer):
    """Other secrets in the place of these; the others stay."""

    secrets = DescribedField(_secrets_schema)


class GrantSerializer(StrictSerializer):
    """The project that may use it."""

    project = Text(max_length=200, help_text="id or name")


class SecretStateSerializer(serializers.Serializer[Any]):
    """What may be known of a secret."""

    is_set = serializers.BooleanField()
    set_at = serializers.DateTimeField(allow_null=True)
    set_by = serializers.CharField(allow_blank=True)
    reference = serializers.CharField(
        allow_blank=True, help_text="`env:NAME` or `file:/path`, for superusers; empty: it is stored, encrypted"
    )


class StepSerializer(serializers.Serializer[Any]):
    """One step of a test."""

    key = serializers.CharField()
    title = serializers.CharField()
    state = serializers.ChoiceField(choices=STEP_STATES)
    message = serializers.CharField(allow_blank=True, help_text="what was found out")
    advice = serializers.CharField(allow_blank=True, help_text="what to do about a failure")


class ConnectionTestSerializer(serializers.Serializer[Any]):
    """A test, as far as it came."""

    tested_at = serializers.DateTimeField()
    state = serializers.ChoiceField(choices=TEST_STATES)
    tested_by = serializers.CharField()
    steps = StepSerializer(many=True)


class ConnectionSerializer(serializers.Serializer[Any]):
    """A connection, as :func:`connections.representation.connection_json` answers it."""

    id = serializers.CharField()
    kind = serializers.CharField()
    name = serializers.CharField()
    config = serializers.DictField(help_text="texts and booleans, by the fields of the kind")
    secrets = serializers.DictField(child=SecretStateSerializer())
    created_at = serializers.DateTimeField()
    created_by = serializers.CharField(allow_blank=True)
    disabled_at = serializers.DateTimeField(allow_null=True, help_text="since then nothing new is begun through it")
    test = ConnectionTestSerializer(allow_null=True, help_text="the last one, of it as it is now")


class GrantedProjectSerializer(serializers.Serializer[Any]):
    """A project."""

    id = serializers.CharField()
    name = serializers.CharField()


class GrantedSerializer(serializers.Serializer[Any]):
    """A project that may use the connection, since when and by whose word."""

    project = GrantedProjectSerializer()
    granted_at = serializers.DateTimeField()
    granted_by = serializers.CharField()


class UserOfConnectionSerializer(serializers.Serializer[Any]):
    """One thing that uses it."""

    id = serializers.CharField()
    name = serializers.CharField()
    project = serializers.CharField(help_text="its name")


class UseSerializer(serializers.Serializer[Any]):
    """Things of a sort that use it, and the first of them. While there are any, it is not deleted."""

    what = serializers.CharField()
    count = serializers.IntegerField()
    first = UserOfConnectionSerializer(many=True)
