"""What the audit trail is told about projects and imports."""

from __future__ import annotations

from exportadmin.audit import events


def register() -> None:
    """Called when the app is ready."""
    events.register(
        "project",
        "Projects",
        {
            "created": "{actor} [created|tried to create] project {object}",
            "changed": "{actor} [changed|tried to change] project {project}",
            "deleted": "{actor} [deleted|tried to delete] project {project}",
            "purged": "{actor} took away everything of deleted project {project}",
        },
    )
    events.register(
        "import",
        "Imports",
        {
            "started": "{actor} [started|tried to start] the import of {object}< into project {project}>",
            "completed": "{actor} imported {object}< into project {project}>",
            "failed": "The import of {object}< into project {project}> failed",
        },
    )
