"""What the states of a run mean for an export."""

from __future__ import annotations

from typing import Final

from exportadmin.runs.statuses import CANCELLED, COMPLETED, ERRORED, FAILED, PARTIAL, QUEUED, RUNNING, SKIPPED, TITLES

_SENTENCES: Final[dict[str, str]] = {
    QUEUED: "Waiting for a worker.",
    RUNNING: "Rows are being read and written.",
    COMPLETED: "Delivered whole and checked.",
    PARTIAL: "Delivered, but some rows were refused; they are listed.",
    FAILED: "Could not be done as asked; nothing was delivered.",
    ERRORED: "Stopped by a fault of ours; nothing was delivered.",
    SKIPPED: "There was nothing to export.",
    CANCELLED: "Stopped on request; nothing was delivered.",
}
# state → (word on screen, Tabler colour, one sentence)
REPORT_STATES: Final[dict[str, tuple[str, str, str]]] = {
    **{state: (*TITLES[state], _SENTENCES[state]) for state in TITLES},
    # no states of the run, but of what it delivered: each stands in the place of it
    "unproved": ("Not proved", "yellow", "Delivered by the platform itself, where nothing of ours has seen it."),
    "altered": ("Not as delivered", "red", "Its files were changed after delivery and are not handed out."),
}
