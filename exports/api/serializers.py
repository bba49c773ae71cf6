"""Shapes of answers: configs, reports, artifacts and links."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from exportadmin.runs import statuses
from exportadmin.runs.serializers import ProgressSerializer
from exports.display.compared import VERDICTS
from exports.models import Link
from exports.models.proof import HOW, RESULTS
from exports.spec.applied import HOW as APPLIED
from exports.spec.platform_export import PLACES

_ACTIVE = [status for status in statuses.TITLES if status in statuses.ACTIVE]
_ENDED = [status for status in statuses.TITLES if status not in statuses.ACTIVE]


class NamedSerializer(serializers.Serializer[Any]):
    """A project, in short."""

    id = serializers.CharField()
    name = serializers.CharField()


class ConfigSerializer(serializers.Serializer[Any]):
    """A saved config."""

    config_id = serializers.CharField()
    project = NamedSerializer()
    name = serializers.CharField()
    description = serializers.CharField(allow_blank=True)
    config = serializers.DictField()
    created_at = serializers.DateTimeField()


class ArtifactSerializer(serializers.Serializer[Any]):
    """A delivered file."""

    artifact_id = serializers.CharField()
    name = serializers.CharField()
    media_type = serializers.CharField()
    bytes = serializers.IntegerField()
    sha256 = serializers.CharField()


class AlteredSerializer(serializers.Serializer[Any]):
    """Since when it is known, and what was found."""

    at = serializers.DateTimeField()
    why = serializers.CharField()


class LastProofSerializer(serializers.Serializer[Any]):
    """The last proof; `reports/{report_id}/proofs/` has all that is known of it."""

    at = serializers.DateTimeField()
    result = serializers.ChoiceField(choices=[*RESULTS])


class MadeBySerializer(serializers.Serializer[Any]):
    """What is known of an export that the platform made itself."""

    platform = serializers.CharField()
    remote_id = serializers.CharField(allow_blank=True, help_text="its own id of it; empty while it is not known")
    remote_name = serializers.CharField(allow_blank=True, help_text="the name under which it has it")
    where = serializers.ChoiceField(
        choices=[*PLACES], help_text="`here`: fetched and delivered by us; `there`: delivered by the platform"
    )
    proved = serializers.BooleanField(help_text="the delivered bytes were read and hashed by us")


class ReportSerializer(serializers.Serializer[Any]):
    """A report, as :func:`exports.display.representation.report_json` prints it."""

    report_id = serializers.CharField()
    name = serializers.CharField()
    description = serializers.CharField(allow_blank=True)
    project = NamedSerializer()
    status = serializers.ChoiceField(choices=statuses.choices())
    group = serializers.ChoiceField(choices=["completed", "in_progress"])
    error = serializers.CharField(allow_blank=True)
    format = serializers.CharField()
    made_by = MadeBySerializer(allow_null=True, help_text="`null`: this program wrote the files")
    progress = ProgressSerializer()
    config_id = serializers.CharField(
        allow_null=True, help_text="the saved config that it ran, while there is one; `config` is how it was then"
    )
    config = serializers.DictField()
    check_values = serializers.DictField(allow_null=True)
    revision = serializers.IntegerField(allow_null=True, help_text="of the project, as the export saw it")
    artifacts = ArtifactSerializer(many=True)
    location = serializers.CharField(allow_blank=True)
    archived_at = serializers.DateTimeField(
        allow_null=True, help_text="since when lists that other platforms' own clients ask for leave it out"
    )
    files_removed_at = serializers.DateTimeField(allow_null=True)
    altered = AlteredSerializer(allow_null=True, help_text="its files are not what was delivered, and not handed out")
    proof = LastProofSerializer(allow_null=True, help_text="the last look at whether it still is what was delivered")
    converted_from = serializers.CharField(allow_null=True)
    retry_of = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()
    created_by = serializers.CharField(allow_blank=True)
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)


class ComparedLineSerializer(serializers.Serializer[Any]):
    """A count here, and the platform's of the same."""

    key = serializers.ChoiceField(choices=["in", "files", "complete", "out", "removed"])
    title = serializers.CharField()
    here = serializers.IntegerField(allow_null=True, help_text="`null`: not counted")
    there = serializers.IntegerField(allow_null=True, help_text="`null`: the platform did not say")
    called = serializers.CharField(allow_blank=True, help_text="what the platform calls its own")
    verdict = serializers.ChoiceField(choices=[*VERDICTS])


class ComparedSerializer(serializers.Serializer[Any]):
    """What was counted beside what the platform said."""

    platform = serializers.CharField(allow_blank=True)
    source = serializers.CharField(  # type: ignore[assignment]
        allow_blank=True, help_text="which of its words are compared"
    )
    as_told = serializers.BooleanField(allow_null=True, help_text="`null`: it said nothing")
    lines = ComparedLineSerializer(many=True)


class CheckValuesSerializer(serializers.Serializer[Any]):
    """Of one report."""

    check_values = serializers.DictField()
    compared = ComparedSerializer()


class CutSerializer(serializers.Serializer[Any]):
    """Of which groups there are more; `reports/?group=` has all of them."""

    completed = serializers.BooleanField()
    in_progress = serializers.BooleanField()


class GroupedSerializer(serializers.Serializer[Any]):
    """The latest reports in two groups. The names are those that labelling platforms give them."""

    completed = ReportSerializer(many=True, help_text=f"ended: {', '.join(_ENDED)}, as the `status` of each says")
    in_progress = ReportSerializer(many=True, help_text=f"not ended: {', '.join(_ACTIVE)}")
    is_cut = CutSerializer()


class LivingLinkSerializer(serializers.Serializer[Any]):
    """A link that opens its file now. Its address was in the answer that made it, and is kept nowhere."""

    link_id = serializers.CharField(source="public_id")
    artifact_id = serializers.CharField(source="artifact.public_id")
    name = serializers.CharField(source="artifact.name", help_text="of the file")
    one_time = serializers.BooleanField(help_text="its first download ends it")
    expires_at = serializers.DateTimeField()
    seconds_left = serializers.IntegerField()


class StatusSerializer(serializers.Serializer[Any]):
    """Many reports at once, in short."""

    report_id = serializers.CharField()
    status = serializers.ChoiceField(choices=[*statuses.choices(), ("unknown", "unknown")])
    progress = ProgressSerializer(allow_null=True)
    error = serializers.CharField(allow_blank=True)
    links = LivingLinkSerializer(many=True, help_text="the newest of those that open a file of it now")


class PublicKeySerializer(serializers.Serializer[Any]):
    """A public key (Ed25519) of whoever signs manifests."""

    key_id = serializers.CharField(help_text="the first 8 bytes of the key's sha256, in hexadecimal")
    public_key = serializers.CharField(help_text="32 bytes in hexadecimal")


class SignedBySerializer(PublicKeySerializer):
    """Who signed the manifest."""

    is_known = serializers.BooleanField(help_text="it is a key of this installation")


class VerdictSerializer(serializers.Serializer[Any]):
    """What verify found."""

    report_id = serializers.CharField()
    ok = serializers.BooleanField()
    as_delivered = serializers.BooleanField(help_text="nothing was found, and this installation signed it")
    statement = serializers.CharField(help_text="what is known of it, in words")
    signed_by = SignedBySerializer(allow_null=True)
    is_in_database = serializers.BooleanField(help_text="it is what the database knows of the report")
    how = serializers.ChoiceField(choices=[*HOW])
    result = serializers.ChoiceField(choices=[*RESULTS])
    counts = serializers.DictField(child=serializers.IntegerField(), help_text="files by what was found")
    files = serializers.IntegerField()
    bytes = serializers.IntegerField()
    problems = serializers.ListField(child=serializers.CharField())


class LabelCountsSerializer(serializers.Serializer[Any]):
    """What the choice of labels made of the rows' labels."""

    choice = serializers.CharField()
    rows_with_several = serializers.IntegerField()
    labels_in_them = serializers.IntegerField()
    rows_leaving_with_several = serializers.IntegerField()
    left_out = serializers.DictField(child=serializers.IntegerField(), help_text="labels, by reason")


class MirrorNoteSerializer(serializers.Serializer[Any]):
    """Of a project that mirrors one of a platform, as :func:`exports.spec.mirror.mirror_note` makes it."""

    synced_at = serializers.DateTimeField(allow_null=True, help_text="as of when it is up to date; null: never yet")
    sync_first = serializers.BooleanField(help_text="it will be brought up to date before it is read")


class AppliedConditionSerializer(serializers.Serializer[Any]):
    """Who applies a condition, as :func:`exports.spec.applied.applied_conditions` makes it."""

    key = serializers.CharField()
    title = serializers.CharField()
    applied = serializers.ChoiceField(choices=list(APPLIED.items()))
    note = serializers.CharField(allow_blank=True, help_text="why it is not possible, or what of ours it is tested on")


class ReadProjectSerializer(serializers.Serializer[Any]):
    """A project that an export of a scope reads."""

    id = serializers.CharField()
    name = serializers.CharField()
    labels = serializers.BooleanField(help_text="whether its labels go with its rows")


class ReadModelRunSerializer(serializers.Serializer[Any]):
    """A model run whose predictions go with the rows."""

    id = serializers.CharField()
    name = serializers.CharField(help_text="of its model and its own")
    project = serializers.CharField(help_text="the name of the project that it is of")


class PlannedScopeSerializer(serializers.Serializer[Any]):
    """What an export reads that is not of its project's own rows."""

    text = serializers.CharField(help_text="the scope in words")
    projects = ReadProjectSerializer(many=True)
    model_runs = ReadModelRunSerializer(many=True)


class PredictionCountsSerializer(serializers.Serializer[Any]):
    """Predictions of model runs. `total` is what the format holds; with `left_out` it is all that there are."""

    total = serializers.IntegerField()
    by_class = serializers.DictField(child=serializers.IntegerField())
    by_kind = serializers.DictField(child=serializers.IntegerField())
    by_split = serializers.DictField(child=serializers.IntegerField())
    rows_by_split = serializers.DictField(
        child=serializers.IntegerField(), help_text="rows, once for each run that they are in"
    )
    left_out = serializers.DictField(child=serializers.IntegerField())


class InterpolatedFramesSerializer(serializers.Serializer[Any]):
    """What was computed of the frames of videos between key frames."""

    rows = serializers.IntegerField()
    annotations = serializers.IntegerField()
    tracks_left = serializers.IntegerField(help_text="tracks of which frames are missing that cannot be computed")


class PlanAnswerSerializer(serializers.Serializer[Any]):
    """A plan, as :func:`exports.spec.plan.plan` makes it. `null`: known only when the platform has made the file."""

    project = NamedSerializer()
    format = serializers.CharField()
    resolved = serializers.DictField()
    conditions = AppliedConditionSerializer(many=True)
    rows_read = serializers.IntegerField(allow_null=True)
    rows_kept = serializers.IntegerField(allow_null=True)
    rows_dropped = serializers.DictField(child=serializers.IntegerField(), allow_null=True)
    rows_by_status = serializers.DictField(child=serializers.IntegerField(), allow_null=True)
    rows_by_media_type = serializers.DictField(child=serializers.IntegerField(), allow_null=True)
    annotations = serializers.IntegerField(allow_null=True)
    annotations_by_class = serializers.DictField(child=serializers.IntegerField(), allow_null=True)
    annotations_by_kind = serializers.DictField(child=serializers.IntegerField(), allow_null=True)
    left_out_by_format = serializers.DictField(child=serializers.IntegerField(), allow_null=True)
    predictions = PredictionCountsSerializer(required=False, help_text="there where the scope takes model runs")
    labels = LabelCountsSerializer(allow_null=True)
    interpolated_frames = InterpolatedFramesSerializer(
        required=False, help_text="what is computed of videos; there where it is asked for"
    )
    removed_since = serializers.IntegerField(
        required=False, help_text="rows deleted after the revision that the filter names; there where it names one"
    )
    bytes_expected = serializers.IntegerField(allow_null=True)
    files_expected = serializers.ListField(
        child=serializers.CharField(),
        help_text="files by the names that they will have at the destination; <…> stands for what is not known before",
    )
    stops = serializers.ListField(child=serializers.CharField())
    warnings = serializers.ListField(child=serializers.CharField())
    mirror = MirrorNoteSerializer(allow_null=True)
    scope = PlannedScopeSerializer(allow_null=True, help_text="null: the project's own rows")


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

    url = serializers.URLField(read_only=True, help_text="a page for people")
    file_url = serializers.URLField(read_only=True, help_text="the bytes, for scripts")

    class Meta(LinkSerializer.Meta):
        fields: Any = [*LinkSerializer.Meta.fields, "url", "file_url"]
        read_only_fields = fields
