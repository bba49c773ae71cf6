"""What Labellerr's SDK sends, read strictly."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from rest_framework import serializers

from connections.connection_actions import MAX_CONNECTION_NAME
from exportadmin.lib.errors import UserError
from exportadmin.lib.rest import Choice, Query, StrictSerializer, Text, Whole
from exportadmin.lib.times import iso_utc
from exports.actions import MAX_NAME
from exports.dialects.labellerr.shapes import FORMATS
from exports.formats.labellerr_rows import ours
from exports.spec.conditions import CONDITIONS
from exports.spec.labels import ALL

MOST_IDS: Final = 500
LOCAL, S3 = "local", "s3"
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
    body: dict[str, Any] = {
        "format": FORMATS[format_key],
        "destination": _destination(sent),
        "statuses": list(dict.fromkeys(ours(status) for status in sent["statuses"])),
    }
    if format_key == "json":  # it has every file of the statuses, those whose work was skipped too
        body["labels"] = ALL.text
    if (after := sent.get("updated_after_timestamp")) is not None:
        CONDITIONS["updated_after"].parse(after, time_zone="UTC", field="updated_after_timestamp")
        body["filter"] = {"updated_after": iso_utc(after)}
    return body


def _destination(sent: Mapping[str, Any]) -> dict[str, str]:
    wanted = sent["export_destination"]
    if wanted == LOCAL:
        return {"kind": LOCAL}
    if wanted != S3:
        raise UserError(f"unknown export_destination {wanted[:60]!r}; known: {LOCAL}, {S3}", field="export_destination")
    for key in ("connection_id", "export_folder_path"):
        if not sent.get(key):
            raise UserError(f"{key} is missing: an export to s3 needs one", field=key)
    return {"kind": S3, "connection": sent["connection_id"], "folder": sent["export_folder_path"]}


class ConnectorsCall(Call):
    """Which connections are listed."""

    connector = Text(required=False, help_text="s3")
    connection_type = Text(required=False, help_text="import or export")


class _Connector(StrictSerializer):
    """What the SDK's calls about connections have in common: a form, all of whose fields are texts."""

    connector = Choice([S3])
    credentials = Text(required=False)
    connection_type = Choice(["import", "export"], required=False)
    data_type = Text(required=False)
    client_id = Text(required=False)

    def keys(self) -> dict[str, str] | None:
        """``{"access_key_id", "secret_access_key"}``; ``None``: none were sent. Raises :class:`UserError`."""
        text = self.validated_data.get("credentials")
        if text is None:
            return None
        try:
            found = json.loads(text)
        except ValueError:
            found = None
        known = {"access_key_id", "secret_access_key"}
        is_right = isinstance(found, dict) and found.keys() == known
        if not is_right or not all(isinstance(one, str) for one in found.values()):
            raise UserError(
                "credentials is a JSON object with access_key_id and secret_access_key", field="credentials"
            )
        return dict(found)


class TryConnector(_Connector):
    """A connection that is to be made (with credentials), or one that there is (with its id)."""

    path = Text(max_length=2000, help_text="s3://bucket/path/")
    connection_id = Text(required=False)


class CreateConnector(_Connector):
    """The same, made. It does not say where: the call before did."""

    name = Text(max_length=MAX_CONNECTION_NAME)
    description = Text(required=False, allow_blank=True)


class DeleteConnector(StrictSerializer):
    """One that is to go."""

    connection_id = Text(max_length=200)


def bucket_of(path: str) -> dict[str, str]:
    """``s3://bucket/path/`` → a connection's bucket and prefix. Raises :class:`UserError`."""
    bucket, _, prefix = path.removeprefix("s3://").partition("/")
    return {"bucket": bucket, "prefix": prefix}
