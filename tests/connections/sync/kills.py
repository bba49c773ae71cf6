"""Workers that die: a fork of this process carries a run out and kills itself at one of the places that it passes."""

from __future__ import annotations

import itertools
import os
import signal
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import connections
from django.utils import timezone

from connections.sync import runner
from connections.sync.models import SyncRun
from exportadmin.lib.http import OutboundSession
from exportadmin.runs import statuses
from exportadmin.runs.execute import execute


class Places:
    """Counts the places that the run of this process passes, before and after each request and the end; dies at
    ``deadly``. ``further``: (owner, name of its function, what a call of it is).
    """

    def __init__(
        self, patch: pytest.MonkeyPatch, deadly: int = 0, *further: tuple[Any, str, Callable[..., str]]
    ) -> None:
        self.passed: list[str] = []
        self._count = itertools.count(1)
        self._deadly = deadly
        requests = (OutboundSession, "request", _request)
        for owner, name, what in (requests, (runner, "end", lambda *arguments, **named: "the end"), *further):
            self._around(patch, owner, name, what)

    def _around(self, patch: pytest.MonkeyPatch, owner: Any, name: str, what: Callable[..., str]) -> None:
        original = getattr(owner, name)

        def counted(*arguments: Any, **named: Any) -> Any:
            self._reach(f"before {what(*arguments, **named)}")
            answer = original(*arguments, **named)
            self._reach(f"after {what(*arguments, **named)}")
            return answer

        patch.setattr(owner, name, counted)

    def _reach(self, what: str) -> None:
        self.passed.append(what)
        if next(self._count) == self._deadly:
            os.kill(os.getpid(), signal.SIGKILL)


def _request(session: OutboundSession, method: str, url: str, **named: Any) -> str:
    return f"{method} {urlsplit(url).path}"


def dies(run: SyncRun, place: int, *further: tuple[Any, str, Callable[..., str]]) -> bool:
    """The step of a worker that dies at that place, if it gets there; its lease is over then."""
    SyncRun.objects.filter(pk=run.pk).update(not_before=None)
    connections.close_all()
    child = os.fork()
    if child == 0:
        try:
            Places(pytest.MonkeyPatch(), place, *further)
            execute("sync", run.pk)
        finally:
            os._exit(3)
    _, status = os.waitpid(child, 0)
    if (code := os.waitstatus_to_exitcode(status)) == 3:
        return False
    assert code == -signal.SIGKILL
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
