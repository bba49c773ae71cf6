"""The states of a run, whatever it does: which are an end, how each is called and coloured on screen."""

from __future__ import annotations

QUEUED, RUNNING = "queued", "running"
COMPLETED, PARTIAL, FAILED, ERRORED, CANCELLED = "completed", "partial", "failed", "errored", "cancelled"
# there was nothing to do it with, and its ``error`` says so: no failure, and nothing came of it
SKIPPED = "skipped"

ACTIVE: frozenset[str] = frozenset({QUEUED, RUNNING})
TERMINAL: frozenset[str] = frozenset({COMPLETED, PARTIAL, FAILED, ERRORED, CANCELLED, SKIPPED})
# ends after which the result is there, if not all of it
SUCCESSFUL: frozenset[str] = frozenset({COMPLETED, PARTIAL})

# state → (word on screen, Tabler colour)
TITLES: dict[str, tuple[str, str]] = {
    QUEUED: ("Queued", "secondary"),
    RUNNING: ("Running", "blue"),
    COMPLETED: ("Completed", "green"),
    PARTIAL: ("Partial", "yellow"),
    FAILED: ("Failed", "red"),
    ERRORED: ("Errored", "red"),
    CANCELLED: ("Cancelled", "secondary"),
    SKIPPED: ("Skipped", "secondary"),
}


def choices() -> list[tuple[str, str]]:
    """For model fields: a function, so that a new state needs no migration."""
    return [(state, title) for state, (title, _) in TITLES.items()]
