"""A few kills of the many that ``make soak`` does, with the real pipeline and the trail."""

from __future__ import annotations

from tests.soak.driver import soak


def test_whatever_is_killed_wherever_every_report_completes_once_with_the_same_bytes(installation):
    outcome = soak(installation, kills=4, seed=20261122, batch=3)
    assert outcome.wrong == []
    assert outcome.kills.total() >= 4
    assert outcome.reports >= 3
