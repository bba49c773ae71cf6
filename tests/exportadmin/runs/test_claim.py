"""Who may run a report: one process at a time, three times at most."""

from __future__ import annotations

import threading

import pytest
from django.db import connection

from exportadmin.runs import limits, statuses
from exportadmin.runs.lease import claim
from exports.models import ExportReport


def test_of_many_that_claim_at_once_one_gets_the_report(make_report):
    report = make_report()
    start, won = threading.Barrier(6), []

    def claim_it():
        try:
            start.wait(timeout=30)
            won.append(claim(ExportReport, report.pk))
        finally:
            connection.close()

    threads = [threading.Thread(target=claim_it) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert len(won) == 6
    assert sum(lease is not None for lease in won) == 1
    report.refresh_from_db()
    assert (report.status, report.attempts, report.fence) == (statuses.RUNNING, 1, 1)


def test_a_claim_that_was_overtaken_between_its_look_and_its_update_gets_nothing(make_report, monkeypatch):
    report = make_report()
    real, overtaken = type(report).objects.filter, []

    def filter_and_be_overtaken(*conditions, **named):
        found = real(*conditions, **named)
        if "fence" in named and not overtaken:
            overtaken.append(True)
            overtaken.append(claim(ExportReport, report.pk))
        return found

    monkeypatch.setattr(type(report).objects, "filter", filter_and_be_overtaken)
    assert claim(ExportReport, report.pk) is None
    assert overtaken[1] is not None


def test_the_attempt_is_counted_when_it_begins(make_report):
    report = make_report(attempts=1, fence=4, error="what went wrong before", rows_done=7)
    lease = claim(ExportReport, report.pk)
    assert lease is not None
    report.refresh_from_db()
    assert (report.attempts, report.fence) == (lease.attempt, lease.fence) == (2, 5)
    assert report.started_at is not None
    assert report.lease_until == report.started_at + limits.LEASE
    assert (report.error, report.rows_done) == ("", 0)


def test_a_report_with_a_living_lease_cannot_be_claimed(make_report):
    report = make_report(status=statuses.RUNNING, lease=5, attempts=1, fence=1)
    assert claim(ExportReport, report.pk) is None


def test_a_report_whose_lease_ran_out_can_be_claimed(make_report):
    report = make_report(status=statuses.RUNNING, lease=-1, attempts=1, fence=1)
    lease = claim(ExportReport, report.pk)
    assert lease is not None
    assert (lease.attempt, lease.fence) == (2, 2)


def test_there_is_no_fourth_attempt(make_report):
    report = make_report(status=statuses.RUNNING, lease=-1, attempts=3, fence=3)
    assert claim(ExportReport, report.pk) is None


@pytest.mark.parametrize("status", sorted(statuses.TERMINAL))
def test_what_has_ended_is_never_claimed_again(make_report, status):
    assert claim(ExportReport, make_report(status=status).pk) is None


def test_what_is_to_be_cancelled_is_not_begun(make_report):
    assert claim(ExportReport, make_report(cancel_requested=True).pk) is None


def test_a_report_that_is_gone_cannot_be_claimed(make_report):
    report = make_report()
    key = report.pk
    report.delete()
    assert claim(ExportReport, key) is None


def test_what_is_to_wait_is_not_begun_before(make_report):
    assert claim(ExportReport, make_report(wait=60).pk) is None
    assert claim(ExportReport, make_report(wait=-1).pk) is not None


def test_a_run_with_a_state_goes_on_where_it_was(make_report):
    began = [{"phase": "reading", "at": "2026-11-26T12:00:00+00:00"}]
    report = make_report(state={"job": 7}, rows_done=5, phases=began, attempts=1)
    lease = claim(ExportReport, report.pk)
    assert (lease.run.state, lease.run.rows_done, lease.run.phases) == ({"job": 7}, 5, began)
    lease.progress(phase="fetching")
    report.refresh_from_db()
    assert [phase["phase"] for phase in report.phases] == ["reading", "fetching"]
