"""What a row's labels say of themselves."""

from __future__ import annotations

from typing import Any

import pytest

from connections.rows.labels import (
    FINISHED,
    GROUND_TRUTH,
    NO_GROUND_TRUTH,
    SEVERAL,
    SKIPPED,
    count_of,
    creators_text,
    ground_truths,
    is_skipped,
    label_flags,
)
from tests.connections.rows.documents import box, label, text


def performing(name: str, **details: Any) -> dict[str, Any]:
    made = label(id=name)
    made["performance_details"] = details
    return made


@pytest.mark.parametrize("value", [True, 1, "true", "True", "yes", "1"])
def test_a_skipped_label_says_so_in_whatever_way(value: object) -> None:
    assert is_skipped(performing("a", skipped=value))


@pytest.mark.parametrize("value", [False, None, 0, "", "false", "False", "0", "no"])
def test_a_label_that_says_it_was_not_skipped_was_not(value: object) -> None:
    assert not is_skipped(performing("a", skipped=value))


def test_a_label_without_performance_details_was_not_skipped() -> None:
    bare = label()
    del bare["performance_details"]
    assert not is_skipped(bare)
    assert not is_skipped(performing("a"))


def test_the_benchmark_says_so_itself() -> None:
    assert ground_truths([performing("a"), performing("b", benchmark_reference_label=True)]) == {1}


def test_the_benchmark_is_known_by_its_kind() -> None:
    assert ground_truths([performing("a"), {**performing("b"), "label_kind": "Benchmark"}]) == {1}


def test_the_benchmark_is_named_by_the_labels_that_are_compared_with_it() -> None:
    compared = performing("b", benchmark_reference_label="a", benchmark_score=0.9)
    assert ground_truths([performing("a"), compared, performing("c")]) == {0}


def test_a_benchmark_that_is_not_in_the_row_makes_no_label_ground_truth() -> None:
    assert ground_truths([performing("a", benchmark_reference_label="gone"), performing("b")]) == frozenset()


def test_flags_of_rows_that_most_exports_take_whole() -> None:
    assert label_flags([]) == 0
    assert label_flags([label()]) == NO_GROUND_TRUTH | FINISHED
    assert label_flags([performing("a", benchmark_reference_label=True)]) == GROUND_TRUTH | FINISHED
    assert label_flags([label(id="a"), label(id="b")]) == SEVERAL | NO_GROUND_TRUTH | FINISHED


def test_flags_of_skipped_labels() -> None:
    assert label_flags([label(skipped=True)]) == SKIPPED | NO_GROUND_TRUTH
    assert label_flags([label(id="a"), label(id="b", skipped=True)]) == SEVERAL | SKIPPED | NO_GROUND_TRUTH | FINISHED


def test_a_skipped_benchmark_is_no_ground_truth() -> None:
    assert label_flags([performing("a", benchmark_reference_label=True, skipped=True)]) == SKIPPED | NO_GROUND_TRUTH


def test_creators_stand_once_each_whoever_says_none_too() -> None:
    assert creators_text([]) == ""
    assert creators_text([label(by="bo"), label(by="ann"), label(by="bo")]) == '["ann","bo"]'
    assert creators_text([{**label(), "label_details": {"created_by": None}}]) == '[""]'


def test_a_label_has_objects_and_answers() -> None:
    assert count_of(label(box("car", 1, 2, 3, 4), text("remark", "wet"))) == 2
