"""Some seconds of the outage that ``python -m tests.outage`` makes, with the real programs."""

from __future__ import annotations

import pytest

from tests.outage.driver import Plan, outage
from tests.outage.server import running
from tests.support.postgres import PostgresUnavailable

SAMPLE = Plan(seconds=3.0, rows=1_500, scripts=2, pause=0.3, most=6, before=1.5, after=1.0, lease=4)


@pytest.mark.slow
def test_a_database_that_goes_away_under_load_costs_no_report_and_shows_no_traceback(tmp_path):
    try:
        with running() as server:
            outcome = outage(server, tmp_path, SAMPLE)
    except PostgresUnavailable as error:
        pytest.skip(f"NOT RUN: {error}")
    assert outcome.wrong == [], "\n".join(outcome.lines())
    assert outcome.running_when_it_stopped, "it was stopped in the middle of a run"
    assert outcome.reports.total() == outcome.keys >= 6
