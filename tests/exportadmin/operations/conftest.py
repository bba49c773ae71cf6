"""Nothing that was kept for some seconds reaches the next test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connections
from django.test import Client

from exportadmin.operations import health, metrics


@pytest.fixture(autouse=True)
def _nothing_kept() -> None:
    health.kept.forget()
    metrics.kept.forget()


@pytest.fixture
def visitor(alice: Any) -> Client:
    """Alice, signed in. An outage is an answer here, not an exception of the test."""
    client = Client(raise_request_exception=False)
    client.force_login(alice)
    return client


@pytest.fixture
def database_gone(transactional_db: None, tmp_path: Path) -> Iterator[Callable[[], None]]:
    """Call it, and from then on no connection to the database can be made: its server listens no more."""
    wrapper = connections["default"]
    with pytest.MonkeyPatch.context() as patch:

        def away() -> None:
            wrapper.close()
            if wrapper.vendor == "postgresql":
                dead = {**wrapper.settings_dict, "HOST": "127.0.0.1", "PORT": "1"}
            else:
                dead = {**wrapper.settings_dict, "NAME": str(tmp_path / "no" / "such" / "folder" / "db.sqlite3")}
            # a new thread's connection takes its settings from here
            patch.setitem(connections.settings, "default", dead)
            patch.setattr(wrapper, "settings_dict", dead)

        yield away
        wrapper.close()
