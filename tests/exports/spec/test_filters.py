"""The filter language: what is refused, what is kept, and that SQL and Python agree on it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connections.models import Project
from connections.rows.batch import BODY, RowBatch
from connections.rows.review_statuses import REVIEW_STATUSES, WORKFLOW_GROUPS
from connections.store.import_row import IncomingLabel
from connections.store.upsert import write_rows
from exportadmin.lib.errors import UserError
from exportadmin.lib.times import iso_utc
from exports.sources.store import StoreSource
from exports.spec.conditions import CONDITIONS
from exports.spec.conditions.kinds import Window
from exports.spec.conditions.labelling import STATES
from exports.spec.filters import RowFilter, SourceFilterError, parse_filter
from exports.spec.labels import ALL
from exports.spec.selection import Selection
from exports.spec.spec import ExportSpec
from tests.support.rows import box, row

DAY = 86_400_000


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ({"updatd_after": 1}, "unknown filter 'updatd_after'; known: global_keys"),
        ({"updated_after": "yesterday"}, "'yesterday' is not a time"),
        ({"updated_after": "2024-02-30"}, "is not a time"),
        ({"updated_after": "2024-01-01T10:00:00+99:00"}, "is not a time"),
        ({"updated_after": True}, "True is not a time"),
        ({"updated_after": 1.5}, "milliseconds are whole numbers"),
        ({"updated_after": float("nan")}, "is not a time"),
        ({"updated_after": 10**18}, "outside the years 1 to 9999"),
        ({"updated_after": []}, "is not a time"),
        ({"updated_after": "0001-01-01T00:00:00+05:00"}, "outside the years 1 to 9999"),
        ({"updated_after": "9999-12-31T23:00:00-05:00"}, "outside the years 1 to 9999"),
        ({"updated_after": "9" * 5_000}, "is not a time"),
        ({"global_keys": ["\ud800"]}, "no valid Unicode"),
        ({"global_keys": ["a\x00"]}, "U+0000"),
        ({"last_activity_at": "2024-01-01"}, "expected [start, end]"),
        ({"last_activity_at": ["2024-01-01"]}, "expected [start, end]"),
        ({"last_activity_at": ["2024-01-02", "2024-01-01"]}, "before it begins"),
        ({"global_keys": []}, "empty list"),
        ({"global_keys": "a"}, "expected a list of texts"),
        ({"global_keys": [1]}, "expected non-empty texts"),
        ({"global_keys": ["a", ""]}, "global_keys holds ''; expected non-empty texts"),
        ({"data_row_ids": [f"id-{n}" for n in range(2001)]}, "2,001 entries; at most 2,000"),
        ({"workflow_status": "done"}, "unknown workflow group 'done'; known: ToLabel"),
        ({"statuses": ["acepted"]}, "unknown review status 'acepted'; known: to_label"),
        ({"with_annotations": "yes"}, "expected true or false"),
        ({"media_types": ["VIDEO"]}, "unknown media type 'VIDEO'; known: image, video, audio"),
        ({"media_types": []}, "empty list"),
        ({"labelling": ["done"]}, "unknown state of labels 'done'; known: unlabelled"),
        ({"row_numbers": 7}, "expected [first, last]"),
        ({"row_numbers": [7]}, "expected [first, last]"),
        ({"row_numbers": ["7", None]}, "holds '7'; expected whole numbers from 0 up"),
        ({"row_numbers": [-1, None]}, "holds '-1'; expected whole numbers from 0 up"),
        ({"row_numbers": [True, None]}, "holds 'True'; expected whole numbers from 0 up"),
        ({"row_numbers": [8, 7]}, "ends (7) before it begins (8)"),
        ([], "expected a JSON object"),
        ("{}", "expected a JSON object"),
    ],
)
def test_a_wrong_filter_is_refused_with_what_would_be_right(raw, words):
    with pytest.raises(UserError, match=r".") as caught:
        parse_filter(raw)
    assert words in caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.field


@pytest.mark.parametrize(
    ("written", "zone", "utc"),
    [
        (1_704_103_200_000, "Asia/Tokyo", "2024-01-01T10:00:00.000+00:00"),
        ("1704103200000", "Asia/Tokyo", "2024-01-01T10:00:00.000+00:00"),
        ("2024-01-01", "UTC", "2024-01-01T00:00:00.000+00:00"),
        ("2024-01-01", "Europe/Warsaw", "2023-12-31T23:00:00.000+00:00"),
        ("2024-07-01 10:11:12", "Europe/Warsaw", "2024-07-01T08:11:12.000+00:00"),
        ("2024-01-01T10:00:00+0230", "Europe/Warsaw", "2024-01-01T07:30:00.000+00:00"),
        ("2024-01-01T10:00:00+02:30", "UTC", "2024-01-01T07:30:00.000+00:00"),
        ("2024-01-01T10:00:00Z", "Europe/Warsaw", "2024-01-01T10:00:00.000+00:00"),
        ("2024-01-01T10:00:00.250Z", "Europe/Warsaw", "2024-01-01T10:00:00.250+00:00"),
        ("2024-01-01T10:00:00", "Europe/Warsaw", "2024-01-01T09:00:00.000+00:00"),
    ],
)
def test_times_are_read_in_the_project_zone_unless_they_say_their_own(written, zone, utc):
    """An offset is converted, not cut off."""
    assert iso_utc(parse_filter({"updated_after": written}, time_zone=zone)["updated_after"]) == utc


@pytest.mark.parametrize(
    ("bounds", "window"),
    [
        (["1970-01-02", "1970-01-03"], Window(DAY, 2 * DAY)),
        (["1970-01-02", None], Window(DAY, None)),
        ([None, "1970-01-03"], Window(None, 2 * DAY)),
        ([None, None], None),
    ],
)
def test_windows_have_four_forms(bounds, window):
    assert parse_filter({"last_activity_at": bounds}).get("last_activity_at") == window


def test_the_resolved_window_is_frozen_with_the_report(project):
    project.time_zone = "Europe/Warsaw"
    spec = ExportSpec.parse({"format": "json", "filter": {"updated_after": "2024-07-01"}}, project)
    frozen = json.loads(json.dumps(spec.to_json()))
    assert frozen["resolved"] == {"updated_after": "2024-06-30T22:00:00.000+00:00"}
    project.time_zone = "Asia/Tokyo"
    again = ExportSpec.from_json(frozen, project)
    assert again.selection == spec.selection


# --- SQL and Python decide alike -------------------------------------------------------------------------------------

moments = st.integers(0, 5).map(lambda day: day * DAY)
windows = st.none() | st.builds(
    lambda a, b: Window(None if a is None else min(a, b or a), None if b is None else max(b, a or b)),
    st.none() | moments,
    st.none() | moments,
)


def some(values: list[str]) -> st.SearchStrategy[Any]:
    return st.none() | st.frozensets(st.sampled_from(values), min_size=1, max_size=3)


STATUSES = list(REVIEW_STATUSES)[:6]
KEYS = [f"k{n}" for n in range(12)]


@st.composite
def selections(draw: st.DrawFn) -> dict[str, Any]:
    return {
        "statuses": draw(some(STATUSES)),
        "workflow_status": draw(some(list(WORKFLOW_GROUPS))),
        "updated_after": draw(st.none() | moments),
        "last_activity_at": draw(windows.filter(lambda w: w != Window())),
        "label_created_at": draw(windows.filter(lambda w: w != Window())),
        "batch_ids": draw(some(["b0", "b1", "none-such"])),
        "dataset_ids": draw(some(["d0", "north", "south", "none-such"])),
        "global_keys": draw(some(KEYS)),
        "with_annotations": draw(st.none() | st.booleans()),
        "labelling": draw(some(list(STATES))),
        "media_types": draw(some(["image", "video", "text", "unknown"])),
        "row_numbers": draw(st.none() | st.tuples(st.integers(0, 6), st.integers(6, 12))),
    }


@pytest.fixture
def filled(transactional_db, project):
    for index, key in enumerate(KEYS):
        labels = [
            IncomingLabel(
                objects=[box()] if index % 3 else [],
                created_ms=(index * n % 6) * DAY,
                performance={"skipped": index == 8 or (n == 1 and index % 2 == 1)},
            )
            for n in (1, 5)
        ][: index % 3]
        entry = row(key, status=STATUSES[index % 6], batch_id=f"b{index % 3}" if index % 4 else "", labels=labels)
        entry.media_attributes = {"asset_type": ("image", "video", "text", "point_cloud")[index % 4]}
        entry.dataset, entry.dataset_id = ("north", "d0") if index % 2 else ("south", None)
        write_rows(project, [entry], now_ms=(index % 5) * DAY)
    return project


# a condition that holds for all: what conditions look at is read where there is one
EVERY_ROW = {"updated_after": -1}


def read(selection: Selection) -> tuple[list[RowBatch], dict[str, int]]:
    project = Project.objects.get(public_id=selection.project_id)
    with StoreSource(project).open(selection, frozenset({BODY})) as reader:
        return list(reader.batches()), dict(reader.dropped_at_source)


@given(conditions=selections())
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_sql_keeps_is_what_the_filter_keeps_and_reasons_agree(filled, conditions):
    given = {key: value for key, value in conditions.items() if value is not None}
    selection = Selection(filled.public_id, given, labels=ALL)
    whole, _ = read(Selection(filled.public_id, EVERY_ROW))
    row_filter = RowFilter(selection, pushed_down=frozenset())
    expected = [row_id for batch in whole for row_id in row_filter.apply(batch).row_ids]

    batches, dropped_there = read(selection)
    rest = RowFilter(selection, pushed_down=StoreSource.pushed_down)  # raises where SQL let something through
    kept = [row_id for batch in batches for row_id in rest.apply(batch).row_ids]
    assert kept == expected
    dropped = {key: dropped_there.get(key, 0) + rest.dropped[key] for key in CONDITIONS}
    assert dropped == {key: row_filter.dropped[key] for key in CONDITIONS}
    assert len(kept) + sum(dropped.values()) == len(KEYS)


def test_a_source_that_ignores_a_filter_it_claims_to_apply_is_caught(filled):
    whole, _ = read(Selection(filled.public_id, EVERY_ROW))
    row_filter = RowFilter(
        Selection(filled.public_id, {"updated_after": 2 * DAY}), pushed_down=frozenset({"updated_after"})
    )
    with pytest.raises(SourceFilterError, match="filter by updated_after but returned row"):
        for batch in whole:
            row_filter.apply(batch)


# of each condition a value that some row of ``filled`` does not satisfy
CLAIMED: dict[str, Any] = {
    "global_keys": frozenset({"k1"}),
    "data_row_ids": frozenset({"none-such"}),
    "batch_ids": frozenset({"b1"}),
    "dataset_ids": frozenset({"d0"}),
    "statuses": frozenset(STATUSES[:1]),
    "workflow_status": frozenset(list(WORKFLOW_GROUPS)[:1]),
    "updated_after": 2 * DAY,
    "last_activity_at": Window(2 * DAY, 2 * DAY),
    "label_created_at": Window(2 * DAY, 2 * DAY),
    "with_annotations": True,
    "labelling": frozenset({"unlabelled"}),
    "media_types": frozenset({"video"}),
    "row_numbers": (2, 5),
    "since_revision": 10**6,
}


@pytest.mark.parametrize("key", list(CONDITIONS))
def test_a_source_that_says_it_applies_a_condition_is_not_believed_whichever_it_is(filled, key):
    whole, _ = read(Selection(filled.public_id, {"since_revision": 0}))  # all rows, with their revisions
    row_filter = RowFilter(Selection(filled.public_id, {key: CLAIMED[key]}, labels=ALL), frozenset({key}))
    with pytest.raises(SourceFilterError, match=f"filter by {key} but returned row"):
        for batch in whole:
            row_filter.apply(batch)
    assert not row_filter.dropped


def test_updated_after_is_exclusive_and_windows_are_inclusive(filled):
    def keys(**conditions: Any) -> set[str]:
        return {key for batch in read(Selection(filled.public_id, conditions))[0] for key in batch.global_keys}

    at_two = {key for index, key in enumerate(KEYS) if index % 5 == 2}
    assert not keys(updated_after=2 * DAY) & at_two
    assert keys(updated_after=2 * DAY - 1) >= at_two
    assert keys(last_activity_at=Window(2 * DAY, 2 * DAY)) == at_two
