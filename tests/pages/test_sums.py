"""Check values as sums: what is shown adds up exactly when the numbers do."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exports.display.check_value_tables import LEAST_SHARE, sum_of, sums_of
from exports.spec.conditions import CONDITIONS

COUNTS = st.dictionaries(st.text(min_size=1, max_size=5), st.integers(0, 10**12), max_size=30)
REASONS = st.dictionaries(st.sampled_from([*CONDITIONS, "status_of_mars"]), st.integers(0, 10**12))


def right(dropped: dict[str, int], statuses: dict[str, int], classes: dict[str, int], left_out: dict[str, int]) -> Any:
    kept, annotations = sum(statuses.values()), sum(classes.values())
    return {
        "rows_read": kept + sum(dropped.values()),
        "rows_kept": kept,
        "rows_dropped": dropped,
        "rows_by_status": statuses,
        "annotations": annotations,
        "annotations_by_class": classes,
        "annotations_by_kind": {"box": annotations},
        "left_out_by_format": left_out,
        "files": 1,
        "bytes": 5,
    }


@pytest.mark.parametrize("values", [None, {}, [], "text", 7])
def test_no_check_values_no_sums(values: Any):
    assert sums_of(values) is None


@given(REASONS, COUNTS, COUNTS, COUNTS, st.sampled_from(["rows_read", "rows_kept", "annotations"]))
def test_one_more_in_any_total_is_noticed(dropped: Any, statuses: Any, classes: Any, left_out: Any, key: str):
    values = right(dropped, statuses, classes, left_out)
    values[key] += 1
    sums = sums_of(values)
    assert sums is not None
    assert not sums.add_up


@given(REASONS, COUNTS, COUNTS, COUNTS)
def test_numbers_that_add_up_are_shown_whole(dropped: Any, statuses: Any, classes: Any, left_out: Any):
    sums = sums_of(right(dropped, statuses, classes, left_out))
    assert sums is not None
    assert sums.add_up
    assert sums.rows_dropped == sum(dropped.values())
    shown = [part.count for each in sums.sums for part in (*each.first_parts, *each.further_parts)]
    counts = [sums.rows_kept, *dropped.values(), *statuses.values(), *classes.values(), sums.annotations]
    counts += [sums.annotations, *left_out.values()] if left_out else []
    assert sorted(shown) == sorted(counts)
    assert all(0 <= part.share <= 100 for each in sums.sums for part in each.parts)


def test_every_condition_has_its_own_reason_for_a_dropped_row():
    reasons = [condition.dropped_label for condition in CONDITIONS.values()]
    assert len(set(reasons)) == len(reasons)


def test_one_among_many_has_a_bar_that_can_be_seen_and_nothing_has_none():
    counted = sum_of("Rows", "", "", 1503, {"car": 1502, "tree": 1, "boat": 0})
    assert counted is not None
    assert {part.label: part.share for part in counted.parts} == {"car": 100, "tree": LEAST_SHARE, "boat": 0}
