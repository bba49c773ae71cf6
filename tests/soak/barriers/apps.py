"""Wraps the few calls by which the pipeline passes the places. The product itself knows nothing of barriers.

A report's name is JSON: ``{"1": "reading", "2": "before commit"}``, the place to wait at in each attempt.
"""

from __future__ import annotations

import functools
import json
import os
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django.apps import AppConfig

if TYPE_CHECKING:
    from connections.sinks.base import Delivery
    from exports.models import ExportReport

IN_TRANSACTION = ("before commit", "with the head of the trail")
BARRIERS = ("reading", "between rows", "after the last byte", "after publication", *IN_TRANSACTION)


class BarriersConfig(AppConfig):
    """No models."""

    name = "tests.soak.barriers"

    def ready(self) -> None:
        """Put the wrappers in their places, for this process and its forks."""
        from connections.sinks.local import LocalDraft
        from exportadmin.runs.lease import RunLease
        from exports.run.runner import ExportRunner

        _before(RunLease, "progress", lambda lease, named: "reading" if named.get("phase") == "reading" else None)
        _before(RunLease, "check", lambda lease, named: "after the last byte" if named.get("now") else "between rows")
        _before(RunLease, "write_end", lambda lease, named: "before commit")
        commit = LocalDraft.commit

        @functools.wraps(commit)
        def published(self: LocalDraft, manifest: bytes) -> Delivery:
            delivery = commit(self, manifest)
            _meet("after publication", _current[-1])
            return delivery

        LocalDraft.commit = published  # type: ignore[method-assign]
        ended = ExportRunner.ended

        @functools.wraps(ended)
        def told(self: ExportRunner, run: ExportReport) -> None:
            ended(self, run)
            if _current and _current[-1].run.pk == run.pk:  # else the reaper ends it
                _meet(IN_TRANSACTION[1], _current[-1])

        ExportRunner.ended = told  # type: ignore[method-assign]


_current: list[Any] = []  # the lease of the run in this process


def _before(owner: type, name: str, place: Callable[[Any, dict[str, Any]], str | None]) -> None:
    original = getattr(owner, name)

    @functools.wraps(original)
    def wrapped(self: Any, *arguments: Any, **named: Any) -> Any:
        if not _current or _current[-1] is not self:
            _current[:] = [self]
            self.met = False
        at = place(self, named)
        if at is not None:
            _meet(at, self)
        return original(self, *arguments, **named)

    setattr(owner, name, wrapped)


def _meet(place: str, lease: Any) -> None:
    if lease.met or _wanted(lease) != place:
        return
    lease.met = True
    from django.conf import settings

    with socket.socket(socket.AF_UNIX) as here:
        here.connect(str(settings.EXPORTADMIN_HOME / "barrier"))
        here.sendall(json.dumps({"name": place, "pk": lease.run.pk, "pid": os.getpid()}).encode() + b"\n")
        here.recv(1)  # "go", or the end of the driver


def _wanted(lease: Any) -> str | None:
    if not hasattr(lease, "places"):
        from exports.models import ExportReport

        name = ExportReport.objects.values_list("name", flat=True).get(pk=lease.run.pk)
        lease.places = json.loads(name) if name.startswith("{") else {}
    return lease.places.get(str(lease.attempt))
