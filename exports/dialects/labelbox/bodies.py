"""What Labelbox's SDK sends to have something exported, read strictly, in the words of our descriptions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from rest_framework import serializers

from connections.rows.media_types import MEDIA_TYPES
from exportadmin.lib.errors import UserError
from exportadmin.lib.rest import Flag, StrictSerializer, Text
from exports.actions import MAX_NAME
from exports.dialects.labelbox.filters import OF_PROJECTS, our_filter
from exports.spec.labels import ALL

FORMAT: Final = "labelbox_ndjson"
# parameter → our part
_PARTS: Final = {
    "includeDataRowDetails": "data_row_details",
    "includeAttachments": "attachments",
    "includeMetadata": "metadata_fields",
    "includeEmbeddings": "embeddings",
    "includeLabelDetails": "label_details",
    "includePerformanceDetails": "performance_details",
    "includeProjectDetails": "project_details",
}
_QUERY: Final = "input.filters.searchQuery.query"


def _flag() -> Flag:
    return Flag(required=False, allow_null=True)


class RowParams(StrictSerializer):
    """What every export may say of its rows."""

    mediaTypeOverride = Text(required=False, allow_null=True)  # noqa: N815
    includeAttachments = _flag()  # noqa: N815
    includeEmbeddings = _flag()  # noqa: N815
    includeMetadata = _flag()  # noqa: N815
    includeDataRowDetails = _flag()  # noqa: N815


class ProjectParams(RowParams):
    """Of a project."""

    includeProjectDetails = _flag()  # noqa: N815
    includePerformanceDetails = _flag()  # noqa: N815
    includeLabelDetails = _flag()  # noqa: N815
    includeInterpolatedFrames = _flag()  # noqa: N815


class SearchQuery(StrictSerializer):
    """Elements that all have to hold."""

    scope = serializers.JSONField(required=False, allow_null=True)
    query = serializers.ListField(required=False, max_length=100)

    def validate_scope(self, value: Any) -> None:
        """The SDK sends none."""
        if value is not None:
            raise serializers.ValidationError("a scope is not known here: leave it out")


class ProjectFilters(StrictSerializer):
    """Which rows of which project."""

    projectId = Text(max_length=200)  # noqa: N815
    searchQuery = SearchQuery(required=False, allow_null=True)  # noqa: N815


class ExportInput(StrictSerializer):
    """What every export has. Whether it is ``streamable`` makes no difference: all are."""

    taskName = Text(required=False, allow_null=True, max_length=MAX_NAME)  # noqa: N815
    isStreamableReady = _flag()  # noqa: N815
    streamable = _flag()


class ProjectInput(ExportInput):
    """Rows of a project."""

    filters = ProjectFilters()
    params = ProjectParams(required=False, allow_null=True)


def project_body(sent: Mapping[str, Any], address: str) -> dict[str, Any]:
    """The export that a checked :class:`ProjectInput` asks for. Raises :class:`UserError`."""
    query = (sent["filters"].get("searchQuery") or {}).get("query") or []
    return _body(sent.get("params") or {}, our_filter(query, OF_PROJECTS, _QUERY), address)


def _body(params: Mapping[str, Any], conditions: Mapping[str, Any], address: str) -> dict[str, Any]:
    """Of rows whose work was skipped Labelbox exports the labels, too. ``address`` is this dialect's."""
    wanted = dict(conditions)
    if (named := params.get("mediaTypeOverride")) is not None:
        wanted["media_types"] = [_media_type(named)]
    return {
        "format": FORMAT,
        "labels": ALL.text,
        "include": [part for name, part in _PARTS.items() if params.get(name)],
        "filter": wanted,
        "options": {"address": address},
    }


def _media_type(named: str) -> str:
    """Raises :class:`UserError`."""
    found = next((key for key, each in MEDIA_TYPES.items() if named in each.labelbox), None)
    if found is None:
        known = ", ".join(name for each in MEDIA_TYPES.values() for name in each.labelbox)
        raise UserError(
            f"mediaTypeOverride {named[:60]!r} is unknown; known: {known}", field="input.params.mediaTypeOverride"
        )
    return found
