"""A report's progress as REST tells it: figures that can be taken again from the row."""

from __future__ import annotations

import datetime as dt

import pytest

from exportadmin.runs import statuses
from exportadmin.runs.progress import progress_json
from exports.models import ExportReport

STARTED = dt.datetime(2026, 11, 26, 12, 0, tzinfo=dt.UTC)


def finished(seconds: float, **values: int) -> dict:
    report = ExportReport(
        status=statuses.COMPLETED,
        started_at=STARTED,
        finished_at=STARTED + dt.timedelta(seconds=seconds),
        **values,
    )
    return progress_json(report)


@pytest.mark.parametrize(("rows", "seconds", "rate"), [(600, 4, 150.0), (1, 3, 0.3), (250, 0.5, 500.0)])
def test_rows_per_second_are_the_rows_over_the_seconds_that_the_run_took(rows, seconds, rate):
    assert finished(seconds, rows_done=rows, rows_expected=rows)["rows_per_second"] == rate


def test_a_run_that_took_no_time_or_wrote_no_rows_has_no_rate():
    assert finished(0, rows_done=5)["rows_per_second"] is None
    assert finished(4, rows_done=0)["rows_per_second"] is None


def test_what_is_finished_has_no_seconds_left():
    assert finished(4, rows_done=6, rows_expected=9)["seconds_left"] is None
