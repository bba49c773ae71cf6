"""Which labels of the rows leave: decided here for every source, after the conditions.

Most rows leave with all of their labels, or with none; that is told by columns beside the row, and their bytes pass as
they are. The others are read, and rendered anew without the labels that stay out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final, Protocol

from connections.rows.backup import render_backup
from connections.rows.batch import BODY, COCO, CSV, OntologyClass, RowBatch
from connections.rows.body import render_body
from connections.rows.coco import annotation_ids, render_coco
from connections.rows.counts import count_annotations
from connections.rows.csv import render_csv
from connections.rows.frames import objects_of
from connections.rows.interpolation import interpolate
from connections.rows.kinds import KINDS
from connections.rows.labels import (
    SEVERAL,
    SKIPPED,
    Label,
    count_of,
    creators_text,
    is_skipped,
    label_flags,
    labels_of,
)
from connections.rows.media_types import VIDEO
from exports.check_values import LabelCounts
from exports.sources.base import LabelsChosen
from exports.spec.conditions import CONDITIONS
from exports.spec.labels import ALL, NO_LABEL_LEFT, SKIPPED_LABELS
from exports.spec.selection import Selection

# the letters of kinds that stand in frames
_IN_FRAMES: Final = frozenset(kind.letter for kind in KINDS.values() if kind.unit == "frame")
# what is written anew of a row of which not every label leaves
_RENDERED: Final = (
    "label_times",
    "label_flags",
    "label_creators",
    "annotation_counts",
    "class_counts",
    "annotation_starts",
    "bodies",
    "coco_annotations",
    "csv_exact",
    "csv_safe",
    "label_studio_tasks",
)


class LabelReader(Protocol):
    """What is asked of whoever reads the rows: part of :class:`exports.sources.base.Reader`."""

    ontology: Sequence[OntologyClass]

    def documents(self, numbers: Sequence[int]) -> Iterator[dict[str, Any]]: ...

    def choose_labels(self, cannot_hold: Collection[str]) -> LabelsChosen | None: ...


class LabelFilter:
    """The labels of one run's rows. ``counts`` are taken over the rows that the other conditions keep.

    ``columns`` are the column groups that are read; ``cannot_hold`` is the format's. ``dropped`` counts rows that stay
    out since no label of theirs leaves (:data:`NO_LABEL_LEFT`), or, by their keys, since conditions about labels hold
    for none of those that leave.
    """

    def __init__(
        self,
        selection: Selection,
        reader: LabelReader,
        columns: Collection[str],
        cannot_hold: Collection[str] = frozenset(),
    ) -> None:
        chosen = reader.choose_labels(cannot_hold)
        self._is_done = chosen is not None
        self.counts = chosen.counts if chosen else LabelCounts(selection.labels.text)
        self._interpolates = selection.interpolated_frames
        if self._interpolates and self.counts.computed is None:
            self.counts.computed = Counter()
        self.dropped: Counter[str] = chosen.dropped if chosen else Counter()
        self.notes: Counter[str] = chosen.notes if chosen else Counter()
        self._choice = selection.labels
        # whatever is chosen
        self._without_skipped = SKIPPED_LABELS in cannot_hold
        self._reader = reader
        self._columns = columns
        self._classes = {one.name: one.number for one in reader.ontology if not one.is_question}
        self._questions = {one.name: one.number for one in reader.ontology if one.is_question}
        self._tests = [
            (key, condition, selection.conditions[key])
            for key, condition in CONDITIONS.items()
            if key in selection.conditions and condition.reads_labels
        ]

    def apply(self, batch: RowBatch) -> RowBatch:
        """The rows of the batch with the labels that leave (the batch itself when all do).

        Conditions about labels are tested on what leaves.
        """
        if self._is_done:
            return batch
        if not batch.label_flags and len(batch):
            batch = self._with_flags(batch)
        several = _has_several(batch)
        if several:
            self._count_several(batch)
        anew: set[int] = set()
        batch = self._chosen(batch, anew)
        if self._interpolates:
            batch = self._interpolated(batch, anew)
        for key, condition, value in self._tests:
            failing = set(condition.failing(value, batch)) if len(batch) else ()
            if failing:
                self.dropped[key] += len(failing)
                batch = batch.take([place for place in range(len(batch)) if place not in failing])
        if several:
            self.counts.rows_leaving_with_several += sum(flags & SEVERAL for flags in batch.label_flags)
        return batch

    def _chosen(self, batch: RowBatch, anew: set[int]) -> RowBatch:
        """``anew`` gets the numbers of the rows that are rendered anew."""
        if not len(batch) or (self._choice == ALL and not self._without_skipped):
            return batch
        keys: Sequence[Any]
        if self._choice.takes_person:
            keys = list(zip(batch.label_flags, batch.label_creators, strict=True))
            known = {key: self._known(*key) for key in set(keys)}
        else:
            keys = batch.label_flags
            known = {flags: self._known(flags, "") for flags in set(keys)}
            if list(known.values()) == [True]:  # as nearly always
                return batch
        leaving_whole = {key for key, verdict in known.items() if verdict is True}
        if len(leaving_whole) == len(known):
            return batch
        out: set[int] = set()
        undecided: list[int] = []
        for place in [place for place, key in enumerate(keys) if key not in leaving_whole]:
            verdict = known[keys[place]]
            if isinstance(verdict, str):
                self._count_whole(batch, place, verdict)
                out.add(place)
            elif not verdict:
                undecided.append(place)
        if undecided:
            batch = self._look_into(batch, undecided, out, anew)
        if not out:
            return batch
        self.dropped[NO_LABEL_LEFT] += len(out)
        return batch.take([place for place in range(len(batch)) if place not in out])

    def _known(self, flags: int, creators: str) -> str | bool:
        if not flags:  # no label
            return self._choice.keeps_unlabelled or NO_LABEL_LEFT
        verdict = self._choice.known(flags, creators)
        if verdict is True and flags & SKIPPED and self._without_skipped:
            return False if flags & SEVERAL else SKIPPED_LABELS
        return verdict

    def _reasons(self, document: Mapping[str, Any]) -> list[str]:
        labels = labels_of(document)
        reasons = self._choice.reasons_in(document)
        if self._without_skipped:
            return [
                reason or (SKIPPED_LABELS if is_skipped(label) else "")
                for label, reason in zip(labels, reasons, strict=True)
            ]
        return reasons

    def _count_several(self, batch: RowBatch) -> None:
        for flags, times in zip(batch.label_flags, batch.label_times, strict=True):
            if flags & SEVERAL:
                self.counts.rows_with_several += 1
                self.counts.labels_in_them += times.count(" ") + 1

    def _count_whole(self, batch: RowBatch, place: int, reason: str) -> None:
        """A row that stays out with all of its labels, for one reason."""
        if times := batch.label_times[place]:
            self.counts.left_out[reason] += times.count(" ") + 1
            self.counts.annotations_left_out[reason] += batch.annotation_counts[place]

    def _with_flags(self, batch: RowBatch) -> RowBatch:
        """Of a source that hands out none."""
        labels = [labels_of(document) for document in self._reader.documents(batch.numbers)]
        batch = batch.take(range(len(batch)))
        batch.label_flags = list(map(label_flags, labels))
        batch.label_creators = list(map(creators_text, labels))
        return batch

    def _look_into(self, batch: RowBatch, places: list[int], out: set[int], anew: set[int]) -> RowBatch:
        """Render the rows at ``places`` anew where some labels stay out; enter rows without any in ``out``."""
        batch = batch.take(range(len(batch)))  # columns of its own
        documents = self._reader.documents([batch.numbers[place] for place in places])
        for place, document in zip(places, documents, strict=True):
            labels = labels_of(document)
            reasons = self._reasons(document)
            for label, reason in zip(labels, reasons, strict=True):
                if reason:
                    self.counts.left_out[reason] += 1
                    self.counts.annotations_left_out[reason] += count_of(label)
            leaving = [index for index, reason in enumerate(reasons) if not reason]
            if not leaving:
                out.add(place)
            elif len(leaving) < len(labels):
                self._render(batch, place, document, leaving)
                anew.add(batch.numbers[place])
        return batch

    def _interpolated(self, batch: RowBatch, anew: set[int]) -> RowBatch:
        """Videos rendered anew, with the frames between key frames in the labels that leave; but for those that were
        already."""
        media = batch.media_types or [""] * len(batch)
        counted = enumerate(zip(media, batch.class_counts, strict=True))
        places = [place for place, (medium, text) in counted if medium == VIDEO or _has_frames(text)]
        places = [place for place in places if batch.numbers[place] not in anew]
        if not places:
            return batch
        batch = batch.take(range(len(batch)))  # columns of its own
        documents = self._reader.documents([batch.numbers[place] for place in places])
        for place, document in zip(places, documents, strict=True):
            reasons = self._reasons(document)
            leaving = [index for index, reason in enumerate(reasons) if not reason]
            if leaving:
                self._render(batch, place, document, leaving)
        return batch

    def _compute_frames(self, labels: Sequence[Label]) -> None:
        computed = [interpolate(label["annotations"]) for label in labels]
        assert self.counts.computed is not None
        self.counts.computed["rows"] += any(each.annotations for each in computed)
        self.counts.computed["annotations"] += sum(each.annotations for each in computed)
        self.counts.computed["tracks_left"] += sum(each.tracks_left for each in computed)

    def _render(self, batch: RowBatch, place: int, document: dict[str, Any], leaving: list[int]) -> None:
        row: dict[str, Any] = {}
        labels = labels_of(document)
        if COCO in self._columns and batch.coco_annotations:
            _, row["coco_annotations"] = render_coco(
                document,
                number=batch.numbers[place],
                annotation_start=batch.annotation_starts[place],
                class_numbers=self._classes,
                leaving=leaving,
            )
        ids = annotation_ids(document, batch.annotation_starts[place] if batch.annotation_starts else 1)
        if batch.annotation_starts:
            before = sum(len(objects_of(label["annotations"])) for label in labels[: leaving[0]])
            row["annotation_starts"] = batch.annotation_starts[place] + before
        left = [labels[index] for index in leaving]
        labels[:] = left
        if self._interpolates:  # behind COCO, which has no frames: the ids of other objects stay as they are
            self._compute_frames(left)
        times = batch.label_times[place].split()
        row["label_times"] = " ".join([times[index] for index in leaving if index < len(times)])
        row["label_flags"] = label_flags(left)
        row["label_creators"] = creators_text(left)
        counts = count_annotations(document, self._classes, self._questions)
        row["class_counts"], row["annotation_counts"] = counts.text, counts.total
        if BODY in self._columns and batch.bodies:
            left_ids = [ids[index] for index in leaving]
            number = batch.numbers[place]
            backup = render_backup(document, number, counts, self._classes, self._questions, left_ids)
            row["bodies"], _ = render_body(document, backup)
        row["label_studio_tasks"] = b""  # its body is there now
        if CSV in self._columns and batch.csv_exact:
            exact, safe = render_csv(document, number=batch.numbers[place])
            row["csv_exact"], row["csv_safe"] = exact, safe or exact
        for name in _RENDERED:
            if name in row and (column := getattr(batch, name)):
                column[place] = row[name]


def _has_frames(class_counts: str) -> bool:
    """Does a row's count of annotations name any that stand in frames?"""
    return not _IN_FRAMES.isdisjoint(class_counts.partition("@")[0].lower())


def _has_several(batch: RowBatch) -> bool:
    return any(flags & SEVERAL for flags in set(batch.label_flags))
