"""Check values: what a run counted while the bytes passed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from connections.platforms.base import RemoteFile
from connections.rows.batch import OntologyClass, RowBatch
from connections.rows.counts import (
    FURTHER_LABELS,
    NO_CLASS,
    PREDICTIONS,
    UNLABELLED,
    Counted,
    add_up,
    add_up_beside,
)
from connections.rows.kinds.base import Kind
from connections.rows.media_types import UNKNOWN
from connections.sinks.base import DeliveredFile
from exports.prediction_counts import PredictionCounter
from exports.spec.labels import ALL

if TYPE_CHECKING:
    from exports.formats.base import Format

# distinct mark texts held before they are added up: bounds memory when every row is different
_MAX_TEXTS = 20_000
_NONE: Mapping[str, int] = MappingProxyType({})
# what is noted whatever the format: read on after the count (a format's own: exports.formats.base.Format.note_texts)
NOTE_TEXTS: Mapping[str, str] = MappingProxyType(
    {
        "told_differently": (
            "rows are not the same in all of the projects that have them (their address, dataset, metadata or size): "
            "they are in the file as the first of these projects has them"
        ),
        "selected_elsewhere": (
            "rows are what was asked for in one project and not in the first one that has them: they stay out"
        ),
        "runs_told_twice": (
            "times two projects have predictions of one model run for a row: those of the first are in the file"
        ),
    }
)


@dataclass(slots=True)
class LabelCounts:
    """What the choice of labels (``choice``, as in a description) left out: labels, and their annotations, by reason.

    ``labels_in_them`` are all labels of the ``rows_with_several``, before the choice; ``rows_leaving_with_several`` are
    those of which more than one leaves. ``computed`` says what was worked out of the frames of videos: ``rows`` of
    which any were, ``annotations`` that were, and ``tracks_left``, of which frames are missing that could not be;
    ``None``: nobody asked for them.
    """

    choice: str = ALL.text
    rows_with_several: int = 0
    labels_in_them: int = 0
    rows_leaving_with_several: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    annotations_left_out: Counter[str] = field(default_factory=Counter)
    computed: Counter[str] | None = None

    def to_json(self) -> dict[str, Any]:
        """Annotations are counted with those that a format cannot hold."""
        return {
            "choice": self.choice,
            "rows_with_several": self.rows_with_several,
            "labels_in_them": self.labels_in_them,
            "rows_leaving_with_several": self.rows_leaving_with_several,
            "left_out": dict(sorted(self.left_out.items())),
        }

    def computed_json(self) -> dict[str, Any]:
        """Nothing, where nobody asked for frames between key frames."""
        if self.computed is None:
            return {}
        return {"interpolated_frames": {key: self.computed[key] for key in ("rows", "annotations", "tracks_left")}}


def of_platform(
    platform: str, seen: Sequence[RemoteFile], files: Sequence[DeliveredFile], *, are_seen: bool = True
) -> dict[str, Any]:
    """Check values of what a platform made itself: counted by reading ``seen``, its files; ``None``: they do not tell.
    ``told`` are its own figures, by what it calls them.

    ``are_seen``: we have seen the bytes of ``files``, which are delivered.
    """
    rows = _sum([file.rows for file in seen])
    missing = sum((Counter({file.missing_as: file.missing}) for file in seen if file.missing), Counter[str]())
    told = sum((Counter(file.told) for file in seen), Counter[str]())
    by_class = _sums([file.annotations_by_class for file in seen])
    return {
        "made_by": platform,
        "rows_read": rows if rows is None else rows + missing.total(),
        "rows_kept": rows,
        "rows_dropped": {},
        "rows_refused": dict(missing),
        "rows_by_status": _sums([file.rows_by_status for file in seen]),
        "rows_by_media_type": None,
        "annotations": None if by_class is None else sum(by_class.values()),
        "annotations_by_class": by_class,
        "annotations_by_kind": None,
        "left_out_by_format": {},
        "notes": dict(sorted(sum((Counter(file.notes) for file in seen), Counter()).items())),
        "files": len(files) if are_seen else None,
        "bytes": sum(file.bytes for file in files) if are_seen else None,
        **({"told": dict(told)} if told else {}),
    }


def _sum(counts: Sequence[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known and len(known) == len(counts) else None


def _sums(counts: Sequence[Mapping[str, int] | None]) -> dict[str, int] | None:
    known = [count for count in counts if count is not None]
    if not known or len(known) != len(counts):
        return None
    return dict(sorted(sum((Counter(count) for count in known), Counter()).items()))


def why_left_out(counted: Counted, supported: Collection[Kind], cannot_hold: Collection[str]) -> str:
    """Under what a format counts such annotations as left out; empty where it holds them."""
    if counted.kind not in supported:
        return counted.kind.key
    if counted.number == NO_CLASS and UNLABELLED in cannot_hold:
        return UNLABELLED
    if counted.is_further_label and FURTHER_LABELS in cannot_hold:
        return FURTHER_LABELS
    return ""


class CheckValueCounter:
    """Counts the rows that are handed to a writer.

    ``supported`` are the kinds that the format can hold: annotations of other kinds are counted as left out; so are
    those that it cannot hold whatever their kind (:attr:`exports.formats.base.Format.cannot_hold`). ``predicted`` are
    the kinds of predictions that it can hold; ``needs_scores``: with a confidence alone.
    """

    def __init__(
        self,
        ontology: Sequence[OntologyClass],
        supported: Collection[Kind],
        cannot_hold: Collection[str] = frozenset(),
        predicted: Collection[Kind] = (),
        *,
        needs_scores: bool = False,
    ) -> None:
        classes = {entry.name for entry in ontology if not entry.is_question}
        self._names = {
            (entry.is_question, entry.number): f"{entry.name} (question)"
            if entry.is_question and entry.name in classes
            else entry.name
            for entry in ontology
        }
        self._names[False, NO_CLASS] = UNLABELLED
        self._supported = frozenset(supported)
        self._cannot_hold = frozenset(cannot_hold)
        self._statuses: Counter[str] = Counter()
        self._media_types: Counter[str] = Counter()
        self._texts: Counter[str] = Counter()
        self._marks: Counter[Counted] = Counter()
        self._beside: Counter[str] = Counter()
        self._predictions: PredictionCounter | None = None
        self._predicted = frozenset(predicted)
        self._needs_scores = needs_scores
        self.rows = 0

    @classmethod
    def of(cls, format_: type[Format], ontology: Sequence[OntologyClass]) -> CheckValueCounter:
        """For what a format holds."""
        return cls(
            ontology,
            format_.supported_kinds(),
            format_.cannot_hold,
            format_.predicted_kinds(),
            needs_scores=format_.needs_scores,
        )

    def add(self, batch: RowBatch) -> None:
        """Count a batch (all of it in C)."""
        self.rows += len(batch)
        self._statuses.update(batch.statuses)
        self._media_types.update(batch.media_types)
        self._texts.update(batch.class_counts)
        if batch.experiments:
            self._count_predictions(batch)
        if len(self._texts) > _MAX_TEXTS:
            self._settle()

    def _count_predictions(self, batch: RowBatch) -> None:
        if self._predictions is None:
            self._predictions = PredictionCounter(
                lambda counted: why_left_out(counted, self._predicted, self._cannot_hold) if self._predicted else "",
                self._name_of,
                needs_scores=self._needs_scores,
            )
        self._predictions.add(batch)

    def _name_of(self, counted: Counted) -> str:
        return self._names.get((counted.kind.is_question, counted.number), f"#{counted.number}")

    def _settle(self) -> None:
        self._marks.update(add_up(self._texts))
        self._beside.update(add_up_beside(self._texts))
        self._texts.clear()

    def result(
        self,
        dropped: Mapping[str, int],
        files: Sequence[DeliveredFile],
        refused: Mapping[str, int] = _NONE,
        labels: LabelCounts | None = None,
        notes: Mapping[str, int] = _NONE,
    ) -> dict[str, Any]:
        """The JSON form. ``rows_read = rows_kept + sum(rows_dropped) + sum(rows_refused)``; annotations by class and by
        kind each add up to ``annotations``, which together with ``left_out_by_format`` is all that the kept rows have
        (their annotations, and of what is beside them that which the format cannot hold) and what the choice of labels
        left out. ``labels`` is what became of the rows' labels, ``notes`` what the writer noted of the file.
        ``predictions`` are those of model runs, where the format holds them
        (:meth:`exports.prediction_counts.PredictionCounter.result`).
        """
        labels = labels or LabelCounts()
        self._settle()
        by_class: Counter[str] = Counter()
        by_kind: Counter[str] = Counter()
        left_out = Counter({name: count for name, count in self._beside.items() if name in self._cannot_hold})
        for counted, count in self._marks.items():
            if reason := why_left_out(counted, self._supported, self._cannot_hold):
                left_out[reason] += count
                continue
            by_class[self._name_of(counted)] += count
            by_kind[counted.kind.key] += count
        left_out.update(labels.annotations_left_out)
        predictions = {} if self._predictions is None else self._predictions.result()
        if predictions and not self._predicted:  # it holds none
            left_out[PREDICTIONS] += predictions["total"]
            predictions = {}
        return {
            "rows_read": self.rows + sum(dropped.values()) + sum(refused.values()),
            "rows_kept": self.rows,
            "rows_dropped": {key: count for key, count in dropped.items() if count},
            "rows_refused": dict(sorted(refused.items())),
            "rows_by_status": dict(sorted(self._statuses.items())),
            "rows_by_media_type": dict(sorted((key or UNKNOWN, n) for key, n in self._media_types.items())),
            "annotations": sum(by_kind.values()),
            "annotations_by_class": dict(sorted(by_class.items())),
            "annotations_by_kind": dict(sorted(by_kind.items())),
            "left_out_by_format": {key: count for key, count in sorted(left_out.items()) if count},
            **({"predictions": predictions} if predictions else {}),
            "labels": labels.to_json(),
            **labels.computed_json(),
            "notes": dict(sorted(notes.items())),
            "files": len(files),
            "bytes": sum(file.bytes for file in files),
        }
