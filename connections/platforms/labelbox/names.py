"""What stands in a Labelbox connection, read; what can be exported there, by which ids we call it; its own words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from connections.platforms import fields
from exportadmin.lib.errors import PermanentError, UserError
from exportadmin.lib.times import parse_ms

DEFAULT_ENDPOINT: Final = "https://api.labelbox.com/graphql"
# where a row stands, as filters have it, and a title each
STATUSES: Final[Mapping[str, str]] = {
    "ToLabel": "To label",
    "InReview": "In review",
    "InRework": "In rework",
    "Done": "Done",
}
# as rows have it → as filters do
STATUS_OF_ROWS: Final[Mapping[str, str]] = {
    "TO_LABEL": "ToLabel",
    "IN_REVIEW": "InReview",
    "IN_REWORK": "InRework",
    "DONE": "Done",
}
MEDIA_TYPES: Final = (
    "AUDIO",
    "CONVERSATIONAL",
    "PDF",
    "TMS_GEO",
    "HTML",
    "IMAGE",
    "TMS_SIMPLE",
    "TEXT",
    "VIDEO",
    "POINT_CLOUD",
    "LLM",
)
MOST_IDS: Final = 2000
MOST_PROJECTS: Final = 30

# parts of rows: our option → the name in what is sent
_EVERYWHERE: Final[Mapping[str, str]] = {
    "attachments": "includeAttachments",
    "metadata_fields": "includeMetadata",
    "embeddings": "includeEmbeddings",
    "data_row_details": "includeDataRowDetails",
}
_OF_PROJECTS: Final[Mapping[str, str]] = {
    "project_details": "includeProjectDetails",
    "label_details": "includeLabelDetails",
    "performance_details": "includePerformanceDetails",
    "interpolated_frames": "includeInterpolatedFrames",
}
_OF_MODEL_RUNS: Final[Mapping[str, str]] = {
    "predictions": "includePredictions",
    "model_run_details": "includeModelRunDetails",
}
_OF_SEVERAL: Final[Mapping[str, str]] = {"all_projects": "allProjects", "all_model_runs": "allModelRuns"}
PARTS: Final[Mapping[str, str]] = {**_EVERYWHERE, **_OF_PROJECTS, **_OF_MODEL_RUNS}
_LISTS: Final[Mapping[str, str]] = {"project_ids": "projectIds", "model_run_ids": "modelRunIds"}
# filters by lists of ids: our option → the type of the element
ID_FILTERS: Final[Mapping[str, str]] = {
    "data_row_ids": "data_row_id",
    "global_keys": "global_key",
    "batch_ids": "batch",
}
# filters by moments, each with two bounds
MOMENTS: Final[Mapping[str, str]] = {
    "last_activity": "data_row_last_activity_at",
    "label_created": "labeled_at",
}
_OF_ROWS: Final = frozenset({"last_activity", "label_created", "data_row_ids", "global_keys"})


@dataclass(frozen=True, slots=True)
class Sort:
    """One sort of thing whose rows can be exported. ``prefix`` is that of our ids for it (``dataset:``; a project has
    none), ``noun`` stands in sentences.

    ``parts`` (yes or no), ``lists`` and ``flags`` are our options → the names under which they are sent; ``filters``
    are those that Labelbox documents for it, by the names of :data:`ID_FILTERS` and :data:`MOMENTS` or ``statuses``.
    ``undocumented`` are parts that its own SDK sends, and its documentation has for another sort alone.
    """

    prefix: str
    noun: str
    mutation: str
    parts: Mapping[str, str]
    filters: frozenset[str] = frozenset()
    lists: Mapping[str, str] = field(default_factory=dict)
    flags: Mapping[str, str] = field(default_factory=dict)
    undocumented: Mapping[str, str] = field(default_factory=dict)

    @property
    def options(self) -> frozenset[str]:
        """What may be asked of it besides filters."""
        return frozenset({*self.parts, *self.lists, *self.flags, "media_type_override"})


PROJECT: Final = Sort(
    "",
    "a project",
    "exportDataRowsInProject",
    {**_EVERYWHERE, **_OF_PROJECTS},
    _OF_ROWS | {"batch_ids", "statuses"},
)
_PREDICTIONS: Final[Mapping[str, str]] = {"predictions": "includePredictions"}
DATASET: Final = Sort(
    "dataset:", "a dataset", "exportDataRowsInCatalog", PROJECT.parts, _OF_ROWS, _LISTS, _OF_SEVERAL, _PREDICTIONS
)
CATALOG: Final = replace(DATASET, prefix="catalog:", noun="the catalog")
SLICE: Final = replace(DATASET, prefix="slice:", noun="a slice", mutation="exportDataRowsInSlice", filters=frozenset())
MODEL_RUN: Final = Sort("model_run:", "a model run", "exportDataRowsInModelRun", {**_EVERYWHERE, **_OF_MODEL_RUNS})
SORTS: Final = (DATASET, SLICE, MODEL_RUN, CATALOG, PROJECT)
ALL: Final = "all"
THE_CATALOG: Final = f"{CATALOG.prefix}{ALL}"
_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,100}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Thing:
    """What one of our ids means: ``sort`` and its id there."""

    sort: Sort
    id: str


def thing(external_id: str) -> Thing:
    """``dataset:ID``, ``slice:ID``, ``model_run:ID`` and ``catalog:all`` are these, and an id alone is a project's.

    Raises ``PermanentError`` for what is none of them.
    """
    sort = next(one for one in SORTS if external_id.startswith(one.prefix))
    found = external_id.removeprefix(sort.prefix)
    if not _ID.fullmatch(found) or (sort is CATALOG and found != ALL):
        known = ", ".join(f"{one.prefix}ID" for one in SORTS if one is not CATALOG)
        raise PermanentError(f"{external_id[:80]!r} is no id of Labelbox's: expected {known} or {THE_CATALOG}")
    return Thing(sort, found)


def bound(options: Mapping[str, Any], name: str) -> int | None:
    """A moment among options, in milliseconds of whole seconds. Raises :class:`UserError`."""
    text = options.get(name)
    if not text:
        return None
    ms = parse_ms(text, field="options")
    if ms % 1000:
        raise UserError(f"{name}: Labelbox takes whole seconds", field="options")
    return ms


def endpoint(text: str) -> str:
    """``https://host[:port]/path/graphql``. Raises :class:`UserError`."""
    return fields.base_address(text, example=f"{DEFAULT_ENDPOINT} or https://host/dialects/labelbox/graphql")
