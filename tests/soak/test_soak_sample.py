"""A few kills of the many that ``make soak`` does, with the real pipeline and the trail."""

from __future__ import annotations

import pytest

from tests.soak.__main__ import POSTGRES, SQLITE, installed
from tests.soak.driver import soak


@pytest.mark.one_database
@pytest.mark.parametrize("database", [SQLITE, POSTGRES])
def test_whatever_is_killed_wherever_every_report_completes_once_with_the_same_bytes(database: str):
    """On a server of its own: processes of it are killed, and others have connections to the suite's."""
    with installed(database) as installation:
        outcome = soak(installation, kills=4, seed=20261122, batch=3)
    assert outcome.wrong == []
    assert outcome.kills.total() >= 4
    assert outcome.reports >= 3
