"""What an importer hands to the store: one row in our shape. Ids and times are the source's own; ``None`` where it says
none, and the store gives them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from connections.store.notes import Note


@dataclass(slots=True)
class IncomingLabel:
    """One person's (or model's) work on a row.

    ``objects``, ``classifications`` and ``relationships`` are those of Labelbox's export row; ``feature_id`` and
    ``feature_schema_id`` may be missing, the store gives them. Geometry is in absolute pixels, floats, origin top left:

    * ``ImageBoundingBox``: ``"bounding_box": {"top", "left", "height", "width"}``
    * ``ImagePolygon``: ``"polygon": [{"x", "y"}, …]``, closed or not; with several rings
      ``"polygons": [[{"x", "y"}, …], …]`` holds all of them and ``"polygon"`` the first
    * ``ImagePolyline``: ``"line": [{"x", "y"}, …]`` · ``ImagePoint``: ``"point": {"x", "y"}``
    * ``ImageSegmentationMask``: ``"mask": {"size": [height, width], "counts": "<COCO compressed RLE>"}``
    * any other ``annotation_kind`` is carried as it is

    An object whose ``name`` is empty has no class. ``"is_further_label": true``: the shape of the next object that is
    none, once more, with another of its classes.

    An object that came from COCO keeps what COCO says: ``"source_extra": {"coco": {"id", "bbox", "area", …}}``.
    ``annotation_ids`` are COCO ids that the objects had, in their order, whatever they state themselves; empty where
    nobody says any. They are kept as far as they are free.
    ``more_details`` and ``more_annotations`` are what the source has besides in ``label_details`` and ``annotations``:
    ``"frames"`` and ``"segments"`` of a video, say (:mod:`connections.rows.frames`); ``extra`` stands beside those two.
    ``label_studio_results``: what :func:`connections.rows.label_studio.regions.results_of` makes of the label, where
    the importer had to know that anyway.
    A classification is ``{"name", "value", "radio_answer" | "checklist_answers" | "text_answer": …}``; what is neither
    chosen nor a text (a number, a path in a taxonomy) is ``{"name", "value", "number_answer": {"content": 7}}``, with
    any name before ``_answer``.
    """

    objects: list[dict[str, Any]] = field(default_factory=list)
    classifications: list[dict[str, Any]] = field(default_factory=list)
    relationships: list[dict[str, Any]] = field(default_factory=list)
    label_id: str | None = None
    created_ms: int | None = None
    updated_ms: int | None = None
    content_updated_ms: int | None = None
    created_by: str | None = None
    reviews: list[dict[str, Any]] = field(default_factory=list)
    performance: dict[str, Any] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)
    annotation_ids: list[int] = field(default_factory=list)
    more_details: dict[str, Any] = field(default_factory=dict)
    more_annotations: dict[str, Any] = field(default_factory=dict)
    label_studio_results: list[dict[str, Any]] | None = None


@dataclass(slots=True)
class IncomingRun:
    """A run of a model, as whoever it came from names it; empty or ``None``: not said, and what is known stays."""

    run_id: str
    model_id: str
    name: str = ""
    model_name: str = ""
    created_ms: int | None = None
    created_by: str | None = None
    training_metadata: dict[str, Any] | None = None


@dataclass(slots=True)
class IncomingPredictions:
    """What one run of a model says of a row. ``labels`` are the predictions, objects with a ``"confidence"`` from 0 to
    1 where the model had one. ``None``: not said, and what is known of the row stays. ``classes`` are those that they
    use, with their numbers."""

    run: IncomingRun
    labels: list[IncomingLabel] | None = None
    split: str | None = None
    annotation_group_id: str | None = None
    run_data_row_id: str | None = None
    classes: list[IncomingClass] = field(default_factory=list)


@dataclass(slots=True)
class IncomingRow:
    """One data row. ``key`` is what a second import recognises it by, and becomes its ``global_key``.

    ``position`` says where it stood, for messages: ``"row 12 (line 40, byte 4711)"``. ``number`` is the COCO image id
    that the source had; the row keeps it if it is free in the project. ``status`` is a review status. ``row_id`` is the
    source's id of the row, once in a project. ``part_of`` is the key of what the row is one picture of, which is not to
    be in the project as a row too. ``is_whole``: that might have been several such, and
    is this row alone. ``is_carried``: the source carries it beside its own, which it goes with; its times
    are those of where it came from. ``more_details`` is what ``data_row.details`` has besides. ``notes``:
    what a person should know of it. ``classes`` are those that it uses, with the numbers that the source has for them;
    what an importer knows of the file's classes it says apart. ``predictions`` are those of model runs.
    ``is_of_model_run``: the row was said for its predictions alone, and one that is there stays as it is.
    ``has_to_be_there``: nothing else of it is known, so it is refused where it is no more.
    """

    position: str
    key: str
    row_data: str
    status: str
    row_id: str | None = None
    number: int | None = None
    external_id: str | None = None
    media_attributes: dict[str, Any] = field(default_factory=dict)
    attachments: list[dict[str, Any]] = field(default_factory=list)
    metadata_fields: list[dict[str, Any]] = field(default_factory=list)
    embeddings: list[dict[str, Any]] = field(default_factory=list)
    labels: list[IncomingLabel] = field(default_factory=list)
    dataset: str = ""
    dataset_id: str | None = None
    batch_id: str = ""
    batch_name: str = ""
    priority: int | None = None
    created_ms: int | None = None
    updated_ms: int | None = None
    activity_ms: int | None = None
    created_by: str | None = None
    project_details: dict[str, Any] = field(default_factory=dict)
    classes: list[IncomingClass] = field(default_factory=list)
    project_tags: list[Any] = field(default_factory=list)
    more_details: dict[str, Any] = field(default_factory=dict)
    source_extra: dict[str, Any] = field(default_factory=dict)
    part_of: str = ""
    is_whole: bool = False
    is_carried: bool = False
    predictions: list[IncomingPredictions] = field(default_factory=list)
    is_of_model_run: bool = False
    has_to_be_there: bool = False
    notes: list[Note] | None = None


@dataclass(slots=True)
class IncomingClass:
    """A class or question that the source names with a number of its own (COCO ``categories``)."""

    name: str
    number: int | None = None
    is_question: bool = False
    supercategory: str = ""
    extra: dict[str, Any] = field(default_factory=dict)
