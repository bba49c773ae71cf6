"""Numbers, sizes, durations, rates and status codes as a person reads them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exportadmin.lib import formatting


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "–"),
        ("", "–"),
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (99_949, "99.9 kB"),
        (99_951, "100 kB"),
        (999_499, "999 kB"),
        (999_500, "1.0 MB"),
        (2_649_741, "2.6 MB"),
        (2_113_200_000, "2.1 GB"),
        (10**20, "100000 PB"),
    ],
)
def test_sizes(value: int | None, shown: str):
    assert formatting.size(value) == shown


@given(st.integers(1000, 10**17))
def test_a_size_is_right_to_a_twentieth(value: int):
    amount, unit = formatting.size(value).split()
    factor = {"kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, "PB": 10**15}[unit]
    assert float(amount) * factor == pytest.approx(value, rel=0.05)
    assert 1 <= float(amount) < 1000


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (None, "–"),
        (-3, "0 s"),
        (0, "0 s"),
        (0.014, "0.01 s"),
        (0.4, "0.4 s"),
        (0.42, "0.42 s"),
        (0.999, "1 s"),
        (2.84, "2.8 s"),
        (3.0, "3 s"),
        (9.96, "10 s"),
        (12.4, "12 s"),
        (59.6, "1 min 0 s"),
        (75, "1 min 15 s"),
        (7440, "2 h 4 min"),
        (200_000, "2 d 7 h"),
    ],
)
def test_durations_have_about_two_digits(seconds: float | None, shown: str):
    assert formatting.lasting(seconds) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"), [(-1, "0 s"), (3, "3 s"), (119, "1 min 59 s"), (3600, "1 h 0 min"), (86_400, "1 d 0 h")]
)
def test_a_time_that_goes_on_is_whole(seconds: int, shown: str):
    assert formatting.whole(seconds) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "about a second"), (2.4, "about 2 s"), (89, "about 89 s"), (90, "about 2 min"), (5_399, "about 90 min"),
     (5_400, "about 2 h"), (100_000, "about 28 h"), (200_000, "about 2 d")],
)  # fmt: skip
def test_estimates_are_no_more_exact_than_they_are(seconds: float, shown: str):
    assert formatting.about(seconds) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "–"), (0.25, "0.2 rows/s"), (3.0, "3 rows/s"), (12.6, "13 rows/s"), (1_234.5, "1,234 rows/s")],
)
def test_rates(value: float | None, shown: str):
    assert formatting.per_second(value) == shown


def test_numbers_have_separators_and_counts_the_right_word():
    assert [formatting.number(value) for value in (None, 0, 1234567)] == ["–", "0", "1,234,567"]
    assert [formatting.counted(n, "class", "classes") for n in (0, 1, 2000)] == [
        "0 classes",
        "1 class",
        "2,000 classes",
    ]


@pytest.mark.parametrize(
    ("code", "shown"),
    [(403, "403 (forbidden)"), (429, "429 (too many requests)"), (503, "503 (service unavailable)"), (599, "599")],
)
def test_a_status_code_is_told_in_words_too(code: int, shown: str):
    assert formatting.status(code) == shown
