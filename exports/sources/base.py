"""What every source speaks: the Selection of an export, the batches of rows that come back, the ontology.

A row has one shape whatever the source: the documented Labelbox export row. Rows travel in column batches, so that
the writers can join, count and hash in C; nothing in the export path touches a row in Python unless it has to.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

from connections.models import Project
from connections.rows.batch import OntologyClass, RowBatch
from exports.check_values import LabelCounts
from exports.spec.selection import Selection


class Reader(Protocol):
    """One consistent reading of a source: every batch sees the same moment."""

    # whose labels the rows have: the project that was asked, unless the labels are another one's
    project_id: str
    project_name: str
    ontology: Sequence[OntologyClass]
    # what the project keeps of files beside rows and classes, by the format that it came from
    project_extra: Mapping[str, Any]
    rows_expected: int | None
    # rows that the platform itself left out, by filter key: read = kept + dropped must add up
    dropped_at_source: Mapping[str, int]
    # rows that were deleted after the revision of the condition; ``None`` where none was
    removed_since: int | None
    # of the projects that it reads beside the one that was asked: primary key → revision at this moment
    other_revisions: Mapping[int, int]

    @property
    def revision(self) -> int | None:
        """The project's at this moment; ``None`` where the source counts none."""
        ...

    def batches(self) -> Iterator[RowBatch]:
        """Rows in canonical order."""
        ...

    def documents(self, numbers: Sequence[int]) -> Iterator[dict[str, Any]]:
        """Complete rows of the batch that was handed out last, parsed, in the order of ``numbers``; each a new one."""
        ...

    def choose_labels(self, cannot_hold: Collection[str]) -> LabelsChosen | None:
        """Whoever asks this leaves the choice of labels to the reader where it makes it itself; asked before the first
        batch. ``None``: :class:`exports.sources.labels.LabelFilter` makes it, on rows of one project.
        """
        ...


@dataclass(slots=True)
class LabelsChosen:
    """What became of labels in a reader that chooses them itself, counted while its batches pass. ``dropped`` are rows,
    by why they stay out, as in :class:`exports.sources.labels.LabelFilter`; ``notes`` what check values should say
    of the rows besides, by the keys of :data:`exports.check_values.NOTE_TEXTS`."""

    counts: LabelCounts
    dropped: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)


class Source(ABC):
    """Reads rows of one project. ``pushed_down`` are the keys of the conditions that it applies itself."""

    key: ClassVar[str]
    title: ClassVar[str]
    pushed_down: ClassVar[frozenset[str]]

    def __init__(self, project: Project) -> None:
        self.project = project

    def undecided(self, selection: Selection) -> Selection:
        """What is still to be tested on what comes back: all of it, but for rows that were selected once before."""
        return selection

    @abstractmethod
    def open(self, selection: Selection, columns: frozenset[str]) -> AbstractContextManager[Reader]:
        """Begin a consistent reading. ``columns`` are the column groups needed (:data:`BODY`, :data:`COCO`, …)."""
