"""What the audit trail is told about projects and imports."""

from __future__ import annotations

from typing import Final

from exportadmin.audit import events
from exportadmin.audit.events import IN_PROJECT

_INTO: Final = "< into project {project}>"


def register() -> None:
    """Called when the app is ready."""
    events.register(
        "project",
        "Projects",
        {
            "created": "{actor} [created|tried to create] project {object}",
            "changed": "{actor} [changed|tried to change] project {project}",
            "deleted": "{actor} [deleted|tried to delete] project {project}",
            "pictures_seen": "{actor} [looked|tried to look] at pictures of project {project}",
            "purged": "{actor} took away everything of deleted project {project}",
        },
        readings=("pictures_seen",),
    )
    events.register(
        "connection",
        "Connections",
        {
            "created": "{actor} [created|tried to create] connection {object}",
            "changed": "{actor} [changed|tried to change] connection {object}",
            "secret_rotated": "{actor} [set|tried to set] other secrets of connection {object}",
            "tested": "{actor} [tested|asked for a test of] connection {object}",
            "disabled": "{actor} [disabled|tried to disable] connection {object}",
            "enabled": "{actor} [enabled|tried to enable] connection {object}",
            "deleted": "{actor} [deleted|tried to delete] connection {object}",
            "granted": "{actor} [granted|tried to grant] connection {object} to project {project}",
            "revoked": "{actor} [took|tried to take] connection {object} from project {project}",
            "remote_requested": "{actor} [asked|tried to ask] the platform of {object} to {verb} its {there}",
            "remote_answered": "The platform of {object} [did|did not] {verb} its {there}",
            "used": "{actor} used connection {object} for export {name}" + IN_PROJECT,
        },
    )
    events.register(
        "encryption_key",
        "Encryption keys",
        {
            "added": "{actor} put key {key_id} in front of those that encrypt secrets",
            "rotated": "{actor} had {count} stored secrets encrypted anew with key {key_id}",
        },
    )
    events.register(
        "import",
        "Imports",
        {
            "requested": "{actor} [requested|tried to request] the import of {object}" + _INTO,
            "started": "The import of {object}" + _INTO + " started",
            "resumed": "The import of {object}" + _INTO + " went on after its worker had stopped",
            "completed": "{object} was imported" + _INTO,
            "partial": "{object} was imported" + _INTO + "; some rows were refused",
            "failed": "The import of {object}" + _INTO + " failed",
            "errored": "The import of {object}" + _INTO + " was stopped by a fault",
            "cancel_requested": "{actor} [asked|tried to ask] the import of {object}" + _INTO + " to stop",
            "cancelled": "The import of {object}" + _INTO + " was cancelled",
            "refused_read": "{actor} [read|tried to read] the refused rows of the import of {object}" + _INTO,
        },
        readings=("refused_read",),
    )
