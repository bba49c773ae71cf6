"""The filter language: parsed once, decided here for every source, checked on everything that a source returns.

All conditions are ANDed. A row that fails several is counted under the first of :data:`ORDER`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from connections.rows.batch import RowBatch
from connections.rows.review_statuses import WORKFLOW_GROUPS, known_status, statuses_in
from exportadmin.lib.errors import PermanentError, UserError
from exportadmin.lib.text import check_text
from exportadmin.lib.times import iso_utc, parse_ms
from exports.spec.selection import Selection, Window

MAX_IDS = 2000
MAX_REVISION = 2**63 - 1

# condition → what it keeps, for help pages and error texts; also the order in which a dropped row's reason is found
ORDER: dict[str, str] = {
    "global_keys": "rows with one of these global keys (at most 2,000)",
    "data_row_ids": "rows with one of these ids (at most 2,000)",
    "batch_ids": "rows of these batches",
    "statuses": "rows with one of these review statuses",
    "workflow_status": "rows of these workflow groups: " + ", ".join(WORKFLOW_GROUPS),
    "since_revision": "rows that came or changed after this revision of the project; the id of an export means the"
    " revision that it saw",
    "updated_after": "rows changed after this moment",
    "last_activity_at": "rows with their last activity in [start, end], either may be null",
    "with_annotations": "true: rows with annotations; false: rows without",
    "label_created_at": "rows with a label created in [start, end], either may be null",
}


class SourceFilterError(PermanentError):
    """A source that claims to apply a filter returned a row that does not satisfy it: nothing may be delivered."""


def parse_filter(raw: object, *, time_zone: str = "UTC", field: str = "filter") -> dict[str, Any]:
    """Keyword arguments for :class:`Selection` from the JSON form of a filter.

    Raises :class:`UserError` for an unknown key or a value without a meaning; nothing is ignored. ``null`` is "not
    asked", an empty list of ids is an error, as it is at Labelbox (contracts/labelbox.md §3).
    """
    if raw is None:
        return {}
    if not isinstance(raw, Mapping):
        raise UserError(f"the filter is {_kind(raw)}; expected a JSON object with {', '.join(ORDER)}", field=field)
    asked: dict[str, Any] = {}
    for key, value in raw.items():
        if key not in _PARSERS:
            raise UserError(f"unknown filter {key!r}; known: {', '.join(ORDER)}", field=field)
        if value is not None:
            name, parse = _PARSERS[key]
            asked[name] = parse(value, time_zone, f"{field}.{key}")
    return asked


def _ids(value: object, time_zone: str, field: str) -> frozenset[str]:
    if not isinstance(value, Sequence) or isinstance(value, str | bytes):
        raise UserError(f"{field} is {_kind(value)}; expected a list of texts", field=field)
    if not value:
        raise UserError(f"{field} is an empty list, which selects nothing; leave it out to select all", field=field)
    if len(value) > MAX_IDS:
        raise UserError(f"{field} has {len(value):,} entries; at most {MAX_IDS:,} are allowed", field=field)
    for entry in value:
        if not isinstance(entry, str) or not entry:
            raise UserError(f"{field} holds {entry!r}; expected non-empty texts", field=field)
        check_text(entry, field)
    return frozenset(value)


def _statuses(value: object, time_zone: str, field: str) -> frozenset[str]:
    return frozenset(known_status(status, field=field) for status in _ids(value, time_zone, field))


def _groups(value: object, time_zone: str, field: str) -> frozenset[str]:
    groups = frozenset([value]) if isinstance(value, str) else _ids(value, time_zone, field)
    for group in sorted(groups):
        if group not in WORKFLOW_GROUPS:
            raise UserError(f"unknown workflow group {group!r}; known: {', '.join(WORKFLOW_GROUPS)}", field=field)
    return groups


def _moment(value: object, time_zone: str, field: str) -> int:
    return parse_ms(value, time_zone=time_zone, field=field)


def _revision(value: object, time_zone: str, field: str) -> int:
    """A counter. The id of an export is read before (:mod:`exports.spec.revisions`)."""
    if isinstance(value, str) and value.strip().isdecimal() and value.isascii():
        value = int(value.strip()[:20])
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_REVISION:
        raise UserError(
            f"{field} is {str(value)[:80]!r}; expected a revision (a whole number from 0 up) or the id of an export",
            field=field,
        )
    return value


def _window(value: object, time_zone: str, field: str) -> Window | None:
    if not isinstance(value, Sequence) or isinstance(value, str | bytes) or len(value) != 2:
        raise UserError(f"{field} is {value!r}; expected [start, end], either may be null", field=field)
    start, end = (None if bound is None else parse_ms(bound, time_zone=time_zone, field=field) for bound in value)
    if start is None and end is None:
        return None
    if start is not None and end is not None and start > end:
        raise UserError(f"{field} ends ({iso_utc(end)}) before it begins ({iso_utc(start)})", field=field)
    return Window(start, end)


def _yes_no(value: object, time_zone: str, field: str) -> bool:
    if not isinstance(value, bool):
        raise UserError(f"{field} is {value!r}; expected true or false", field=field)
    return value


def _kind(value: object) -> str:
    return {str: "a text", list: "a list", dict: "an object", bool: "true or false"}.get(type(value), f"{value!r}")


_PARSERS: dict[str, tuple[str, Callable[[object, str, str], Any]]] = {
    "global_keys": ("global_keys", _ids),
    "data_row_ids": ("data_row_ids", _ids),
    "batch_ids": ("batch_ids", _ids),
    "statuses": ("statuses", _statuses),
    "workflow_status": ("workflow_groups", _groups),
    "since_revision": ("since_revision", _revision),
    "updated_after": ("updated_after_ms", _moment),
    "last_activity_at": ("last_activity", _window),
    "with_annotations": ("with_annotations", _yes_no),
    "label_created_at": ("label_created", _window),
}


def resolved_windows(selection: Selection) -> dict[str, Any]:
    """The times of the selection as UTC text, for people and for the record."""
    resolved: dict[str, Any] = {}
    if selection.updated_after_ms is not None:
        resolved["updated_after"] = iso_utc(selection.updated_after_ms)
    for key, window in (("last_activity_at", selection.last_activity), ("label_created_at", selection.label_created)):
        if window is not None:
            resolved[key] = [None if ms is None else iso_utc(ms) for ms in (window.start_ms, window.end_ms)]
    return resolved


class RowFilter:
    """Keeps or drops rows of one run, and counts why.

    ``honours`` are the filter keys that the source says it applied: a row that fails one of those raises
    :class:`SourceFilterError`. The rest is decided here. ``dropped`` counts by key.
    """

    def __init__(self, selection: Selection, pushed_down: frozenset[str]) -> None:
        self.dropped: Counter[str] = Counter()
        self._tests = [(key, test, key in pushed_down) for key, test in _tests(selection)]

    def keep(self, batch: RowBatch) -> RowBatch:
        """The rows of the batch that satisfy the selection (the batch itself when all do)."""
        for key, failing, honoured in self._tests:
            out = failing(batch)
            if not out:
                continue
            if honoured:
                row_id = batch.row_ids[out[0]]
                raise SourceFilterError(
                    f"the source was asked to filter by {key} but returned row {row_id}, which does not satisfy it"
                )
            self.dropped[key] += len(out)
            gone = set(out)
            batch = batch.take([index for index in range(len(batch)) if index not in gone])
            if not len(batch):
                break
        return batch


Failing = Callable[[RowBatch], list[int]]


def _tests(selection: Selection) -> list[tuple[str, Failing]]:
    tests: dict[str, Failing] = {}

    def member(column: str, wanted: frozenset[str]) -> Failing:
        def failing(batch: RowBatch) -> list[int]:
            values: Sequence[str] = getattr(batch, column)
            # almost always nothing fails, and a set comparison in C says so
            if wanted.issuperset(values):
                return []
            return [index for index, value in enumerate(values) if value not in wanted]

        return failing

    def inside(column: str, window: Window) -> Failing:
        def failing(batch: RowBatch) -> list[int]:
            values: Sequence[int] = getattr(batch, column)
            if window.holds(min(values)) and window.holds(max(values)):
                return []
            return [index for index, value in enumerate(values) if not window.holds(value)]

        return failing

    if selection.global_keys is not None:
        tests["global_keys"] = member("global_keys", selection.global_keys)
    if selection.data_row_ids is not None:
        tests["data_row_ids"] = member("row_ids", selection.data_row_ids)
    if selection.batch_ids is not None:
        tests["batch_ids"] = member("batch_ids", selection.batch_ids)
    if selection.statuses is not None:
        tests["statuses"] = member("statuses", selection.statuses)
    if selection.workflow_groups is not None:
        tests["workflow_status"] = member("statuses", statuses_in(selection.workflow_groups))
    if selection.since_revision is not None:
        tests["since_revision"] = inside("revisions", Window(start_ms=selection.since_revision + 1))
    if selection.updated_after_ms is not None:
        tests["updated_after"] = inside("updated_ms", Window(start_ms=selection.updated_after_ms + 1))
    if selection.last_activity is not None:
        tests["last_activity_at"] = inside("activity_ms", selection.last_activity)
    if selection.with_annotations is not None:
        wanted = selection.with_annotations
        tests["with_annotations"] = lambda batch: [
            index for index, count in enumerate(batch.annotation_counts) if (count > 0) is not wanted
        ]
    if selection.label_created is not None:
        window = selection.label_created
        tests["label_created_at"] = lambda batch: [
            index
            for index, text in enumerate(batch.label_times)
            if not any(window.holds(int(ms)) for ms in text.split())
        ]
    return [(key, tests[key]) for key in ORDER if key in tests]
