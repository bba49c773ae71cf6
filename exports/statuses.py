"""The states of a report: those of every run, and what each means for an export."""

from __future__ import annotations

from exportadmin.runs.statuses import (
    ACTIVE,
    CANCELLED,
    COMPLETED,
    ERRORED,
    FAILED,
    PARTIAL,
    QUEUED,
    RUNNING,
    SUCCESSFUL,
    TERMINAL,
    TITLES,
    choices,
)

DELIVERED = SUCCESSFUL

_SENTENCES: dict[str, str] = {
    QUEUED: "Waiting for a worker.",
    RUNNING: "Rows are being read and written.",
    COMPLETED: "Delivered whole and checked.",
    PARTIAL: "Delivered, but some rows were refused; they are listed.",
    FAILED: "Could not be done as asked; nothing was delivered.",
    ERRORED: "Stopped by a fault of ours; nothing was delivered.",
    CANCELLED: "Stopped on request; nothing was delivered.",
}

# state → (word on screen, Tabler colour, one sentence)
LABELS: dict[str, tuple[str, str, str]] = {state: (*TITLES[state], _SENTENCES[state]) for state in TITLES}

__all__ = [
    "ACTIVE",
    "CANCELLED",
    "COMPLETED",
    "DELIVERED",
    "ERRORED",
    "FAILED",
    "LABELS",
    "PARTIAL",
    "QUEUED",
    "RUNNING",
    "TERMINAL",
    "choices",
]
