"""What Labellerr's SDK sends, read strictly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from rest_framework import serializers

from exportadmin.lib.errors import UserError
from exportadmin.lib.rest import Query, StrictSerializer, Text, Whole
from exportadmin.lib.times import iso_utc
from exports.actions import MAX_NAME
from exports.dialects.labellerr.shapes import FORMATS
from exports.formats.labellerr_rows import ours
from exports.spec.conditions import CONDITIONS

MOST_IDS: Final = 500
LOCAL: Final = "local"
ALL_QUESTIONS: Final = ["all"]


class Call(Query):
    """Parameters that come with every call and mean nothing here: a token says who calls."""

    client_id = Text(required=False, help_text="anything")
    uuid = Text(required=False, help_text="the SDK's own id of the call")


class ProjectCall(Call):
    """A call about a project."""

    project_id = Text(help_text="the project's id")


class DownloadCall(ProjectCall):
    """Where to fetch an export."""

    report_id = Text(help_text="the export's id")


class CreateExport(StrictSerializer):
    """``CreateExportParams`` of the SDK, and the dicts that its older generations send."""

    export_name = Text(max_length=MAX_NAME)
    export_description = Text(required=False, allow_blank=True, default="")
    export_format = Text()
    statuses = serializers.ListField(child=Text(), min_length=1, max_length=100)
    question_ids = serializers.ListField(child=Text(), required=False, max_length=1000, default=ALL_QUESTIONS)
    export_destination = Text(required=False, default=LOCAL)
    connection_id = Text(required=False, allow_null=True, allow_blank=True)
    export_folder_path = Text(required=False, allow_null=True, allow_blank=True)
    updated_after_timestamp = Whole(required=False, allow_null=True)


class ReportIds(StrictSerializer):
    """Which exports are asked about."""

    report_ids = serializers.ListField(child=Text(max_length=200), min_length=1, max_length=MOST_IDS)


def described(sent: Mapping[str, Any]) -> dict[str, Any]:
    """The export that a checked :class:`CreateExport` asks for, in our words.

    Raises :class:`UserError` for what there is not here, with what there is.
    """
    format_key = sent["export_format"]
    if format_key not in FORMATS:
        raise UserError(
            f"unknown export_format {format_key[:60]!r}; known: {', '.join(FORMATS)}", field="export_format"
        )
    if sent["question_ids"] != ALL_QUESTIONS:
        raise UserError('question_ids can only be ["all"]: an export has all questions', field="question_ids")
    if sent["export_destination"] != LOCAL:
        raise UserError(
            f"unknown export_destination {sent['export_destination'][:60]!r}; known: {LOCAL}",
            field="export_destination",
        )
    body: dict[str, Any] = {
        "format": FORMATS[format_key],
        "statuses": list(dict.fromkeys(ours(status) for status in sent["statuses"])),
    }
    if (after := sent.get("updated_after_timestamp")) is not None:
        CONDITIONS["updated_after"].parse(after, time_zone="UTC", field="updated_after_timestamp")
        body["filter"] = {"updated_after": iso_utc(after)}
    return body
