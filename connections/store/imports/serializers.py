"""Shapes of imports in REST."""

from __future__ import annotations

from typing import Any, Final

from rest_framework import serializers

from connections.access.api.serializers import ProjectQuery
from connections.rows.review_statuses import REVIEW_STATUSES as _REVIEW
from connections.store.importers import IMPORTERS
from connections.store.imports.actions import MAX_FILE_NAME
from connections.store.imports.runner import AUTO
from connections.store.models import MAX_DATASET, MAX_RUN_NAME, ImportRun
from connections.store.notes import KINDS as NOTE_KINDS
from exportadmin.lib.rest import Choice, Flag, StrictSerializer, Text, Whole
from exportadmin.runs import statuses
from exportadmin.runs.serializers import ProgressSerializer


def format_keys() -> list[str]:
    """What ``format`` may be: asked when it is needed, since the registry of importers may grow."""
    return [AUTO, *sorted(IMPORTERS)]


STATES: Final = [ImportRun.UPLOADING, *statuses.TITLES]
REVIEW_STATUSES: Final = list(_REVIEW)


class ImportsQuery(ProjectQuery):
    """Which imports are listed."""

    status = Choice(STATES, required=False)


class _ImportSpecSerializer(StrictSerializer):
    """``project`` is a name or an id; one that there is not is made by who may make projects."""

    project = Text(max_length=200)
    status = Choice(REVIEW_STATUSES, required=False, help_text="review status of every row, whatever the file says")
    dataset = Text(max_length=MAX_DATASET, required=False, help_text="goes in front of every key: `north/task-1`")
    replace = Flag(
        required=False,
        help_text="a row takes the place of one with its key whose picture is another; otherwise it is refused",
    )

    model_run = Text(
        max_length=MAX_RUN_NAME, required=False, help_text="of coco_results: the name of the run that made them"
    )

    def get_fields(self) -> dict[str, Any]:
        """Made late, as the formats are."""
        return {**super().get_fields(), "format": Choice(format_keys(), required=False)}


class UploadSerializer(_ImportSpecSerializer):
    """A whole file with what is to be done with it."""

    file = serializers.FileField(max_length=MAX_FILE_NAME)


class BeginUploadSerializer(_ImportSpecSerializer):
    """A file that comes in parts: its name and size."""

    file_name = Text(max_length=MAX_FILE_NAME)
    bytes = Whole(min_value=1, max_value=2**63 - 1)


class ImportProjectSerializer(serializers.Serializer[Any]):
    """Where the rows go."""

    id = serializers.CharField()
    name = serializers.CharField()


class NoteCountsSerializer(serializers.Serializer[Any]):
    """How much was noted, by kind; nought where nothing was."""

    def get_fields(self) -> dict[str, Any]:
        """A count a kind."""
        return {kind: serializers.IntegerField(help_text=title) for kind, title in NOTE_KINDS.items()}


class NoteSerializer(serializers.Serializer[Any]):
    """What should be known of that which went in; `text` reads on after the count, `example` is the first."""

    kind = serializers.ChoiceField(choices=list(NOTE_KINDS))
    text = serializers.CharField()
    count = serializers.IntegerField()
    example = serializers.CharField(allow_blank=True)


class ImportSummarySerializer(serializers.Serializer[Any]):
    """`rows = created + updated + unchanged + refused_count`, so far or in all."""

    rows = serializers.IntegerField()
    created = serializers.IntegerField()
    updated = serializers.IntegerField()
    unchanged = serializers.IntegerField()
    annotations = serializers.IntegerField()
    predictions = serializers.IntegerField(help_text="of model runs, written")
    refused_count = serializers.IntegerField()
    pieces_refused = serializers.IntegerField(help_text="parts of the file that belong to no row")
    note_counts = NoteCountsSerializer()
    notes = NoteSerializer(many=True)


class ImportSerializer(serializers.Serializer[Any]):
    """An import as it is now."""

    import_id = serializers.CharField()
    project = ImportProjectSerializer()
    file_name = serializers.CharField()
    format = serializers.CharField()
    review_status = serializers.CharField(allow_blank=True)
    dataset = serializers.CharField(allow_blank=True)
    replace = serializers.BooleanField()
    model_run = serializers.CharField(allow_blank=True)
    status = serializers.ChoiceField(choices=STATES)
    error = serializers.CharField(allow_blank=True)
    bytes_total = serializers.IntegerField()
    bytes_received = serializers.IntegerField(help_text="the byte at which the next part begins")
    progress = ProgressSerializer()
    summary = ImportSummarySerializer(allow_null=True)
    created_at = serializers.DateTimeField()
    created_by = serializers.CharField(allow_blank=True)
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)


class RefusedSerializer(serializers.Serializer[Any]):
    """A row that did not go in."""

    position = serializers.CharField()
    reason = serializers.CharField()


class OneImportSerializer(ImportSerializer):
    """With the first rows that were refused, once it has ended."""

    refused = RefusedSerializer(many=True)
