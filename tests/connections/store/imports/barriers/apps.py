"""Wraps the calls by which an import passes the places. The product itself knows nothing of barriers.

An import waits at the place that its file is called by, in its first attempt only.
"""

from __future__ import annotations

import functools
import json
import os
import socket
from collections.abc import Callable
from typing import Any

from django.apps import AppConfig

BARRIERS = ("checking", "importing", "in the first batch", "in a batch", "between batches", "before commit")


class BarriersConfig(AppConfig):
    """No models."""

    name = "tests.connections.store.imports.barriers"

    def ready(self) -> None:
        """Put the wrappers in their places, for this process and its forks."""
        from exportadmin.runs.lease import RunLease

        def saved(lease: Any, named: dict[str, Any]) -> str | None:
            if "summary" not in named:
                return None
            lease.batches = getattr(lease, "batches", 0) + 1
            return {1: "in the first batch", 3: "in a batch"}.get(lease.batches)

        def told(lease: Any, named: dict[str, Any]) -> str | None:
            if named.get("rows_done") and getattr(lease, "batches", 0) == 3:
                return "between batches"
            return named.get("phase")

        _before(RunLease, "progress", told)
        _before(RunLease, "save", saved)
        _before(RunLease, "write_end", lambda lease, named: "before commit")


def _before(owner: type, name: str, place: Callable[[Any, dict[str, Any]], str | None]) -> None:
    original = getattr(owner, name)

    @functools.wraps(original)
    def wrapped(self: Any, *arguments: Any, **named: Any) -> Any:
        at = place(self, named)
        if at is not None and self.fence == 1 and at == getattr(self.run, "file_name", ""):
            _meet(at, self.run.pk)
        return original(self, *arguments, **named)

    setattr(owner, name, wrapped)


def _meet(place: str, pk: int) -> None:
    from django.conf import settings

    with socket.socket(socket.AF_UNIX) as here:
        here.connect(str(settings.EXPORTADMIN_HOME / "barrier"))
        here.sendall(json.dumps({"name": place, "pk": pk, "pid": os.getpid()}).encode() + b"\n")
        here.recv(1)  # "go", or the end of the test
