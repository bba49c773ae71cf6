"""Predictions of model runs, counted beside the annotations of labels, never with them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from typing import Any, Final

from connections.rows.batch import RowBatch
from connections.rows.counts import Counted, add_up

# predictions whose confidence nobody said, where a format needs one
UNSCORED: Final = "without_confidence"
# what counts of rows and predictions by split call rows of which it is not known
NO_SPLIT: Final = "none"
# distinct texts held before they are added up
_MAX_TEXTS: Final = 20_000


class PredictionCounter:
    """Counts what the runs of the rows say that are handed to a writer.

    ``why_left_out`` is why a format leaves such predictions out, empty where it holds them; ``needs_scores``: one
    without a confidence is left out whatever it is. ``name_of`` is the name of a class.
    """

    def __init__(
        self, why_left_out: Callable[[Counted], str], name_of: Callable[[Counted], str], *, needs_scores: bool
    ) -> None:
        self._why_left_out = why_left_out
        self._name_of = name_of
        self._needs_scores = needs_scores
        self._rows: Counter[str] = Counter()
        # split and text of counts → how often
        self._texts: Counter[tuple[str, str]] = Counter()
        self._unscored: Counter[tuple[str, str]] = Counter()
        self._marks: Counter[tuple[str, Counted]] = Counter()
        self._marks_unscored: Counter[tuple[str, Counted]] = Counter()

    def add(self, batch: RowBatch) -> None:
        """Count a batch."""
        for runs in batch.experiments:
            for run in runs:
                split = run.split or NO_SPLIT
                self._rows[split] += 1
                self._texts[split, run.class_counts] += 1
                if run.unscored and self._needs_scores:
                    self._unscored[split, run.unscored] += 1
        if len(self._texts) > _MAX_TEXTS:
            self._settle()

    def result(self) -> dict[str, Any]:
        """``total`` is what the format holds, by class, kind and split; with ``left_out`` it is all that there are.
        ``rows_by_split`` counts rows, once for each run that they are in."""
        self._settle()
        by_class: Counter[str] = Counter()
        by_kind: Counter[str] = Counter()
        by_split: Counter[str] = Counter(dict.fromkeys(self._rows, 0))
        left_out: Counter[str] = Counter()
        for (split, counted), count in self._marks.items():
            if reason := self._why_left_out(counted):
                left_out[reason] += count
                continue
            unscored = self._marks_unscored[split, counted]
            left_out[UNSCORED] += unscored
            by_class[self._name_of(counted)] += count - unscored
            by_kind[counted.kind.key] += count - unscored
            by_split[split] += count - unscored
        return {
            "total": sum(by_kind.values()),
            "by_class": _sorted(by_class),
            "by_kind": _sorted(by_kind),
            "by_split": dict(sorted(by_split.items())),
            "rows_by_split": dict(sorted(self._rows.items())),
            "left_out": _sorted(left_out),
        }

    def _settle(self) -> None:
        for texts, marks in ((self._texts, self._marks), (self._unscored, self._marks_unscored)):
            for split in {split for split, _ in texts}:
                of_split = Counter({text: times for (each, text), times in texts.items() if each == split})
                for counted, count in add_up(of_split).items():
                    marks[split, counted] += count
            texts.clear()


def _sorted(counts: Collection[Any]) -> dict[str, int]:
    return {key: count for key, count in sorted(Counter(counts).items()) if count}
