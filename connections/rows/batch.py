"""Rows in column batches, so that writers can join, count and hash in C.

Nothing in the export path touches a row in Python unless it has to. A row has one shape whatever it came from: the
documented Labelbox export row.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from connections.rows.experiments import RunOfRow

# The parts that an export may leave out (Labelbox's export parameters, and our own ids), in the order in which they
# stand in a row.
PARTS: tuple[str, ...] = (
    "data_row_details",
    "attachments",
    "metadata_fields",
    "embeddings",
    "label_details",
    "performance_details",
    "project_details",
    "backup",
)

# The parts that go with runs of models alone (:mod:`connections.rows.experiments`), in that order.
PREDICTIONS: Final = "predictions"
MODEL_RUN_DETAILS: Final = "model_run_details"
RUN_PARTS: Final = (PREDICTIONS, MODEL_RUN_DETAILS)
ALL_PARTS: Final = (*PARTS, *RUN_PARTS)

# Column groups that a format can ask for on top of the filter columns.
BODY, COCO, CSV, CSV_SAFE = "body", "coco", "csv", "csv_safe"
# In the place of the body, where the source keeps it: the row as a task of Label Studio.
LABEL_STUDIO: Final = "label_studio"
# No group, but the word of a format whose rows may have the labels of several projects, or of none.
SEVERAL = "several"


@dataclass(frozen=True, slots=True)
class OntologyClass:
    """A class of annotations, or (``is_question``) a classification question.

    ``number`` is its COCO category id where it is a class; it never changes once given. Classes and questions are
    numbered apart.
    """

    number: int
    name: str
    is_question: bool = False
    supercategory: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class RowBatch:
    """Some rows, column by column; every list has the same length, in the source's canonical order.

    ``bodies`` are row bytes with parts marked as :mod:`connections.rows.body` says; ``coco_*`` and ``csv_*`` are
    the fragments of :mod:`connections.rows.coco`, ``.coco_lists`` and ``.csv``. Groups that were not asked for are
    empty lists.
    ``label_studio_tasks`` are those of :func:`connections.rows.label_studio.tasks.stored_task`; where one is not empty,
    the row's body is.
    ``class_counts`` counts a row's annotations: ``"b3:2 c1:1"`` is two boxes of class 3, one answer to question 1.
    ``label_times`` are the creation times of the row's labels in ms, separated by blanks. ``updated_ms`` and the other
    times are those of whoever the row came from; they, batches and datasets may be
    missing where there is no condition.
    ``revisions`` are the store's, there where a condition asks for them.
    ``annotation_starts`` are the COCO ids of the rows' first annotations, where the source hands them out.
    ``label_flags`` and ``label_creators`` are what :mod:`connections.rows.labels` makes of a row's labels; where there
    are no flags, rows are looked into. ``label_creators`` are there where a choice of labels asks for them.
    ``origins`` are there where rows are of several projects: the number that each has there, by the projects' keys.
    ``experiments`` are the model runs that each row is in, where the scope of an export takes any.
    ``media_types`` are keys of :data:`connections.rows.media_types.MEDIA_TYPES`, empty where nothing says it; no list
    where the source does not know.
    """

    row_ids: Sequence[str]
    global_keys: Sequence[str]
    statuses: Sequence[str]
    label_times: Sequence[str]
    annotation_counts: Sequence[int]
    class_counts: Sequence[str]
    numbers: Sequence[int]
    batch_ids: Sequence[str] = ()
    dataset_ids: Sequence[str] = ()
    dataset_names: Sequence[str] = ()
    updated_ms: Sequence[int] = ()
    activity_ms: Sequence[int] = ()
    revisions: Sequence[int] = ()
    bodies: Sequence[bytes] = ()
    embeddings: Sequence[bytes] = ()
    coco_images: Sequence[bytes] = ()
    coco_annotations: Sequence[bytes] = ()
    coco_lists: Sequence[bytes] = ()
    csv_exact: Sequence[bytes] = ()
    csv_safe: Sequence[bytes] = ()
    label_studio_tasks: Sequence[bytes] = ()
    annotation_starts: Sequence[int] = ()
    label_flags: Sequence[int] = ()
    label_creators: Sequence[str] = ()
    media_types: Sequence[str] = ()
    origins: Sequence[Mapping[int, int]] = ()
    experiments: Sequence[Sequence[RunOfRow]] = ()

    def __len__(self) -> int:
        return len(self.row_ids)

    def take(self, indices: Sequence[int]) -> RowBatch:
        """A batch of only the rows at ``indices``."""
        kept: dict[str, Any] = {}
        for column in dataclasses.fields(self):
            values = getattr(self, column.name)
            kept[column.name] = list(map(values.__getitem__, indices)) if values else values
        return RowBatch(**kept)
