"""What a model run found, compared with the labels of its rows: read as a stream, counted class by class.

Only the figures and the rows that differ most are held, so memory does not grow with the run.
"""

from __future__ import annotations

import hashlib
import heapq
import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
from django.core.cache import caches

from connections.models import Project
from connections.rows.batch import COCO, MODEL_RUN_DETAILS, PREDICTIONS, RowBatch
from connections.rows.experiments import RunOfRow
from connections.rows.results import results_of, size_of
from connections.store.models import StoreModelRun
from exportadmin.lib.errors import ConflictError, UserError
from exportadmin.lib.heavy import check_time
from exports.formats import FORMATS
from exports.model_runs.matching import BOXES, OUTLINES, Matches, Thing, match
from exports.sources import source_of
from exports.sources.base import Reader
from exports.sources.labels import LabelFilter
from exports.spec.labels import GroundTruth, LabelChoice, Latest, NotSkipped, Selected
from exports.spec.scope import MODEL_RUN, Scope
from exports.spec.selection import Selection

WORST: Final = 6
# how long what was compared is kept
KEPT_SECONDS: Final = 600
# with none at all, whatever is in the picture meets
LEAST_IOU: Final = 0.01
LATEST: Final = Latest()
# the first is the default; skipped labels are in none of them, since COCO holds none
TRUTHS: Final[Mapping[str, type[LabelChoice]]] = {
    choice.key: choice for choice in (Latest, Selected, GroundTruth, NotSkipped)
}
_BROKEN: Final = (KeyError, ValueError, TypeError)


@dataclass(frozen=True, slots=True)
class Question:
    """``iou``: from which overlap on a prediction meets a label (:data:`LEAST_IOU` to 1). ``score``: from which
    confidence on it counts; above 0 those without one do not. ``by``: overlap of boxes or of outlines. ``split``: rows
    of it alone. ``labels``: which of a row's labels are the truth; one a row unless it is said otherwise, since what
    two people have drawn can be met but once."""

    iou: float = 0.5
    score: float = 0.0
    by: str = BOXES
    split: str = ""
    labels: LabelChoice = LATEST

    def to_json(self) -> dict[str, Any]:
        """As REST has it."""
        return {"iou": self.iou, "score": self.score, "by": self.by, "split": self.split, "labels": self.labels.text}


def parse_question(given: Mapping[str, Any]) -> Question:
    """From texts or numbers, by the names of :class:`Question`; what is empty is the default. Raises
    :class:`UserError`."""
    by = given.get("by") or BOXES
    if by not in (BOXES, OUTLINES):
        raise UserError(f"by is {by!r}; known: {BOXES}, {OUTLINES}", field="by")
    labels = given.get("labels") or LATEST.key
    if labels not in TRUTHS:
        raise UserError(f"labels is {labels!r}; known: {', '.join(TRUTHS)}", field="labels")
    return Question(
        _share(given, "iou", LEAST_IOU, 0.5),
        _share(given, "score", 0, 0.0),
        by,
        str(given.get("split") or ""),
        TRUTHS[labels](),
    )


def _share(given: Mapping[str, Any], key: str, least: float, default: float) -> float:
    value = given.get(key)
    if value is None or value == "":
        return default
    try:
        share = float(value)
    except (TypeError, ValueError):
        share = math.nan
    if not least <= share <= 1:
        raise UserError(f"{key} is {value!r}; expected a number from {least} to 1", field=key)
    return share


@dataclass(slots=True)
class Figures:
    """``labels`` and ``predictions`` are those that are compared: no crowds, and no predictions that meet one."""

    labels: int = 0
    predictions: int = 0
    matched: int = 0

    @property
    def missed(self) -> int:
        """Labels that no prediction meets."""
        return self.labels - self.matched

    @property
    def extra(self) -> int:
        """Predictions that meet no label."""
        return self.predictions - self.matched

    @property
    def precision(self) -> float | None:
        """Of the predictions, the share that meets a label; ``None`` without any."""
        return self.matched / self.predictions if self.predictions else None

    @property
    def recall(self) -> float | None:
        """Of the labels, the share that is met; ``None`` without any."""
        return self.matched / self.labels if self.labels else None

    def add(self, matches: Matches, labels: int) -> None:
        """Those of one picture and class, of which so many labels are no crowds."""
        self.labels += labels
        self.predictions += len(matches.label_of) - len(matches.ignored)
        self.matched += matches.matched

    def to_json(self) -> dict[str, Any]:
        """As REST has it."""
        names = ("labels", "predictions", "matched", "missed", "extra", "precision", "recall")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True, slots=True)
class OfClass:
    """What a row has of one class, matched."""

    name: str
    labels: Sequence[Thing]
    predictions: Sequence[Thing]
    matches: Matches


@dataclass(frozen=True, slots=True)
class ComparedRow:
    """A row: ``size`` is its height and width where known, ``classes`` what was matched."""

    row_id: str
    global_key: str
    number: int
    split: str
    size: tuple[int, int] | None
    classes: Sequence[OfClass]

    @property
    def missed(self) -> int:
        """Of all classes."""
        return sum(len(each.matches.missed) for each in self.classes)

    @property
    def extra(self) -> int:
        """Of all classes."""
        return sum(len(each.matches.extra) for each in self.classes)

    @property
    def matched(self) -> int:
        """Of all classes."""
        return sum(each.matches.matched for each in self.classes)


@dataclass(slots=True)
class Comparison:
    """``without_confidence`` counts predictions that nobody gave one: they come last, and above a score of 0 not at
    all.
    ``not_compared`` counts rows of unknown size where outlines are compared, whose geometry cannot be read, or of which
    no label is chosen; ``with_several`` those that had several to choose from.
    ``worst`` are the rows with the most labels missed and predictions too many."""

    question: Question
    rows: int = 0
    not_compared: int = 0
    with_several: int = 0
    without_confidence: int = 0
    total: Figures = field(default_factory=Figures)
    classes: dict[str, Figures] = field(default_factory=dict)
    worst: list[ComparedRow] = field(default_factory=list)


@dataclass(slots=True)
class _Progress:
    """``seen`` rows of the run were looked at. ``heap`` are the rows that differ most; of equals the first ones."""

    found: Comparison
    seen: int = 0
    is_done: bool = False
    heap: list[tuple[int, int, ComparedRow]] = field(default_factory=list)

    def add(self, row: ComparedRow) -> None:
        """The next one."""
        found = self.found
        found.rows += 1
        for of_class in row.classes:
            labels = sum(not label.is_crowd for label in of_class.labels)
            for figures in (found.total, found.classes.setdefault(of_class.name, Figures())):
                figures.add(of_class.matches, labels)
        if differing := row.missed + row.extra:
            heapq.heappush(self.heap, (differing, -row.number, row))
            if len(self.heap) > WORST:
                heapq.heappop(self.heap)

    def finish(self) -> None:
        """There are no more."""
        self.found.classes = dict(sorted(self.found.classes.items()))
        self.found.worst = [row for _, _, row in sorted(self.heap, key=lambda one: one[:2], reverse=True)]
        self.heap, self.is_done = [], True


def compare_run(project: Project, run: StoreModelRun, question: Question) -> Comparison:
    """All rows of the run. Where the time of a request is over before (:func:`exportadmin.lib.heavy.check_time`), what
    was compared is kept for a while, and who asks again goes on from there, as long as nothing in the project changes.

    Raises :class:`ConflictError` then, which says how far it is.
    """
    scope = Scope(MODEL_RUN, run.run_id)
    parts = frozenset({PREDICTIONS, MODEL_RUN_DETAILS})
    selection = Selection(project.public_id, parts=parts, labels=question.labels, scope=scope)
    with source_of(project, scope).open(selection, frozenset({COCO})) as reader:
        asked = orjson.dumps([project.public_id, run.run_id, reader.revision, *question.to_json().values()])
        key = f"comparison.{hashlib.sha256(asked).hexdigest()}"
        progress: _Progress = caches["shared"].get(key) or _Progress(Comparison(question))
        if not progress.is_done:
            try:
                _go_on(reader, selection, progress)
            except ConflictError as stopped:
                _keep(key, progress)
                raise ConflictError(
                    f"{stopped.message}. {progress.seen:,} of {reader.rows_expected or 0:,} rows are compared: ask the "
                    "same again, and it goes on from there"
                ) from stopped
            _keep(key, progress)
    return progress.found


def _keep(key: str, progress: _Progress) -> None:
    with suppress(OSError):  # a full disk stops nobody who only reads
        caches["shared"].set(key, progress, KEPT_SECONDS)


def _go_on(reader: Reader, selection: Selection, progress: _Progress) -> None:
    """Batch by batch, so that what is counted is always that of whole batches."""
    found, skipped, before = progress.found, 0, progress.seen
    names = {one.number: one.name for one in reader.ontology if not one.is_question}
    label_filter = LabelFilter(selection, reader, {COCO}, FORMATS.pick("coco_json").cannot_hold)
    not_compared, with_several = found.not_compared, found.with_several
    for batch in reader.batches():
        in_batch = len(batch)
        if skipped + in_batch <= progress.seen:  # where a batch ends depends on the rows alone
            skipped += in_batch
            continue
        if progress.seen > before:  # each time that it is asked it comes further
            check_time()
        if split := found.question.split:
            batch = batch.take([at for at, (of_row,) in enumerate(batch.experiments) if of_row.split == split])
        batch = label_filter.apply(batch)
        for place in range(len(batch)):
            (of_row,) = batch.experiments[place]
            try:
                progress.add(_compared(batch, place, of_row, names, found.question, found))
            except _BROKEN:
                not_compared += 1
        found.not_compared = not_compared + sum(label_filter.dropped.values())
        found.with_several = with_several + label_filter.counts.rows_with_several
        skipped += in_batch
        progress.seen = skipped
    progress.finish()


def _compared(
    batch: RowBatch,
    place: int,
    of_row: RunOfRow,
    names: Mapping[int, str],
    question: Question,
    found: Comparison,
) -> ComparedRow:
    """Raises ``ValueError`` and its kin for a row that cannot be compared."""
    size = size_of(batch.coco_images[place])
    labels: dict[str, list[Thing]] = {}
    for mark in orjson.loads(b"[%b]" % batch.coco_annotations[place]):
        thing = Thing(mark["bbox"], mark["segmentation"], bool(mark["iscrowd"]))
        labels.setdefault(names[mark["category_id"]], []).append(thing)
    predictions: dict[str, list[Thing]] = {}
    for result in results_of(of_row.predictions):
        found.without_confidence += result.score is None
        if result.score is None and question.score > 0:
            continue
        score = result.score or 0.0
        if score >= question.score:
            box = orjson.loads(f"[{result.box}]")
            predictions.setdefault(result.name, []).append(Thing(box, result.outline, score=score))
    if size is None and question.by == OUTLINES and (labels or predictions):
        raise ValueError("outlines are compared pixel by pixel, and nobody says how many there are")
    return ComparedRow(
        row_id=batch.row_ids[place],
        global_key=batch.global_keys[place],
        number=batch.numbers[place],
        split=of_row.split,
        size=size,
        classes=[
            _matched(name, labels.get(name, []), predictions.get(name, []), question, size)
            for name in sorted({*labels, *predictions})
        ],
    )


def _matched(
    name: str, labels: list[Thing], predictions: list[Thing], question: Question, size: tuple[int, int] | None
) -> OfClass:
    return OfClass(name, labels, predictions, match(labels, predictions, iou=question.iou, by=question.by, size=size))
