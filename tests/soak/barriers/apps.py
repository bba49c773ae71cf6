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

BARRIERS = ("reading", "between rows", "after the last byte", "after publication", "before commit")


class BarriersConfig(AppConfig):
    """No models."""

    name = "tests.soak.barriers"

    def ready(self) -> None:
        """Put the wrappers in their places, for this process and its forks."""
        from connections.sinks.local import LocalDraft
        from exports.runs import RunGuard

        _before(RunGuard, "progress", lambda guard, named: "reading" if named.get("phase") == "reading" else None)
        _before(RunGuard, "check", lambda guard, named: "after the last byte" if named.get("now") else "between rows")
        _before(RunGuard, "finish", lambda guard, named: "before commit")
        commit = LocalDraft.commit

        @functools.wraps(commit)
        def published(self: LocalDraft, manifest: bytes) -> Delivery:
            delivery = commit(self, manifest)
            _meet("after publication", _current[-1])
            return delivery

        LocalDraft.commit = published  # type: ignore[method-assign]


_current: list[Any] = []  # the guard of the run in this process


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


def _meet(place: str, guard: Any) -> None:
    if guard.met or _wanted(guard) != place:
        return
    guard.met = True
    from django.conf import settings

    with socket.socket(socket.AF_UNIX) as here:
        here.connect(str(settings.EXPORTADMIN_HOME / "barrier"))
        here.sendall(json.dumps({"name": place, "pk": guard.pk, "pid": os.getpid()}).encode() + b"\n")
        here.recv(1)  # "go", or the end of the driver


def _wanted(guard: Any) -> str | None:
    if not hasattr(guard, "places"):
        from exports.models import ExportReport

        name = ExportReport.objects.values_list("name", flat=True).get(pk=guard.pk)
        guard.places = json.loads(name) if name.startswith("{") else {}
    return guard.places.get(str(guard.attempt))
