"""Whether an export of a mirrored project brings it up to date first, and what its plan says of that."""

from __future__ import annotations

from typing import Any

from connections.models import Project
from connections.sync.lookup import mirror_of
from exportadmin.lib.errors import UserError


def parse_sync_first(value: object, project: Project) -> bool | None:
    """``None`` means what is set for the mirror; it stays ``None`` for a project that mirrors nothing.

    Raises :class:`UserError`.
    """
    if value is not None and not isinstance(value, bool):
        raise UserError(f"sync_first is {value!r}; expected true or false", field="sync_first")
    mirror = mirror_of(project)
    if mirror is None and value is not None:
        raise UserError(
            f"project {project.name!r} mirrors no project of a platform: leave sync_first out", field="sync_first"
        )
    return mirror.sync_first if mirror is not None and value is None else value


def mirror_note(project: Project, sync_first: bool | None) -> dict[str, Any] | None:
    """``{"synced_at": ISO 8601 or None, "sync_first"}``; ``None`` for a project that mirrors nothing."""
    mirror = mirror_of(project) if sync_first is not None else None
    if mirror is None:
        return None
    return {"synced_at": mirror.synced_at.isoformat() if mirror.synced_at else None, "sync_first": sync_first}
