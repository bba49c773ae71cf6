"""Train, validation and test: a row's place is settled by its id and the seed alone."""

from __future__ import annotations

import pytest

from exportadmin.lib.errors import UserError
from exports.formats.splits import SEED, SPLIT, Splits

ROWS = [f"row-{number}" for number in range(2_000)]


def divided(split: str, seed: str = "0", rows: list[str] = ROWS) -> dict[str, str]:
    splits = Splits(split, seed)
    return {row: splits.of(row) for row in rows}


def test_shares_are_about_what_was_wanted_and_are_counted():
    splits = Splits("80/15/5", "0")
    for row in ROWS:
        splits.of(row)
    assert splits.is_divided
    assert sum(splits.counts.values()) == len(ROWS)
    assert [round(splits.counts[name] / 20) for name in ("train", "val", "test")] == pytest.approx([80, 15, 5], abs=3)


def test_a_row_stays_where_it_is_when_others_go():
    every, few = divided("70/20/10"), divided("70/20/10", rows=ROWS[::7])
    assert few == {row: every[row] for row in ROWS[::7]}
    # the same on every machine and in every version
    assert [divided("1/1/1")[row] for row in ROWS[:8]] == ["train", "test", "val", "val", "val", "val", "val", "val"]


def test_another_seed_divides_them_in_another_way():
    assert divided("50/50", "0") != divided("50/50", "1")


def test_a_share_of_nothing_has_no_rows():
    assert set(divided("80/0/20").values()) == {"train", "test"}
    assert set(divided("80/20").values()) == {"train", "val"}
    assert set(divided("none").values()) == {"train"}
    assert not Splits("100/0", "0").is_divided


@pytest.mark.parametrize("text", ["80", "0/100", "80/10/10/0", "-1/2", "80/x", "80 /20", "", "80/10/10\n", "12345/1"])
def test_what_is_no_split_is_refused_in_words(text):
    with pytest.raises(UserError, match=r"option split is .* expected none, or two or three shares such as 80/20"):
        SPLIT.parse(text)


@pytest.mark.parametrize("text", ["", "a b", "x" * 41, "é", 5, None])
def test_what_is_no_seed_is_refused_in_words(text):
    with pytest.raises(UserError, match=r"option seed is .* expected 1 to 40 letters from a to z"):
        SEED.parse(text)
