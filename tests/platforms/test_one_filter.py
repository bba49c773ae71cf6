"""Five hundred filters over mirrors of every platform which hold the same 5,000 rows: the same rows from each."""

from __future__ import annotations

import pytest

from tests.support.one_filter import Mirrors, check_filters

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_same_rows_come_of_every_platform(mirrors: Mirrors):
    check_filters(mirrors(5_000), 5_000, examples=500)
