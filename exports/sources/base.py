"""What every source speaks: the Selection that was asked for, the batches of rows that come back, the ontology.

A row has one shape whatever the source (DESIGN.md §3): the Labelbox export row. Rows travel in column batches, so that
the writers can join, count and hash in C; nothing in the export path touches a row in Python unless it has to.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import ClassVar, Protocol

from connections.rows.batch import OntologyClass, RowBatch
from connections.store.overview import Changes, Overview, ProjectSummary
from exports.spec.selection import Selection


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


class Source(ABC):
    """Reads rows of one project. ``honours`` are the filter keys that the platform applies itself (pushed down)."""

    key: ClassVar[str]
    title: ClassVar[str]
    pushed_down: ClassVar[frozenset[str]]

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
    def stands(self, project_ids: Sequence[str]) -> Mapping[str, ProjectSummary]:
        """How these projects stand, for lists: a few queries however many they are. Missing: no rows."""
