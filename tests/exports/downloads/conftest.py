from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.signals import request_finished, request_started

from connections.models import Project
from exports.models import Artifact
from tests.exports.downloads.support import BIG, Endings
from tests.pages.reports import deliver

BODY = bytes(range(256)) * 40


@pytest.fixture
def artifact(project: Project, tmp_path: Path) -> Artifact:
    """A file of 10,240 bytes."""
    return deliver(project, tmp_path / "delivery", body=BODY)


@pytest.fixture
def big(project: Project, tmp_path: Path) -> Artifact:
    """A file that no socket buffer holds."""
    return deliver(project, tmp_path / "big", name="big.ndjson", body=os.urandom(BIG))


@pytest.fixture
def server(live_server: Any, transactional_db: None) -> Iterator[str]:
    """The address of a running server. The test ends when the server is done with its last request: it writes down the
    end of a download after the client has it, and tables must not be emptied under it.
    """
    under_way, changed = 0, threading.Condition()

    def count(step: int) -> None:
        nonlocal under_way
        with changed:
            under_way += step
            changed.notify_all()

    def began(**_: Any) -> None:
        count(1)

    def ended(**_: Any) -> None:
        count(-1)

    request_started.connect(began)
    request_finished.connect(ended)
    try:
        yield str(live_server.url)
        with changed:
            assert changed.wait_for(lambda: under_way == 0, timeout=60), "the server is still at work"
    finally:
        request_started.disconnect(began)
        request_finished.disconnect(ended)


@pytest.fixture
def endings(monkeypatch: pytest.MonkeyPatch) -> Endings:
    return Endings(monkeypatch)
