"""Numbers, sizes and times as a person reads them."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exports.templatetags import text

NOON = dt.datetime(2026, 11, 2, 12, 0, 30, tzinfo=dt.UTC)


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
        (3_022_022, "3.0 MB"),
        (10**20, "100000 PB"),
    ],
)
def test_sizes(value: object, shown: str):
    assert text.size(value) == shown


@given(st.integers(1000, 10**17))
def test_a_size_is_right_to_a_twentieth(value: int):
    amount, unit = text.size(value).split()
    factor = {"kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, "PB": 10**15}[unit]
    assert float(amount) * factor == pytest.approx(value, rel=0.05)
    assert 1 <= float(amount) < 1000


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.014, "0.01 s"), (9.99, "9.99 s"), (12.4, "12 s"), (75, "1 min 15 s"), (7440, "2 h 4 min"), (-3, "0.00 s")],
)
def test_durations(seconds: float, shown: str):
    assert text.took(NOON, NOON + dt.timedelta(seconds=seconds)) == shown


def test_nothing_is_a_dash():
    assert [text.took(None, None), text.moment(None), text.number(None), text.number("")] == ["–"] * 4


def test_moments_are_shown_in_utc_wherever_they_come_from():
    warsaw = NOON.astimezone(dt.timezone(dt.timedelta(hours=1)))
    assert text.moment(warsaw) == '<time datetime="2026-11-02T12:00:30.000+00:00">2 Nov 2026, 12:00 UTC</time>'


def test_counts_take_the_right_word():
    assert [text.plural(n, "row,rows") for n in (0, 1, 2000)] == ["0 rows", "1 row", "2,000 rows"]
