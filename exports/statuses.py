"""The life of a report (DESIGN.md §4): words, colours, which states are an end, which moves are allowed."""

from __future__ import annotations

QUEUED, RUNNING = "queued", "running"
COMPLETED, PARTIAL, FAILED, ERRORED, CANCELLED = "completed", "partial", "failed", "errored", "cancelled"

ACTIVE: frozenset[str] = frozenset({QUEUED, RUNNING})
TERMINAL: frozenset[str] = frozenset({COMPLETED, PARTIAL, FAILED, ERRORED, CANCELLED})
DELIVERED: frozenset[str] = frozenset({COMPLETED, PARTIAL})

# state → (word on screen, Tabler colour, one sentence)
WORDS: dict[str, tuple[str, str, str]] = {
    QUEUED: ("Queued", "secondary", "Waiting for a worker."),
    RUNNING: ("Running", "blue", "Rows are being read and written."),
    COMPLETED: ("Completed", "green", "Delivered whole and checked."),
    PARTIAL: ("Partial", "yellow", "Delivered, but some rows were refused; they are listed."),
    FAILED: ("Failed", "red", "Could not be done as asked; nothing was delivered."),
    ERRORED: ("Errored", "red", "Stopped by a fault of ours; nothing was delivered."),
    CANCELLED: ("Cancelled", "secondary", "Stopped on request; nothing was delivered."),
}

MOVES: dict[str, frozenset[str]] = {
    QUEUED: frozenset({RUNNING, FAILED, CANCELLED}),
    RUNNING: frozenset({QUEUED, COMPLETED, PARTIAL, FAILED, ERRORED, CANCELLED}),
    **{state: frozenset() for state in TERMINAL},
}


def choices() -> list[tuple[str, str]]:
    """For model fields: a function, so that a new word needs no migration."""
    return [(state, words[0]) for state, words in WORDS.items()]
