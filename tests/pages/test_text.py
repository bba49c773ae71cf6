"""Times and counts as a person reads them on a page."""

from __future__ import annotations

import datetime as dt

from django.utils import timezone

from exports.templatetags import text

NOON = dt.datetime(2026, 11, 2, 12, 0, 30, tzinfo=dt.UTC)


def test_what_goes_on_is_told_in_whole_seconds_and_what_is_over_to_two_digits():
    assert text.took(NOON, NOON + dt.timedelta(seconds=2.84)) == "2.8 s"
    assert text.took(timezone.now() - dt.timedelta(seconds=7440), None) == "2 h 4 min"


def test_how_long_ago_is_short_and_has_the_exact_time_beside_it():
    now = timezone.now()
    for gone, told in ((5, "just now"), (330, "5 min ago"), (11_000, "3 h ago")):
        shown = text.ago(now - dt.timedelta(seconds=gone))
        assert shown.endswith(f">{told}</time>") and 'title="' in shown


def test_the_time_of_the_day_is_that_of_the_one_who_looks():
    with timezone.override("Europe/Warsaw"):
        assert text.clock(NOON) == "13:00:30 CET"
    assert text.clock(NOON) == "12:00:30 UTC"


def test_nothing_is_a_dash():
    assert [text.took(None, None), text.moment(None)] == ["–"] * 2


def test_moments_are_shown_in_utc_wherever_they_come_from():
    warsaw = NOON.astimezone(dt.timezone(dt.timedelta(hours=1)))
    assert text.moment(warsaw) == '<time datetime="2026-11-02T12:00:30.000+00:00">2 Nov 2026, 12:00 UTC</time>'


def test_counts_take_the_right_word():
    assert [text.plural(n, "row,rows") for n in (0, 1, 2000)] == ["0 rows", "1 row", "2,000 rows"]
