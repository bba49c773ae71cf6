"""The cross-check of a run: does the file hold what the rows hold, by class and kind?

What the rows hold is told by the counts beside them, which check values are made of; what the file holds is counted
from the bytes that were written, by the format itself (:meth:`exports.formats.base.Format.read_back`). The two come
from one row by different ways: fragments that another version rendered, that were lost or changed in the database, or a
writer that forgets something make them differ, and then nothing is delivered.

The first rows are all read back, of the others one in so many batches, so that it costs next to nothing. Beside that
the annotations of all rows are compared as a whole, where the format counts what it writes.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from connections.rows.batch import OntologyClass, RowBatch
from connections.rows.counts import NO_CLASS, add_up
from connections.rows.kinds import OTHER
from exportadmin.lib.errors import PermanentError
from exports.check_values import why_left_out
from exports.formats.base import Format, Told

ALL_OF_THE_FIRST: Final = 16
ONE_IN_BATCHES: Final = 8
_MOST_NAMED: Final = 3
_ANEW: Final = "Import the row again, and it is written anew"


class CrossCheck:
    """Of one run."""

    def __init__(self, writer: Format, ontology: Sequence[OntologyClass]) -> None:
        self._rows = 0
        self._writer = writer
        self._supported = frozenset(writer.supported_kinds())
        self._names = {(one.is_question, one.number): one.name for one in ontology}
        self._names[False, NO_CLASS] = ""
        # "b3" → what the format tells of it
        self._told: dict[str, Told | None] = {}
        self._batches = 0

    def look_at(self, batch: RowBatch) -> None:
        """The batch that was written last, without the rows that were refused. Raises :class:`PermanentError`."""
        self._batches += 1
        some = min(len(batch), max(0, ALL_OF_THE_FIRST - self._rows))
        places = range(some)
        if len(batch) and not some:
            if self._batches % ONE_IN_BATCHES:
                return
            places = range(self._batches % len(batch), len(batch))[:1]
        for place in places:
            try:
                found = self._writer.read_back(place)
            except (ValueError, LookupError, TypeError, csv.Error) as error:
                raise PermanentError(
                    f"cross-check: what {self._writer.title} holds of row {batch.row_ids[place]} "
                    f"({batch.global_keys[place]!r}) cannot be read ({error}): nothing was delivered. {_ANEW}"
                ) from None
            if found is None:  # a format that cannot be read back
                return
            self._rows += 1
            expected = self._expected(batch.class_counts[place])
            if dict.__ne__(found, expected) and not _is_a_new_kind(found, expected):
                raise PermanentError(
                    f"cross-check: the counts of row {batch.row_ids[place]} ({batch.global_keys[place]!r}) and what "
                    f"{self._writer.title} holds of it differ: {_difference(found, expected)}; nothing was delivered. "
                    f"{_ANEW}"
                )

    def sum_up(self, annotations: int, predictions: int = 0) -> None:
        """At the end, with the figures of the check values. Raises :class:`PermanentError`."""
        found = (
            ("annotations", annotations, self._writer.annotations_written()),
            ("predictions", predictions, self._writer.predictions_written()),
        )
        for what, expected, written in found:
            if written is not None and written != expected:
                raise PermanentError(
                    f"cross-check: the rows have {expected:,} {what} that {self._writer.title} can hold, and it "
                    f"holds {written:,}: nothing was delivered"
                )

    def _expected(self, class_counts: str) -> dict[Told, int]:
        expected: dict[Told, int] = {}
        for mark in class_counts.split():
            name, _, count = mark.partition(":")
            if name not in self._told:
                self._told[name] = self._told_of(mark)
            told = self._told[name]
            if told is not None:
                expected[told] = expected.get(told, 0) + int(count)
        return expected

    def _told_of(self, mark: str) -> Told | None:
        """What the format tells of annotations that are counted so; ``None`` where it holds none of them."""
        for counted in add_up(Counter((mark,))):
            if not why_left_out(counted, self._supported, self._writer.cannot_hold):
                name = self._names.get((counted.kind.is_question, counted.number), f"#{counted.number}")
                return self._writer.told(counted.kind, name)
        return None


def _is_a_new_kind(found: Mapping[Told, int], expected: Mapping[Told, int]) -> bool:
    """Rows know a new kind from their next change on: until then they count it among what is not known."""
    if not any(kind == OTHER.key for kind, _ in expected):
        return False
    return _by_class(found) == _by_class(expected)


def _by_class(told: Mapping[Told, int]) -> Counter[str]:
    sums: Counter[str] = Counter()
    for (_, name), count in told.items():
        sums[name] += count
    return sums


def _difference(found: Mapping[Told, int], expected: Mapping[Told, int]) -> str:
    counts = [(*told, expected.get(told, 0), found.get(told, 0)) for told in sorted({*found, *expected})]
    named = [f"{kind} {name!r} {before:,} and {after:,}" for kind, name, before, after in counts if before != after]
    return ", ".join(named[:_MOST_NAMED]) + (" …" if len(named) > _MOST_NAMED else "")
