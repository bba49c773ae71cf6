"""How far a run is, and its life as steps: from the row alone, whatever stands in it."""

from __future__ import annotations

import datetime as dt

import pytest
import time_machine

from exportadmin.runs import statuses
from exportadmin.runs.progress import counting_began, phases_of, progress_json, progress_of
from exports.display.timeline import steps_of
from exports.models import ExportReport

START = dt.datetime(2026, 11, 26, 12, 0, tzinfo=dt.UTC)


def at(seconds: float) -> dt.datetime:
    return START + dt.timedelta(seconds=seconds)


def made(status: str, **values) -> ExportReport:
    return ExportReport(status=status, created_at=START, **values)


def reading(seconds: float) -> list[dict[str, str]]:
    return [{"phase": "reading", "at": at(seconds).isoformat()}]


def test_the_rate_counts_from_when_counting_began():
    run = made(statuses.RUNNING, started_at=at(5), phase="reading", phases=reading(10), rows_done=1000,
               rows_expected=4000, bytes_done=2_000_000)  # fmt: skip
    found = progress_of(run, at(20))
    assert (found.percent, found.rows_per_second, found.bytes_per_second, found.seconds_left) == (25, 100, 200_000, 30)


def test_a_rate_of_the_first_moment_is_not_shown():
    run = made(statuses.RUNNING, started_at=at(0), phase="reading", rows_done=7, rows_expected=9)
    assert progress_of(run, at(0.5)).rows_per_second is None


@pytest.mark.parametrize("status", [status for status in statuses.TITLES if status != statuses.RUNNING])
def test_the_rate_of_what_does_not_run_is_that_of_the_whole_and_nothing_is_left(status: str):
    ended = None if status == statuses.QUEUED else at(10)
    run = made(status, started_at=at(0), finished_at=ended, rows_done=70, rows_expected=90, phase="reading")
    found = progress_of(run, at(100))
    assert (found.rows_per_second, found.seconds_left) == (None if status == statuses.QUEUED else 7, None)


def test_the_page_and_rest_say_the_same():
    run = made(statuses.RUNNING, started_at=at(5), phase="reading", phases=reading(10), rows_done=1000,
               rows_expected=4000)  # fmt: skip
    with time_machine.travel(at(20), tick=False):
        rest = progress_json(run)
    assert (rest["percent"], rest["rows_per_second"], rest["seconds_left"]) == (25, 100, 30)


def test_a_delivery_of_no_row_is_a_hundred_percent():
    assert progress_of(made(statuses.COMPLETED, rows_expected=0), at(1)).percent == 100


def test_finishing_has_no_time_left_and_more_rows_than_expected_are_a_hundred_percent():
    run = made(statuses.RUNNING, started_at=at(0), phase="finishing", rows_done=12, rows_expected=9)
    found = progress_of(run, at(100))
    assert (found.percent, found.seconds_left) == (100, None)


@pytest.mark.parametrize("phases", [None, {}, "x", [1, None, {}, {"phase": 3, "at": "x"}, {"phase": "reading"},
                                    {"phase": "reading", "at": "yesterday"}, {"phase": "r", "at": [1]}]])  # fmt: skip
def test_phases_of_another_form_are_left_out(phases):
    run = made(statuses.RUNNING, started_at=at(3), phases=phases)
    assert phases_of(run) == []
    assert counting_began(run) == at(3)


def test_the_steps_of_a_delivery_add_up_to_its_life():
    run = made(statuses.COMPLETED, started_at=at(4), finished_at=at(60),
               phases=[*reading(5), {"phase": "finishing", "at": at(50).isoformat()}])  # fmt: skip
    steps = steps_of(run, at(1000))
    assert [(step.label, step.seconds) for step in steps] == [
        ("Queued", 5), ("Reading rows", 45), ("Finishing the file", 10), ("Published", None)
    ]  # fmt: skip
    assert (steps[-1].at, steps[-1].colour) == (at(60), "green")


@pytest.mark.parametrize(
    ("status", "values", "words"),
    [
        (statuses.QUEUED, {"phases": reading(5), "started_at": at(2)}, ["Queued so far"]),
        (statuses.RUNNING, {"started_at": at(2)}, ["Queued", "Running so far"]),
        (statuses.RUNNING, {"started_at": at(2), "phases": reading(3)}, ["Queued", "Reading rows so far"]),
        (statuses.CANCELLED, {"finished_at": at(9)}, ["Queued", "Cancelled"]),
        (statuses.FAILED, {"started_at": at(2), "phases": reading(3), "finished_at": at(9)},
         ["Queued", "Reading rows", "Failed"]),
    ],
)  # fmt: skip
def test_a_life_that_is_not_over_or_ended_early_is_told_as_far_as_it_went(status, values, words):
    steps = steps_of(made(status, **values), at(10))
    assert [step.label + (" so far" if step.is_open else "") for step in steps] == words
