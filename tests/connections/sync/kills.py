"""Workers that die in a sync."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import pytest
from django.utils import timezone

from connections.sync import ending
from connections.sync.models import SyncRun
from exportadmin.lib.http import OutboundSession
from exportadmin.runs import statuses
from exportadmin.runs.execute import execute
from tests.support import kills
from tests.support.kills import Places

Further: TypeAlias = tuple[Any, str, Callable[..., str]]


def places(patch: pytest.MonkeyPatch, deadly: int = 0, *further: Further) -> Places:
    """Those that the run of this process passes, before and after each request and the end; it dies at ``deadly``.
    ``further``: (owner, name of its function, what a call of it is).
    """
    found = Places(patch, deadly)
    requests = (OutboundSession, "request", _request)
    for owner, name, what in (requests, (ending, "end", lambda *arguments, **named: "the end"), *further):
        found.watch(owner, name, what)
    return found


def _request(session: OutboundSession, method: str, url: str, **named: Any) -> str:
    return f"{method} {urlsplit(url).path}"


def dies(run: SyncRun, place: int, *further: Further) -> bool:
    """The step of a worker that dies at that place, if it gets there; its lease is over then."""
    SyncRun.objects.filter(pk=run.pk).update(not_before=None)

    def act() -> None:
        places(pytest.MonkeyPatch(), place, *further)
        execute("sync", run.pk)

    if not kills.dies(act):
        return False
    SyncRun.objects.filter(pk=run.pk).update(lease_until=timezone.now() - timedelta(minutes=1))
    return True


def step(run: SyncRun) -> None:
    """One more step of a worker, as soon as may be."""
    SyncRun.objects.filter(pk=run.pk).update(not_before=None)
    execute("sync", run.pk)
    run.refresh_from_db()


def to_its_end(run: SyncRun) -> None:
    """Steps of workers until it has one."""
    for _ in range(6):
        step(run)
        if run.status in statuses.TERMINAL:
            return
    pytest.fail(f"{run.status}: {run.error}")
