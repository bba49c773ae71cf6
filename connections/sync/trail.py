"""What the audit trail is told about mirrored projects and their syncs."""

from __future__ import annotations

from typing import Final

from exportadmin.audit import events

_OF: Final = "< of project {project}>"


def register() -> None:
    """Called when the app is ready."""
    events.register(
        "project",
        "Projects",
        {
            "mirrored": "{actor} [mirrored|tried to mirror] project {object} of connection {connection}",
            "mirror_changed": "{actor} [changed|tried to change] how project {project} is mirrored",
        },
    )
    events.register(
        "sync",
        "Syncs",
        {
            "requested": "{actor} [requested|tried to request] a sync" + _OF,
            "started": "A sync" + _OF + " started",
            "resumed": "A sync" + _OF + " went on after its worker had stopped",
            "completed": "A sync" + _OF + " brought its mirror up to date",
            "partial": "A sync" + _OF + " was partial; some rows were refused or are missing",
            "failed": "A sync" + _OF + " failed",
            "errored": "A sync" + _OF + " was stopped by a fault",
            "cancel_requested": "{actor} [asked|tried to ask] a sync" + _OF + " to stop",
            "cancelled": "A sync" + _OF + " was cancelled",
            "refused_read": "{actor} [read|tried to read] the refused rows of a sync" + _OF,
        },
        readings=("refused_read",),
    )
