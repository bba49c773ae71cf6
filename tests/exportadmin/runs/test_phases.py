"""The phases of a run are kept with its report: when each began, by the database's clock and under the fence."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from exportadmin.runs import lease as lease_module
from exportadmin.runs import statuses
from exportadmin.runs.ends import end
from exportadmin.runs.lease import claim
from exports.models import ExportReport


@pytest.fixture
def report(make_report):
    return make_report()


@pytest.fixture
def lease(report):
    made = claim(ExportReport, report.pk)
    yield made
    made.release()


def phases(report) -> list[str]:
    report.refresh_from_db()
    return [entry["phase"] for entry in report.phases]


def test_each_new_phase_is_written_once_with_its_time(report, lease, runner):
    lease.progress(phase="reading", rows_done=0)
    lease.progress(phase="reading", rows_done=5)
    lease.progress(rows_done=6)
    lease.progress(phase="finishing")
    end(report, lease, statuses.COMPLETED)
    assert phases(report) == ["reading", "finishing"]
    times = [report.started_at, *(datetime.fromisoformat(entry["at"]) for entry in report.phases), report.finished_at]
    slack = timedelta(seconds=5)  # the claim's look and its write are two moments, and this machine may be busy
    assert all(earlier <= later + slack for earlier, later in pairwise(times)), times


def test_who_lost_the_report_writes_no_phase(report, lease):
    ExportReport.objects.filter(pk=report.pk).update(fence=99)
    lease.progress(phase="reading")
    assert phases(report) == []


def test_another_attempt_begins_with_none(report, lease):
    lease.progress(phase="reading")
    assert phases(report) == ["reading"]
    lease.requeue(after=timedelta(0))
    claim(ExportReport, report.pk).release()
    assert phases(report) == []


def test_phases_without_end_do_not_make_the_row_grow(report, lease):
    for number in range(lease_module.MAX_PHASES + 20):
        lease.progress(phase=f"phase {number}")
    assert len(phases(report)) == lease_module.MAX_PHASES
