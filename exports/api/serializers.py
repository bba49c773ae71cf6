"""Shapes of configs, reports, artifacts and links in REST (issue 3: "Keys are the words of DESIGN.md §1")."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from exportadmin.lib.rest import StrictSerializer
from exports import statuses
from exports.models import Link


class _Described(StrictSerializer):
    """What is common to configs, plans and reports: the description of an export."""

    format = serializers.CharField(max_length=40)
    statuses = serializers.ListField(child=serializers.CharField(max_length=40), required=False, max_length=50)
    filter = serializers.DictField(required=False)
    include = serializers.ListField(child=serializers.CharField(max_length=40), required=False, max_length=20)
    destination = serializers.DictField(required=False)
    options = serializers.DictField(child=serializers.CharField(), required=False)

    def described(self) -> dict[str, Any]:
        """The part that :meth:`exports.asked.Asked.parse` reads."""
        keys = ("format", "statuses", "filter", "include", "destination", "options")
        return {key: self.validated_data[key] for key in keys if key in self.validated_data}


class PlanSerializer(_Described):
    """What to plan."""

    project = serializers.CharField(max_length=200)


class CreateReportSerializer(_Described):
    """What to run: a description, or a saved config by its id."""

    project = serializers.CharField(max_length=200)
    name = serializers.CharField(max_length=200, required=False, allow_blank=True)
    description = serializers.CharField(max_length=10_000, required=False, allow_blank=True)
    config_id = serializers.CharField(max_length=64, required=False)
    format = serializers.CharField(max_length=40, required=False)


class ConfigBodySerializer(_Described):
    """What to save."""

    project = serializers.CharField(max_length=200)
    name = serializers.CharField(max_length=200)
    description = serializers.CharField(max_length=10_000, required=False, allow_blank=True)


class ConfigSerializer(serializers.Serializer[Any]):
    """A saved config."""

    config_id = serializers.CharField(source="public_id")
    project = serializers.SerializerMethodField()
    name = serializers.CharField()
    description = serializers.CharField()
    config = serializers.DictField(source="body")
    created_at = serializers.DateTimeField()

    def get_project(self, config: Any) -> dict[str, str]:
        """Id and name."""
        return {"id": config.project.public_id, "name": config.project.name}


class ProgressSerializer(serializers.Serializer[Any]):
    """How far a run is."""

    phase = serializers.CharField(allow_blank=True)
    rows_done = serializers.IntegerField()
    rows_expected = serializers.IntegerField(allow_null=True)
    bytes_done = serializers.IntegerField()
    percent = serializers.FloatField(allow_null=True)
    rows_per_second = serializers.FloatField(allow_null=True)
    seconds_left = serializers.FloatField(allow_null=True)


class ArtifactSerializer(serializers.Serializer[Any]):
    """A delivered file."""

    artifact_id = serializers.CharField()
    name = serializers.CharField()
    media_type = serializers.CharField()
    bytes = serializers.IntegerField()
    sha256 = serializers.CharField()


class ReportSerializer(serializers.Serializer[Any]):
    """A report, as :func:`exports.representation.report_json` prints it."""

    report_id = serializers.CharField()
    name = serializers.CharField()
    description = serializers.CharField(allow_blank=True)
    project = serializers.DictField(child=serializers.CharField())
    status = serializers.ChoiceField(choices=statuses.choices())
    group = serializers.ChoiceField(choices=["completed", "in_progress"])
    error = serializers.CharField(allow_blank=True)
    format = serializers.CharField()
    progress = ProgressSerializer()
    config = serializers.DictField()
    check_values = serializers.DictField(allow_null=True)
    artifacts = ArtifactSerializer(many=True)
    location = serializers.CharField(allow_blank=True)
    files_removed_at = serializers.DateTimeField(allow_null=True)
    retry_of = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()
    created_by = serializers.CharField(allow_blank=True)
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)


class GroupedSerializer(serializers.Serializer[Any]):
    """The latest reports in two groups."""

    completed = ReportSerializer(many=True)
    in_progress = ReportSerializer(many=True)


class StatusSerializer(serializers.Serializer[Any]):
    """Many reports at once, in short."""

    report_id = serializers.CharField()
    status = serializers.ChoiceField(choices=[*statuses.choices(), ("unknown", "unknown")])
    progress = ProgressSerializer(allow_null=True)
    error = serializers.CharField(allow_blank=True)


class VerdictSerializer(serializers.Serializer[Any]):
    """What verify found."""

    report_id = serializers.CharField()
    ok = serializers.BooleanField()
    files = serializers.IntegerField()
    bytes = serializers.IntegerField()
    problems = serializers.ListField(child=serializers.CharField())


class PlanAnswerSerializer(serializers.Serializer[Any]):
    """A plan, as :func:`exports.plan.plan` makes it."""

    project = serializers.DictField(child=serializers.CharField())
    format = serializers.CharField()
    resolved = serializers.DictField()
    rows_read = serializers.IntegerField()
    rows_kept = serializers.IntegerField()
    rows_dropped = serializers.DictField(child=serializers.IntegerField())
    rows_by_status = serializers.DictField(child=serializers.IntegerField())
    annotations = serializers.IntegerField()
    annotations_by_class = serializers.DictField(child=serializers.IntegerField())
    annotations_by_kind = serializers.DictField(child=serializers.IntegerField())
    left_out_by_format = serializers.DictField(child=serializers.IntegerField())
    bytes_expected = serializers.IntegerField()
    stops = serializers.ListField(child=serializers.CharField())
    warnings = serializers.ListField(child=serializers.CharField())


class IssueLinkSerializer(StrictSerializer):
    """What link to issue."""

    seconds = serializers.IntegerField(required=False, min_value=60, max_value=30 * 86_400, default=3600)
    one_time = serializers.BooleanField(required=False, default=False)
    for_user = serializers.CharField(required=False, allow_null=True, max_length=150)


class LinkSerializer(serializers.ModelSerializer[Link]):
    """A link. Its address (``url``) exists only in the answer that made it."""

    link_id = serializers.CharField(source="public_id")
    artifact_id = serializers.CharField(source="artifact.public_id")
    report_id = serializers.CharField(source="artifact.report.report_id")
    for_user = serializers.CharField(source="for_user.username", allow_null=True, default=None)
    created_by = serializers.CharField(source="created_by_name")
    seconds_left = serializers.IntegerField()

    class Meta:
        model = Link
        fields = [
            "link_id",
            "artifact_id",
            "report_id",
            "one_time",
            "for_user",
            "created_at",
            "created_by",
            "expires_at",
            "revoked_at",
            "used_at",
            "seconds_left",
        ]
        read_only_fields = fields


class IssuedLinkSerializer(LinkSerializer):
    """A link at its making."""

    url = serializers.URLField(read_only=True)

    class Meta(LinkSerializer.Meta):
        fields: Any = [*LinkSerializer.Meta.fields, "url"]
        read_only_fields = fields
