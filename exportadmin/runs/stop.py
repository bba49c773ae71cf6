"""Is this worker to stop? Asked at every check of every lease; the answer comes from the cluster's shared memory."""

from __future__ import annotations

from collections.abc import Callable

_is_stopping: Callable[[], bool] = bool


def listen_to(is_stopping: Callable[[], bool]) -> None:
    """Ask this function from now on, in this process and its forks."""
    global _is_stopping
    _is_stopping = is_stopping


def requested() -> bool:
    """Has this worker been asked to stop? ``False`` in a process that is no worker."""
    return _is_stopping()
