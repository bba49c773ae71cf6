"""What the tests of REST can ask for."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from rest_framework.throttling import SimpleRateThrottle

from exportadmin.lib.rest import WrongKeyThrottle
from tests.rest.world import World, build
from tests.support.emptying import empty_database


@pytest.fixture(autouse=True)
def _nobody_is_throttled(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """But for the tests of that: they set rates of their own."""
    monkeypatch.setattr(SimpleRateThrottle, "THROTTLE_RATES", {"anon": None, "user": None, "wrong_key": None})
    monkeypatch.setattr(WrongKeyThrottle, "rate", None)
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def world(db: None, standing_world: World) -> World:
    """The file's world; what a test changes in it is undone. Nothing that a test changes is seen by a run or a thread:
    those read through connections of their own.
    """
    return copy.deepcopy(standing_world)


@pytest.fixture
def own_world(transactional_db: None, settings: Any, tmp_path: Path) -> World:
    """A world of the test's own, committed: for runs, threads, live servers and broken files. In files of their own:
    a file's world stands until its last test.
    """
    settings.ARTIFACTS_DIR = tmp_path / "artifacts"
    return build()


@pytest.fixture(scope="module")
def standing_world(
    django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """A committed world for all tests of a file."""
    from django.test import override_settings

    folder = tmp_path_factory.mktemp("artifacts")
    with override_settings(ARTIFACTS_DIR=folder), django_db_blocker.unblock():
        try:
            yield build()
        finally:
            empty_database()
