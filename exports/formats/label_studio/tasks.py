"""Rows as tasks of Label Studio, for every format that is made of them.

:class:`TaskFormat` reads rows and gives whole tasks; a format says what becomes of a task. Options that Label Studio's
own exports have are plain options here, under these names:

* ``annotations``: ``all``, or those of some sorts by their union (``usual+ground_truth``); tasks stay either way
* ``completed_by``: ``as_kept``, ``only_id``, ``full`` · ``drafts``, ``predictions``: ``full``, ``only_id``
* ``annotation_history``: ``yes``, ``no`` · ``interpolate_key_frames``: ``no``, ``yes``
"""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any, ClassVar, Final

import orjson

from connections.rows.batch import LABEL_STUDIO, RowBatch
from connections.rows.body import BodyPrinter
from connections.rows.frames import answers_of, objects_of
from connections.rows.kinds import CLASSIFICATION, KINDS, MASK_ADDRESS, SEGMENT, TEXT_ENTITY, VIDEO_BOX
from connections.rows.kinds.base import Kind
from connections.rows.label_studio.places import NoSizeError
from connections.rows.label_studio.tasks import (
    AS_KEPT,
    FULL,
    MOST_FRAMES,
    ONLY_ID,
    PARTS_READ,
    SORTS,
    Serialization,
    Tasks,
    TooManyFramesError,
    Written,
    read_stored,
    written_task,
)
from connections.rows.label_studio.tracks import TRACK
from connections.rows.media_types import IMAGE
from connections.store.importers.label_studio_results import results_of
from exports.formats.base import CannotHoldError, Format, FormatContext, Option, Told
from exports.formats.member_names import Marks, mark_of

NO, YES = "no", "yes"
ALL: Final = "all"
_UNIONS: Final = tuple("+".join(some) for count in (1, 2, 3) for some in combinations(SORTS, count))
ANNOTATIONS: Final = Option(
    "annotations",
    (ALL, *_UNIONS),
    "which annotations of a task are written, of those that the choice of labels lets leave: usual ones (neither "
    "skipped nor ground truth), ground truth, skipped ones, or several of these. A task without any stays.",
)
COMPLETED_BY: Final = Option(
    "completed_by",
    (AS_KEPT, ONLY_ID, FULL),
    "as_kept: who made an annotation, as the source said it. only_id: the number. full: an object.",
)
DRAFTS: Final = Option("drafts", (FULL, ONLY_ID), "full: as they are kept. only_id: their numbers.")
PREDICTIONS: Final = Option("predictions", (FULL, ONLY_ID), "full: as they are kept. only_id: their numbers.")
HISTORY: Final = Option(
    "annotation_history", (YES, NO), "no: without the history of an annotation, where there is one."
)
INTERPOLATE: Final = Option(
    "interpolate_key_frames", (NO, YES), "yes: a track of a video has an entry for each frame between its key frames."
)
SERIALIZATION: Final = (ANNOTATIONS, COMPLETED_BY, DRAFTS, PREDICTIONS, HISTORY, INTERPOLATE)

REFUSALS: Final = {
    "unreadable": "an annotation cannot be read",
    "no_size": "percent of a picture whose size is not known",
    "too_many_frames": f"more than {MOST_FRAMES:,} frames between the key frames of its tracks",
}
NO_REGION: Final = "no_region"
FILTERED: Final = "filtered"
WITHOUT_ID: Final = "annotators_without_id"
MISSING: Final = "missing_pictures"
PARTED: Final = "parted_tasks"
NOTE_TEXTS: Final = {
    NO_REGION: "annotations, relations and answers below answers have no place in Label Studio's shape",
    FILTERED: "annotations are left out by the option annotations",
    WITHOUT_ID: "annotations are of somebody whose number is not known: null, as only_id was chosen",
    MISSING: "pictures of tasks with several did not leave: null in their list, where the task has one",
    PARTED: "parts of tasks stand apart under the same id: rows of others lie between their pictures",
}
_PLACED: Final = (VIDEO_BOX, TEXT_ENTITY)
_NO_PLACE: Final = (MASK_ADDRESS, SEGMENT)
# type of the results that stand for spans of a text
_SPAN: Final = "labels"
# what renderers raise for an annotation that is not as it should be
_BROKEN: Final = (LookupError, ValueError, TypeError, AttributeError, ArithmeticError)


def serialization_of(options: Mapping[str, str]) -> Serialization:
    """What these options of a format ask for."""
    chosen = options.get(ANNOTATIONS.name, ALL)
    return Serialization(
        sorts=frozenset() if chosen == ALL else frozenset(chosen.split("+")),
        completed_by=options.get(COMPLETED_BY.name, AS_KEPT),
        drafts=options.get(DRAFTS.name, FULL),
        predictions=options.get(PREDICTIONS.name, FULL),
        history=options.get(HISTORY.name, YES) == YES,
        interpolate=options.get(INTERPOLATE.name, NO) == YES,
    )


class TaskFormat(Format):
    """Gives :meth:`write` each whole task, in the order of the rows; it may answer with bytes."""

    refusals = REFUSALS
    note_texts: ClassVar[Mapping[str, str]] = NOTE_TEXTS

    def __init__(self, context: FormatContext) -> None:
        super().__init__(context)
        self.how = serialization_of(context.options)
        self._printer = BodyPrinter(context.parts & PARTS_READ, "")
        self._tasks = Tasks()
        self._incomplete = Marks()
        self._last: Sequence[Written | bytes] = []
        self._notes: Counter[str] = Counter()

    @classmethod
    def supports(cls, kind: Kind) -> bool:
        """Marks of a video are tracks of boxes there, and a text has spans; maps, pages and messages have no place."""
        return kind in _PLACED or (kind.media in ("", IMAGE) and kind not in _NO_PLACE)

    @classmethod
    def reads(cls, options: Mapping[str, str]) -> frozenset[str]:
        """Stored tasks, where they are what is asked for."""
        return cls.columns | {LABEL_STUDIO} if serialization_of(options).takes_stored else cls.columns

    @abstractmethod
    def write(self, tasks: list[dict[str, Any]]) -> Iterable[bytes]:
        """Bytes of some tasks."""

    def complete(self, written: Written, batch: RowBatch, index: int) -> None:
        """What else a format enters into the task of a row."""

    def rows(self, batch: RowBatch) -> Iterable[bytes]:
        self._last = last = list[Written]()
        tasks: list[dict[str, Any]] = []
        for written in self._written(batch):
            last.append(written)
            tasks += self._tasks.add(written)
        self._note_incomplete()
        yield from self.write(tasks)

    def footer(self) -> Iterable[bytes]:
        yield from self._still_open()

    def _still_open(self) -> Iterable[bytes]:
        """Of a task of which there may have been more pictures."""
        tasks = list(self._tasks.close())
        self._note_incomplete()
        yield from self.write(tasks)

    def _note_incomplete(self) -> None:
        """A part of a task comes again only where not all of its pictures came before."""
        parts, self._tasks.incomplete = self._tasks.incomplete, []
        marks = [mark_of(repr(task_id)) for task_id, _, _ in parts]
        new: set[int] = set()
        for mark, is_known, (_, came, missing) in zip(marks, self._incomplete.are_known(marks), parts, strict=True):
            if is_known or mark in new:
                self._notes[PARTED] += 1
                self._notes[MISSING] -= came
            else:
                self._notes[MISSING] += missing
                new.add(mark)
        self._incomplete.remember(new)

    def _written(self, batch: RowBatch) -> Iterator[Written]:
        join = self._printer.join
        stored = batch.label_studio_tasks
        for index, body in enumerate(batch.bodies):
            if stored and stored[index]:
                yield read_stored(stored[index])
                continue
            document = orjson.loads(join([body], (), b""))
            try:
                written = written_task(document, batch.numbers[index], self.how)
                self.complete(written, batch, index)
            except NoSizeError:
                reason = "where its annotations lie is percent in Label Studio, and the row says no width and height"
                self.refuse(batch, index, CannotHoldError("no_size", reason))
                continue
            except TooManyFramesError as error:
                reason = f"{error}; interpolate_key_frames=no writes the key frames alone"
                self.refuse(batch, index, CannotHoldError("too_many_frames", reason))
                continue
            except _BROKEN as error:
                wrong = f"{error} is missing" if isinstance(error, KeyError) else str(error)
                self.refuse(
                    batch, index, CannotHoldError("unreadable", f"an annotation is not as it should be: {wrong}")
                )
                continue
            if written.left_out:
                self._notes[NO_REGION] += len(written.left_out)
            if written.filtered:
                self._notes[FILTERED] += len(written.filtered)
            if written.without_id:
                self._notes[WITHOUT_ID] += written.without_id
            yield written

    def notes(self) -> dict[str, int]:
        return {key: count for key, count in self._notes.items() if count > 0}

    def read_back(self, index: int) -> Counter[Told]:
        """By the importer, and what was left out of the task."""
        last = self._last[index]
        written = read_stored(last) if isinstance(last, bytes) else last
        found: Counter[Told] = Counter()
        for annotation in orjson.loads(orjson.dumps(written.task["annotations"])):
            results = annotation["result"]
            if not written.is_of_label_studio:  # a track stands for the annotations of its frames
                tracks = [one for one in results if one["type"] == TRACK]
                spans = [one for one in results if one["type"] == _SPAN]
                # with them the answers about them, which have their ids: alone they would be about the task
                apart = {one["id"] for one in (*tracks, *spans)}
                results = [one for one in results if one.get("id") not in apart]
                for track in tracks:
                    value = track["value"]
                    found[VIDEO_BOX.key, value.get("labels", [""])[0]] += len(value["sequence"])
                found.update((TEXT_ENTITY.key, name) for one in spans for name in one["value"].get("labels", [""]))
            read = results_of(results, written.task)
            _count(found, read.objects, read.classifications)
        found.update(told for told in written.left_out if told[0] in KINDS and self.supports(KINDS[told[0]]))
        for label in written.filtered:
            objects = [mark for mark in objects_of(label["annotations"]) if self.supports(KINDS.of_mark(mark))]
            _count(found, objects, answers_of(label["annotations"]))
        return found


def _count(found: Counter[Told], objects: Sequence[Mapping[str, Any]], answers: Sequence[Mapping[str, Any]]) -> None:
    found.update((KINDS.of_mark(mark).key, mark["name"]) for mark in objects)
    found.update((CLASSIFICATION.key, answer["name"]) for answer in answers)
