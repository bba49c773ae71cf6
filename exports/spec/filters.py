"""A filter: read once, decided here for every source, checked on everything that a source returns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from connections.rows.batch import RowBatch
from exportadmin.lib.errors import PermanentError, UserError
from exports.spec.conditions import CONDITIONS
from exports.spec.conditions.kinds import kind_of
from exports.spec.labels import ALL
from exports.spec.selection import Selection


class SourceFilterError(PermanentError):
    """A source that claims to apply a filter returned a row that does not satisfy it: nothing may be delivered."""


def parse_filter(raw: object, *, time_zone: str = "UTC", field: str = "filter") -> dict[str, Any]:
    """The conditions of :class:`Selection` from the JSON form of a filter.

    Raises :class:`UserError` for an unknown key or a value without a meaning; nothing is ignored. ``null`` is "not
    asked", an empty list of ids is an error: it would select nothing.
    """
    if raw is None:
        return {}
    known = ", ".join(CONDITIONS)
    if not isinstance(raw, Mapping):
        raise UserError(f"the filter is {kind_of(raw)}; expected a JSON object with {known}", field=field)
    parsed: dict[str, Any] = {}
    for key, value in raw.items():
        if key not in CONDITIONS:
            raise UserError(f"unknown filter {key!r}; known: {known}", field=field)
        if value is not None:
            meant = CONDITIONS[key].parse(value, time_zone=time_zone, field=f"{field}.{key}")
            if meant is not None:
                parsed[key] = meant
    return parsed


def resolved_times(selection: Selection) -> dict[str, Any]:
    """The times of the selection as UTC text, by key, for people and for the record."""
    resolved = {
        key: condition.resolved(selection.conditions[key])
        for key, condition in CONDITIONS.items()
        if key in selection.conditions
    }
    return {key: value for key, value in resolved.items() if value is not None}


class RowFilter:
    """Keeps or drops rows of one run, and counts why.

    ``pushed_down`` are the keys of conditions that the source says it applied: a row that fails one of those raises
    :class:`SourceFilterError`. The rest is decided here, but for conditions about labels where not all labels leave:
    those are about the labels that do (:mod:`exports.sources.labels`). ``dropped`` counts by key.
    """

    def __init__(self, selection: Selection, pushed_down: frozenset[str]) -> None:
        self.dropped: Counter[str] = Counter()
        self._tests = [
            (key, condition, selection.conditions[key], key in pushed_down)
            for key, condition in CONDITIONS.items()
            if key in selection.conditions and (selection.labels == ALL or not condition.reads_labels)
        ]

    def apply(self, batch: RowBatch) -> RowBatch:
        """The rows of the batch that satisfy the selection (the batch itself when all do)."""
        for key, condition, value, is_pushed_down in self._tests:
            failing = condition.failing(value, batch)
            if not failing:
                continue
            if is_pushed_down:
                row_id = batch.row_ids[failing[0]]
                raise SourceFilterError(
                    f"the source was asked to filter by {key} but returned row {row_id}, which does not satisfy it"
                )
            self.dropped[key] += len(failing)
            gone = set(failing)
            batch = batch.take([place for place in range(len(batch)) if place not in gone])
            if not len(batch):
                break
        return batch
