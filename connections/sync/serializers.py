"""Shapes of mirrors and syncs in REST."""

from __future__ import annotations

from typing import Any, Final

from rest_framework import serializers

from connections.access.api.serializers import ProjectQuery
from connections.actions import MAX_NAME
from connections.store.imports.serializers import ImportSummarySerializer, RefusedSerializer
from connections.sync.actions import MAX_EXTERNAL_ID, MAX_FULL_EVERY_HOURS, MODES
from connections.sync.models import AUTO, FULL, INCREMENTAL
from exportadmin.lib.rest import Choice, Flag, StrictSerializer, Text, Whole
from exportadmin.runs import statuses
from exportadmin.runs.serializers import ProgressSerializer

STATES: Final = list(statuses.TITLES)
WANTED: Final = list(MODES)
DECIDED: Final = [INCREMENTAL, FULL]


class MirrorProjectSerializer(StrictSerializer):
    """Which project of the platform is mirrored, and how it is called here."""

    external_id = Text(max_length=MAX_EXTERNAL_ID, help_text="its id there")
    name = Text(max_length=MAX_NAME, required=False, help_text="left out: its name there")


class ChangeMirrorSerializer(StrictSerializer):
    """Other settings; those that are left out stay."""

    full_every_hours = Whole(
        min_value=0,
        max_value=MAX_FULL_EVERY_HOURS,
        required=False,
        help_text="how often everything is read, which finds rows that are gone there; 0: each time",
    )
    sync_first = Flag(required=False, help_text="exports bring it up to date first, where they do not say otherwise")
    options = serializers.DictField(
        required=False,
        help_text="what its syncs ask the platform with, by the platform's own names; one that is left out stays, one "
        "that is empty is taken out. The next sync reads everything then",
    )


class RequestSyncSerializer(StrictSerializer):
    """Bring a mirrored project up to date."""

    project = Text(max_length=200, help_text="id or name")
    mode = Choice(
        WANTED,
        required=False,
        default=AUTO,
        help_text=f"`{AUTO}`: what changed, where the platform tells that, and everything when that is due; "
        f"`{FULL}`: everything",
    )


class SyncsQuery(ProjectQuery):
    """Which syncs are listed."""

    status = Choice(STATES, required=False)


class IdAndNameSerializer(serializers.Serializer[Any]):
    """A project or a connection."""

    id = serializers.CharField()
    name = serializers.CharField()


class RemoteProjectSerializer(serializers.Serializer[Any]):
    """A project there."""

    external_id = serializers.CharField()
    name = serializers.CharField()
    data_type = serializers.CharField(allow_blank=True)
    details = serializers.DictField(help_text="what else the platform says of it")
    project = IdAndNameSerializer(allow_null=True, help_text="the one here that mirrors it")


class RemoteProjectsSerializer(serializers.Serializer[Any]):
    """The projects there."""

    projects = RemoteProjectSerializer(many=True)
    left_out = serializers.ListField(
        child=serializers.CharField(),
        help_text="what is not listed and why, in sentences: one that is not is mirrored by its id all the same",
    )


class MirrorSerializer(serializers.Serializer[Any]):
    """A mirrored project, as :func:`connections.sync.representation.mirror_json` answers it."""

    project = IdAndNameSerializer()
    connection = IdAndNameSerializer()
    external_id = serializers.CharField()
    data_type = serializers.CharField(allow_blank=True)
    details = serializers.DictField()
    synced_at = serializers.DateTimeField(allow_null=True, help_text="as of when it is up to date")
    full_synced_at = serializers.DateTimeField(allow_null=True)
    watermark = serializers.DateTimeField(allow_null=True, help_text="the same in the platform's own time")
    not_understood = serializers.DictField(
        child=serializers.IntegerField(), help_text="what could not be read as annotations, and how often"
    )
    full_every_hours = serializers.IntegerField()
    sync_first = serializers.BooleanField()
    options = serializers.DictField(help_text="what its syncs ask the platform with")


class SyncSummarySerializer(ImportSummarySerializer):
    """What became of the rows, so far or in all; `gone` left tombstones."""

    gone = serializers.IntegerField(required=False)
    not_understood = serializers.DictField(child=serializers.IntegerField(), required=False)
    told = serializers.DictField(
        child=serializers.IntegerField(), required=False, help_text="what the platform counts of what it exported"
    )


class SyncSerializer(serializers.Serializer[Any]):
    """A sync as it is now."""

    sync_id = serializers.CharField()
    project = IdAndNameSerializer()
    wanted = serializers.ChoiceField(choices=WANTED)
    mode = serializers.ChoiceField(choices=DECIDED, allow_blank=True, help_text="empty: not decided yet")
    since = serializers.DateTimeField(allow_null=True, help_text="what changed after it was asked for")
    asked_at = serializers.DateTimeField(allow_null=True)
    remote_id = serializers.CharField(allow_blank=True, help_text="of the export that the platform makes for it")
    remote_name = serializers.CharField(allow_blank=True)
    status = serializers.ChoiceField(choices=statuses.choices())
    error = serializers.CharField(allow_blank=True, help_text="why it failed, or what it waits for")
    bytes_total = serializers.IntegerField(allow_null=True)
    progress = ProgressSerializer()
    summary = SyncSummarySerializer(allow_null=True)
    created_at = serializers.DateTimeField()
    created_by = serializers.CharField(allow_blank=True)
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)


class OneSyncSerializer(SyncSerializer):
    """With the first rows that were refused, once it has ended."""

    refused = RefusedSerializer(many=True)
