"""Work that one request may cause and that can take seconds: few at once in a process, and each bounded in time.

A view says ``@heavy``; loops below it ask :func:`check_time` between two pieces. Everybody else is told to come back.
Outside such a view (worker, shell) nothing is bounded here.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any, Final, TypeVar

from exportadmin.lib.errors import BusyError, ConflictError

View = TypeVar("View", bound=Callable[..., Any])

# of four threads: pages are answered by the others
AT_ONCE: Final = 2
# how long one waits for its turn
WAIT_SECONDS: Final = 2.0
MOST_SECONDS: Final = 30.0

places = threading.BoundedSemaphore(AT_ONCE)
_deadline: ContextVar[float | None] = ContextVar("deadline", default=None)


@contextmanager
def heavy_work() -> Iterator[None]:
    """Raises :class:`BusyError` when its turn does not come. Within another one it is part of that."""
    if _deadline.get() is not None:
        yield
        return
    if not places.acquire(timeout=WAIT_SECONDS):
        raise BusyError("others' plans, previews and comparisons are being worked on; try again in a few seconds")
    token = _deadline.set(time.monotonic() + MOST_SECONDS)
    try:
        yield
    finally:
        _deadline.reset(token)
        places.release()


def heavy(view: View) -> View:
    """Of a view, or of a method of one: all of it is heavy work."""

    @wraps(view)
    def bounded(*args: Any, **kwargs: Any) -> Any:
        with heavy_work():
            return view(*args, **kwargs)

    return bounded  # type: ignore[return-value]


def check_time() -> None:
    """Between two pieces of work. Raises :class:`ConflictError` when a heavy view has taken too long."""
    deadline = _deadline.get()
    if deadline is not None and time.monotonic() > deadline:
        raise ConflictError(
            f"this was stopped after {MOST_SECONDS:g} seconds: it is more than can be worked out while somebody waits; "
            "ask for less, or let an export do it"
        )
