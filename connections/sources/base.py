"""What every source speaks: the Selection that was asked for, the batches of rows that come back, the ontology.

A row has one shape whatever the source (DESIGN.md §3): the Labelbox export row. Rows travel in column batches, so that
the writers can join, count and hash in C; nothing in the export path touches a row in Python unless it has to.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

# The parts that an export may leave out (contracts/labelbox.md §2.1), in the order in which they stand in a row.
PARTS: tuple[str, ...] = (
    "data_row_details",
    "attachments",
    "metadata_fields",
    "embeddings",
    "label_details",
    "performance_details",
    "project_details",
)

# Column groups that a format can ask for on top of the filter columns.
BODY, COCO, CSV = "body", "coco", "csv"

# One letter a kind of mark, as it stands in ``RowBatch.marks``.
KIND_NAMES: dict[str, str] = {
    "b": "box",
    "p": "polygon",
    "m": "mask",
    "l": "polyline",
    "o": "point",
    "c": "classification",
    "x": "other",
}


@dataclass(frozen=True, slots=True)
class Window:
    """Inclusive bounds in milliseconds; ``None`` is open."""

    start_ms: int | None = None
    end_ms: int | None = None

    def holds(self, ms: int) -> bool:
        """Is ``ms`` inside?"""
        return (self.start_ms is None or ms >= self.start_ms) and (self.end_ms is None or ms <= self.end_ms)


@dataclass(frozen=True, slots=True)
class Selection:
    """Everything that was asked, frozen. ``None`` means "not asked"; all that is asked is ANDed.

    ``updated_after_ms`` is exclusive (a row changed exactly then was already seen), the windows are inclusive.
    """

    project_id: str
    statuses: frozenset[str] | None = None
    updated_after_ms: int | None = None
    last_activity: Window | None = None
    label_created: Window | None = None
    workflow_groups: frozenset[str] | None = None
    batch_ids: frozenset[str] | None = None
    global_keys: frozenset[str] | None = None
    data_row_ids: frozenset[str] | None = None
    with_annotations: bool | None = None
    parts: frozenset[str] = frozenset(PARTS)

    def is_everything(self) -> bool:
        """True when no row can be dropped."""
        return dataclasses.replace(self, parts=frozenset()) == Selection(self.project_id, parts=frozenset())


@dataclass(frozen=True, slots=True)
class OntologyClass:
    """A class of marks, or (``is_question``) a classification question.

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

    ``bodies`` are row bytes with parts marked as :mod:`connections.rendering.body` says; ``coco_*`` and ``csv_*`` are
    the fragments of :mod:`connections.rendering.coco` and ``.csv``. Groups that were not asked for are empty lists.
    ``marks`` counts a row's annotations: ``"b3:2 c1:1"`` is two boxes of class 3, one answer to question 1.
    ``label_times`` are the creation times of the row's labels in ms, separated by blanks.
    """

    row_ids: Sequence[str]
    global_keys: Sequence[str]
    statuses: Sequence[str]
    batch_ids: Sequence[str]
    updated_ms: Sequence[int]
    activity_ms: Sequence[int]
    label_times: Sequence[str]
    annotation_counts: Sequence[int]
    marks: Sequence[str]
    numbers: Sequence[int]
    bodies: Sequence[bytes] = ()
    embeddings: Sequence[bytes] = ()
    coco_images: Sequence[bytes] = ()
    coco_annotations: Sequence[bytes] = ()
    csv_exact: Sequence[bytes] = ()
    csv_safe: Sequence[bytes] = ()

    def __len__(self) -> int:
        return len(self.row_ids)

    def take(self, indices: Sequence[int]) -> RowBatch:
        """A batch of only the rows at ``indices``."""
        kept: dict[str, Any] = {}
        for column in dataclasses.fields(self):
            values = getattr(self, column.name)
            kept[column.name] = [values[i] for i in indices] if values else values
        return RowBatch(**kept)


class Reader(Protocol):
    """One consistent reading of a source: every batch sees the same moment."""

    project_name: str
    ontology: Sequence[OntologyClass]
    rows_expected: int | None
    # rows that the platform itself left out, by filter key: read = kept + dropped must add up
    dropped_at_source: Mapping[str, int]

    def batches(self) -> Iterator[RowBatch]:
        """Rows in canonical order."""
        ...


@dataclass(frozen=True, slots=True)
class Overview:
    """What a project holds now. ``by_class`` and ``by_kind`` count annotations, ``batches`` rows by batch id.

    ``activity_ms`` is the latest activity of any row, ``updated_ms`` the latest change; ``None`` without rows.
    """

    rows: int
    annotations: int
    by_status: Mapping[str, int]
    by_class: Mapping[str, int]
    by_kind: Mapping[str, int]
    batches: Mapping[str, int]
    activity_ms: int | None
    updated_ms: int | None


@dataclass(frozen=True, slots=True)
class Stand:
    """A project in a list: how many rows, and when one of them came or changed last (``None`` without rows)."""

    rows: int
    updated_ms: int | None


@dataclass(frozen=True, slots=True)
class Changes:
    """What has changed since a moment: rows that came (``added``), and others that were ``changed``."""

    added: int
    changed: int

    @property
    def any(self) -> int:
        """Rows that are not as they were."""
        return self.added + self.changed


class Source(ABC):
    """Reads rows of one project. ``honours`` are the filter keys that the platform applies itself (pushed down)."""

    key: ClassVar[str]
    title: ClassVar[str]
    honours: ClassVar[frozenset[str]]

    @abstractmethod
    def open(self, selection: Selection, columns: frozenset[str]) -> AbstractContextManager[Reader]:
        """Begin a consistent reading. ``columns`` are the column groups needed (:data:`BODY`, :data:`COCO`, …)."""

    @abstractmethod
    def overview(self, project_id: str) -> Overview:
        """The project's figures as they are now. May be some seconds old where counting is dear."""

    @abstractmethod
    def changes_since(self, project_id: str, since_ms: int) -> Changes:
        """Rows that came or changed after ``since_ms`` (exclusive)."""

    @abstractmethod
    def stands(self, project_ids: Sequence[str]) -> Mapping[str, Stand]:
        """How these projects stand, for lists: a few queries however many they are. Missing: no rows."""
