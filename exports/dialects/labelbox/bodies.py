"""What Labelbox's SDK sends to have something exported, read strictly, in the words of our descriptions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from rest_framework import serializers

from connections.rows.media_types import MEDIA_TYPES
from exportadmin.lib.errors import UserError
from exportadmin.lib.rest import Flag, StrictSerializer, Text
from exports.actions import MAX_NAME
from exports.dialects.labelbox.filters import DATASET as DATASET_TYPE
from exports.dialects.labelbox.filters import OF_PROJECTS, OF_THE_CATALOG, our_filter, place_of
from exports.spec.labels import ALL
from exports.spec.scope import CATALOG, DATA_ROWS, MODEL_RUN, SLICE
from exports.spec.scope import DATASET as DATASET_SCOPE

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
    "includePredictions": "predictions",
    "includeModelRunDetails": "model_run_details",
}
QUERY: Final = "input.filters.searchQuery.query"


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


class CatalogParams(ProjectParams):
    """Of data rows, whatever projects they are in."""

    includePredictions = _flag()  # noqa: N815
    projectIds = serializers.ListField(child=Text(max_length=200), required=False, allow_null=True)  # noqa: N815
    modelRunIds = serializers.ListField(child=Text(max_length=200), required=False, allow_null=True)  # noqa: N815
    allProjects = _flag()  # noqa: N815
    allModelRuns = _flag()  # noqa: N815


class ModelRunParams(RowParams):
    """Of a model run."""

    includePredictions = _flag()  # noqa: N815
    includeModelRunDetails = _flag()  # noqa: N815


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


class CatalogFilters(StrictSerializer):
    """Which data rows."""

    searchQuery = SearchQuery(required=False, allow_null=True)  # noqa: N815


class SliceFilters(StrictSerializer):
    """Which slice."""

    sliceId = Text(max_length=200)  # noqa: N815


class ModelRunFilters(StrictSerializer):
    """Which run."""

    modelRunId = Text(max_length=200)  # noqa: N815


class ExportInput(StrictSerializer):
    """What every export has. Whether it is ``streamable`` makes no difference: all are."""

    taskName = Text(required=False, allow_null=True, max_length=MAX_NAME)  # noqa: N815
    isStreamableReady = _flag()  # noqa: N815
    streamable = _flag()


class ProjectInput(ExportInput):
    """Rows of a project."""

    filters = ProjectFilters()
    params = ProjectParams(required=False, allow_null=True)


class CatalogInput(ExportInput):
    """Data rows: of a dataset, named ones, or all."""

    filters = CatalogFilters(required=False, allow_null=True)
    params = CatalogParams(required=False, allow_null=True)


class SliceInput(ExportInput):
    """Data rows of a slice."""

    filters = SliceFilters()
    params = CatalogParams(required=False, allow_null=True)


class ModelRunInput(ExportInput):
    """Data rows of a model run."""

    filters = ModelRunFilters()
    params = ModelRunParams(required=False, allow_null=True)


def project_body(sent: Mapping[str, Any], address: str) -> dict[str, Any]:
    """The export that a checked :class:`ProjectInput` asks for. ``address`` is this dialect's. Raises
    :class:`UserError`."""
    return _body(sent, our_filter(elements_of(sent), OF_PROJECTS, QUERY), address)


def catalog_body(sent: Mapping[str, Any], address: str) -> dict[str, Any]:
    """The same of a checked :class:`CatalogInput`."""
    conditions = our_filter(elements_of(sent), OF_THE_CATALOG, QUERY)
    dataset = conditions.pop(DATASET_TYPE, None)
    scope = {"kind": DATA_ROWS if {"data_row_ids", "global_keys"} & conditions.keys() else CATALOG}
    if dataset is not None:
        scope = {"kind": DATASET_SCOPE, "id": dataset}
    return _body(sent, conditions, address) | {"scope": scope} | _beside(sent)


def slice_body(sent: Mapping[str, Any], address: str) -> dict[str, Any]:
    """The same of a checked :class:`SliceInput`."""
    return _body(sent, {}, address) | {"scope": {"kind": SLICE, "id": sent["filters"]["sliceId"]}} | _beside(sent)


def model_run_body(sent: Mapping[str, Any], address: str) -> dict[str, Any]:
    """The same of a checked :class:`ModelRunInput`."""
    return _body(sent, {}, address) | {"scope": {"kind": MODEL_RUN, "id": sent["filters"]["modelRunId"]}}


def elements_of(sent: Mapping[str, Any]) -> list[Any]:
    """The elements of the input's filter."""
    return list(((sent.get("filters") or {}).get("searchQuery") or {}).get("query") or [])


# key of our description → where an input says it
_PLACES: Final = {
    "project_ids": "input.params.projectIds",
    "all_projects": "input.params.allProjects",
    "model_run_ids": "input.params.modelRunIds",
    "all_model_runs": "input.params.allModelRuns",
    "interpolated_frames": "input.params.includeInterpolatedFrames",
    "include": "input.params",
    "name": "input.taskName",
    "filter": QUERY,
    "filter.media_types": "input.params.mediaTypeOverride",
}


def place_in(sent: Mapping[str, Any], field: str) -> str:
    """Where a checked input says what our description has at ``field``: ``filter.data_row_ids[3]`` is
    ``input.filters.searchQuery.query[0].ids[3]``."""
    key, bracket, rest = field.partition("[")
    if key in _PLACES:
        return f"{_PLACES[key]}{bracket}{rest}"
    if key.startswith("filter."):
        return place_of(elements_of(sent), key.removeprefix("filter."), QUERY) + bracket + rest
    if key == "scope.id":
        named = sent["filters"].keys() & {"sliceId", "modelRunId"}
        return f"input.filters.{named.pop()}" if named else place_of(elements_of(sent), DATASET_TYPE, QUERY) + "[0]"
    return "input"


def _body(sent: Mapping[str, Any], conditions: Mapping[str, Any], address: str) -> dict[str, Any]:
    """Of rows whose work was skipped Labelbox exports the labels, too."""
    wanted, params = dict(conditions), sent.get("params") or {}
    if (named := params.get("mediaTypeOverride")) is not None:
        wanted["media_types"] = [_media_type(named)]
    return {
        "format": FORMAT,
        "labels": ALL.text,
        "interpolated_frames": bool(params.get("includeInterpolatedFrames")),
        "include": [part for name, part in _PARTS.items() if params.get(name)],
        "filter": wanted,
        "options": {"address": address},
    }


def _beside(sent: Mapping[str, Any]) -> dict[str, Any]:
    """Whose labels and predictions go with data rows. All of them include those that are named: the page of the
    original gives both."""
    params = sent.get("params") or {}
    found: dict[str, Any] = {}
    for ids, all_of, ours in (("projectIds", "allProjects", "project"), ("modelRunIds", "allModelRuns", "model_run")):
        if params.get(all_of):
            found[f"all_{ours}s"] = True
        elif params.get(ids):
            found[f"{ours}_ids"] = params[ids]
    return found


def _media_type(named: str) -> str:
    """Raises :class:`UserError`."""
    found = next((key for key, each in MEDIA_TYPES.items() if named in each.labelbox), None)
    if found is None:
        known = ", ".join(name for each in MEDIA_TYPES.values() for name in each.labelbox)
        raise UserError(
            f"mediaTypeOverride {named[:60]!r} is unknown; known: {known}", field="input.params.mediaTypeOverride"
        )
    return found
