"""Rows of a project that are selected for something else than an export: which they are, and how many of what."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from connections.models import Project
from connections.store.models import MAX_NUMBER_AS_PLACE, StoreRow, row_pk
from exportadmin.lib.errors import UserError
from exports.sources import source_of
from exports.spec.conditions import CONDITIONS
from exports.spec.filters import RowFilter, parse_filter
from exports.spec.labels import ALL
from exports.spec.selection import Selection

# how rows may be named → the condition that this is
NAMED: Final[dict[str, str]] = {"ids": "data_row_ids", "global_keys": "global_keys"}


@dataclass(frozen=True, slots=True)
class SelectedRows:
    """``pks`` of the built-in store's rows as they were at ``revision``; ``missing`` are names that no row has."""

    pks: array[int]
    revision: int
    annotations: int
    by_status: Mapping[str, int] = field(default_factory=dict)
    missing: tuple[str, ...] = ()


def parse_selection(body: Mapping[str, Any], project: Project) -> Selection:
    """Exactly one of ``ids``, ``global_keys`` and ``filter``, with at least one condition.

    Raises :class:`UserError` that names the key: what selects every row by leaving everything out may be a mistake.
    """
    given = [key for key in (*NAMED, "filter") if body.get(key) is not None]
    if len(given) != 1:
        raise UserError(f"give one of ids, global_keys and filter; given: {', '.join(given) or 'none'}", field="filter")
    (key,) = given
    if key in NAMED:
        condition = CONDITIONS[NAMED[key]]
        conditions = {condition.key: condition.parse(body[key], time_zone=project.time_zone, field=key)}
    else:
        raw = body["filter"]
        if isinstance(raw, Mapping):
            raw = {
                name: CONDITIONS[name].freeze(value, project, f"filter.{name}") if name in CONDITIONS else value
                for name, value in raw.items()
            }
        conditions = parse_filter(raw, time_zone=project.time_zone)
        if not conditions:
            raise UserError("the filter has no condition: it would select every row", field="filter")
    return Selection(project.public_id, conditions, labels=ALL)


def find_rows(project: Project, selection: Selection) -> SelectedRows:
    """Reads the filter columns of every row that is selected. Raises what reading raises."""
    source = source_of(project)
    pks = array("q")
    by_status: Counter[str] = Counter()
    annotations = 0
    named = {key: value for key, value in selection.conditions.items() if CONDITIONS[key].names_rows}
    found: set[str] = set()
    with source.open(selection, frozenset()) as reader:
        row_filter = RowFilter(selection, source.pushed_down)
        for batch in reader.batches():
            batch = row_filter.apply(batch)
            pks.extend(_pks(project, batch.numbers))
            by_status.update(batch.statuses)
            annotations += sum(batch.annotation_counts)
            for key in named:
                found.update(CONDITIONS[key].named_rows(batch))
        revision = reader.revision or 0
    missing = set().union(*named.values()) - found if len(selection.conditions) == 1 else set()
    return SelectedRows(pks, revision, annotations, dict(by_status.most_common()), tuple(sorted(missing)))


def _pks(project: Project, numbers: Sequence[int]) -> Iterator[int]:
    """Of the rows that have these numbers, in their order; one that has no number to lie by may be gone by now."""
    large = [number for number in numbers if number > MAX_NUMBER_AS_PLACE]
    found = StoreRow.objects.filter(project=project, number__in=large).values_list("number", "pk")
    placed: dict[int, int] = dict(found) if large else {}
    for number in numbers:
        if number <= MAX_NUMBER_AS_PLACE:
            yield row_pk(project.pk, number)
        elif number in placed:
            yield placed[number]
