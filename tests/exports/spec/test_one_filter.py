"""One filter means the same rows whatever platform they are mirrored from; ``tests/platforms`` tries many more."""

from __future__ import annotations

import pytest

from connections.platforms import PLATFORMS
from tests.support.one_filter import Mirrors, check_filters

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_same_rows_come_of_every_platform(mirrors: Mirrors):
    projects = mirrors(60)
    assert {one.project.connection.kind for one in projects} == set(PLATFORMS)
    check_filters(projects, 60, examples=60)
