"""Shapes of projects, members and tokens in REST."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from connections.access import time_zones
from connections.access.models import ApiToken, Membership
from connections.access.roles import ROLES, SCOPES
from connections.access.tokens import LONGEST_DAYS
from connections.actions import MAX_DESCRIPTION, MAX_NAME
from connections.models import Project
from exportadmin.lib.rest import Choice, Query, StrictSerializer, Text, Whole


class ProjectSerializer(serializers.ModelSerializer[Project]):
    """A project."""

    id = serializers.CharField(source="public_id", read_only=True)
    connection = serializers.CharField(source="connection.name", read_only=True)

    class Meta:
        model = Project
        fields = ["id", "name", "description", "time_zone", "connection", "external_id", "created_at"]
        read_only_fields = fields


class CreateProjectSerializer(StrictSerializer):
    """A project to make."""

    name = Text(max_length=MAX_NAME)
    description = Text(required=False, allow_blank=True, max_length=MAX_DESCRIPTION)
    time_zone = Text(required=False, max_length=time_zones.LONGEST, help_text="an IANA name; UTC by default")


class ChangeProjectSerializer(CreateProjectSerializer):
    """What to change; the rest stays."""

    name = Text(required=False, max_length=MAX_NAME)


class ProjectQuery(Query):
    """Of one project only."""

    project = Text(max_length=200, required=False, help_text="id or name")


class DeleteProjectQuery(Query):
    """The name once more, so that no project is deleted by a slip."""

    confirm = Text(max_length=MAX_NAME, help_text="the project's name")


class DeletedProjectSerializer(serializers.Serializer[Any]):
    """What goes with a deleted project. Rows and files are taken away by a worker within minutes."""

    id = serializers.CharField()
    name = serializers.CharField()
    counts = serializers.DictField(child=serializers.IntegerField())
    left_behind = serializers.ListField(
        child=serializers.CharField(), help_text="addresses of deliveries that are not ours to remove"
    )


class MemberSerializer(serializers.ModelSerializer[Membership]):
    """A person's role."""

    user = serializers.CharField(source="user.username", read_only=True)

    class Meta:
        model = Membership
        fields = ["user", "role", "created_at"]
        read_only_fields = fields


class OwnPassword(Text):
    """The password of whoever is signed in, for what asks for it."""

    def __init__(self, **kwargs: Any) -> None:
        help_text = "Your own, where it was last given more than 15 minutes ago. A token has none."
        defaults = {"required": False, "write_only": True, "max_length": 4096, "trim_whitespace": False}
        super().__init__(**{**defaults, "help_text": help_text, **kwargs})


class RoleSerializer(StrictSerializer):
    """The role to give."""

    role = Choice(sorted(ROLES))


class TokenSerializer(serializers.ModelSerializer[ApiToken]):
    """A token, without its key: that exists only in the answer that made it."""

    token_id = serializers.CharField(source="public_id", read_only=True)
    user = serializers.CharField(source="user.username", read_only=True)
    project = serializers.CharField(source="project.public_id", read_only=True, allow_null=True, default=None)
    scopes = serializers.ListField(child=serializers.ChoiceField(choices=sorted(SCOPES)), read_only=True)

    class Meta:
        model = ApiToken
        fields = [
            "token_id",
            "name",
            "prefix",
            "user",
            "project",
            "scopes",
            "created_at",
            "expires_at",
            "revoked_at",
            "last_used_at",
        ]
        read_only_fields = fields


class IssuedTokenSerializer(TokenSerializer):
    """A token at its making, with its `key`."""

    key = serializers.CharField(read_only=True)

    class Meta(TokenSerializer.Meta):
        fields: Any = [*TokenSerializer.Meta.fields, "key"]
        read_only_fields = fields


class IssueTokenSerializer(StrictSerializer):
    """What to issue. Without `project` it works in all of the user's projects, without `expires_in_days` it stays."""

    name = Text(max_length=120)
    scopes = serializers.ListField(child=Choice(sorted(SCOPES)), min_length=1, max_length=10)
    project = Text(required=False, allow_null=True, max_length=200)
    expires_in_days = Whole(required=False, allow_null=True, min_value=1, max_value=LONGEST_DAYS)
    password = OwnPassword()
