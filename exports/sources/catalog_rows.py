"""Data rows of a catalog put together: from the entries of the projects that have them, and what model runs say.

The stored bytes are spliced, and parsed only where a format takes fragments of rows that have no labels in the file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from django.db.models import QuerySet

from connections.rows.batch import COCO, CSV, CSV_SAFE, OntologyClass, RowBatch
from connections.rows.body import (
    join_body,
    named_project,
    project_without_labels,
    read_bodies,
    split_body,
    with_activity,
)
from connections.rows.coco import render_coco
from connections.rows.coco_lists import render_lists
from connections.rows.counts import renumbered, sum_of_counts
from connections.rows.csv import render_csv
from connections.rows.experiments import RunOfRow, labels_within, members_of
from exportadmin.lib.times import iso_utc
from exports.sources.labels import LabelFilter
from exports.sources.model_run import RunColumns
from exports.sources.store import ProjectTable

# how statuses count rows that are in none of the projects whose labels are taken, and those of several statuses
IN_NO_PROJECT: Final = "in no project whose labels are taken"
SEVERAL_STATUSES: Final = "several"
# what is noted of a catalog's rows in check values, by the keys of exports.check_values.NOTE_TEXTS
TOLD_DIFFERENTLY: Final = "told_differently"
RUNS_TOLD_TWICE: Final = "runs_told_twice"
SELECTED_ELSEWHERE: Final = "selected_elsewhere"
_MOST_TEXTS: Final = 20_000


@dataclass(slots=True)
class Part:
    """One of the projects that are read; to its label filter it is the reader of its rows."""

    pk: int
    public_id: str
    name: str
    revision: int
    table: ProjectTable
    ontology: Sequence[OntologyClass] = ()
    label_filter: LabelFilter | None = None
    # (is it a question, number here) → number among the classes of all projects
    numbers: dict[tuple[bool, int], int] = field(default_factory=dict)
    counts: dict[str, str] = field(default_factory=dict)
    # of its model runs, those whose predictions are taken
    runs: RunColumns | None = None

    def documents(self, numbers: Sequence[int]) -> Iterator[dict[str, Any]]:
        """See :class:`exports.sources.base.Reader`."""
        return self.table.documents(numbers)

    def choose_labels(self, cannot_hold: Collection[str]) -> None:
        """See :class:`exports.sources.base.Reader`."""
        return


class Held(NamedTuple):
    """What a project whose labels are taken has of a batch: ``rows`` with the labels that leave, their ``places`` by
    row id, and the ``ids`` of all its rows of the batch."""

    part: Part
    rows: RowBatch
    places: Mapping[str, int]
    ids: frozenset[str]


# a row of a project, with its place in the batch
_Found = Sequence[tuple[Part, RowBatch, int]]


class CatalogRows:
    """Of one reading. ``order`` are the projects that are read, ``only`` the one whose labels are taken, where it is
    one; ``project_id`` bears rows that are in none, for formats that hold one project (``holds_several``: others).
    ``next_number`` is the first of the file's own numbers. ``notes`` counts what the choice of a first project hides.
    """

    def __init__(
        self,
        order: Sequence[Part],
        only: Part | None,
        *,
        parts: Collection[str],
        columns: frozenset[str],
        takes_runs: bool,
        holds_several: bool,
        project_id: str,
        next_number: int,
        fetch: Callable[[QuerySet[Any, Any]], list[tuple[Any, ...]]],
    ) -> None:
        self._order, self._only = order, only
        self._parts, self._columns = parts, columns
        self._takes_runs, self._holds_several = takes_runs, holds_several
        self._project_id, self._next_number = project_id, next_number
        self._fetch = fetch
        self.notes: Counter[str] = Counter()

    def joined(self, place: int, own: RowBatch, batch: RowBatch, held: Sequence[Held]) -> RowBatch:
        """Rows ``own`` of the project at this place of the order, with what the other projects hold of them (``batch``
        says whatever is told of all projects)."""
        if self._takes_runs:
            batch.experiments = self._experiments(batch, held)
        if self._order[place] is self._only:
            return self._as_they_are(own, batch, held[0])
        return self._assembled(own, batch, held)

    def _experiments(self, batch: RowBatch, held: Sequence[Held]) -> list[list[RunOfRow]]:
        """The runs that each row is in, each once: of several projects that call one alike, the first one's."""
        told: list[dict[tuple[str, str], RunOfRow]] = [{} for _ in batch.row_ids]
        holding = {each.part.pk: each for each in held}
        for part in self._order:
            if part.runs is None:
                continue
            places = {origin[part.pk]: place for place, origin in enumerate(batch.origins) if part.pk in origin}
            for rows in part.table.numbered(list(places)):
                for number, *values in self._fetch(part.runs.of_rows(rows)):
                    place, of_row = places[number], part.runs.run_of_row(values)
                    key = of_row.run.model_id, of_row.run.run_id
                    if key in told[place]:
                        self.notes[RUNS_TOLD_TWICE] += 1
                        continue
                    told[place][key] = of_row._replace(
                        class_counts=self._renumbered(part, of_row.class_counts),
                        unscored=self._renumbered(part, of_row.unscored),
                        used=b"",  # numbers of its project's classes, which are others here; no row says them
                        labels=self._labels_beside(holding.get(part.pk), batch.row_ids[place]),
                    )
        return [list(each.values()) for each in told]

    def _labels_beside(self, held: Held | None, row_id: str) -> bytes:
        if held is None or not held.rows.bodies or row_id not in held.places:
            return b"[]"
        _, project, _ = split_body(held.rows.bodies[held.places[row_id]])
        return labels_within(project)

    def _members(self, batch: RowBatch, place: int) -> bytes | None:
        return members_of(batch.experiments[place], self._parts) if self._takes_runs else None

    def _as_they_are(self, own: RowBatch, batch: RowBatch, held: Held) -> RowBatch:
        """Rows of the one project whose labels are taken: its own bytes, but for what the other projects do."""
        made = held.rows.take([held.places[row_id] for row_id in batch.row_ids])
        made.label_times, made.activity_ms, made.origins = batch.label_times, batch.activity_ms, batch.origins
        if made.bodies and batch.activity_ms != own.activity_ms:
            made.bodies = _with_activity(made.bodies, own.activity_ms, batch.activity_ms)
        if self._takes_runs:
            made.experiments = batch.experiments
            made.bodies = [
                join_body(head, [project], extra, self._members(batch, place))
                for place, (head, project, extra) in enumerate(map(split_body, made.bodies))
            ]
        return made

    def _assembled(self, own: RowBatch, batch: RowBatch, held: Sequence[Held]) -> RowBatch:
        """Data rows with the entries of projects put into them."""
        found: list[_Found] = [
            [(each.part, each.rows, each.places[row_id]) for each in held if row_id in each.places]
            for row_id in batch.row_ids
        ]
        made = batch.take(range(len(batch)))
        made.statuses = [status_of_several([rows.statuses[at] for _, rows, at in each]) for each in found]
        made.annotation_counts = [sum(rows.annotation_counts[at] for _, rows, at in each) for each in found]
        made.class_counts = [
            sum_of_counts([self._renumbered(part, rows.class_counts[at]) for part, rows, at in each]) for each in found
        ]
        made.label_flags, made.label_creators = [0] * len(batch), ()
        # numbers of the file's own, behind those of the project whose labels are taken
        made.numbers = list(range(self._next_number, self._next_number + len(batch)))
        self._next_number += len(batch)
        made.annotation_starts = [0] * len(batch)
        if own.bodies:
            bodies = _with_activity(own.bodies, own.activity_ms, batch.activity_ms)
            made.bodies = [
                self._body(body, each, self._members(batch, place))
                for place, (body, each) in enumerate(zip(bodies, found, strict=True))
            ]
            self._add_fragments(made)
        return made

    def _renumbered(self, part: Part, text: str) -> str:
        """Counts of one project, by the classes of all; few texts are many rows."""
        if text not in part.counts:
            if len(part.counts) > _MOST_TEXTS:
                part.counts.clear()
            part.counts[text] = renumbered(text, part.numbers)
        return part.counts[text]

    def _body(self, body: bytes, found: _Found, experiments: bytes | None) -> bytes:
        head, _, _ = split_body(body)
        if not found and not self._holds_several:
            return join_body(head, [project_without_labels(self._project_id)])
        entries, extra = [], b""
        for part, rows, at in found:
            _, entry, extra = split_body(rows.bodies[at])
            entries.append(named_project(entry, part.name, extra if len(found) > 1 else b""))
        return join_body(head, entries, extra if len(found) == 1 else b"", experiments)

    def _add_fragments(self, made: RowBatch) -> None:
        """Of rows that have no labels in the file, for formats that take fragments."""
        if not self._columns & {COCO, CSV, CSV_SAFE}:
            return
        documents = list(read_bodies(made.bodies, made.embeddings))
        if COCO in self._columns:
            images = [
                render_coco(document, number=number, class_numbers={})
                for document, number in zip(documents, made.numbers, strict=True)
            ]
            made.coco_images = [image for image, _ in images]
            made.coco_annotations = [annotations for _, annotations in images]
            made.coco_lists = [
                render_lists(document, number=number) for document, number in zip(documents, made.numbers, strict=True)
            ]
        if self._columns & {CSV, CSV_SAFE}:
            lines = [
                render_csv(document, number=number) for document, number in zip(documents, made.numbers, strict=True)
            ]
            made.csv_exact = [exact for exact, _ in lines]
            made.csv_safe = [safe or exact for exact, safe in lines]


def status_of_several(statuses: Sequence[str]) -> str:
    found = set(statuses)
    if not found:
        return IN_NO_PROJECT
    return found.pop() if len(found) == 1 else SEVERAL_STATUSES


def _with_activity(bodies: Sequence[bytes], before: Sequence[int], now: Sequence[int]) -> list[bytes]:
    return [
        body if was == is_now else with_activity(body, iso_utc(was), iso_utc(is_now))
        for body, was, is_now in zip(bodies, before, now, strict=True)
    ]
