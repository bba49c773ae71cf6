"""Whose trail a request may read: the rule that the audit room asks for without knowing projects."""

from __future__ import annotations

from typing import Any

from connections.access.lookup import named_project
from connections.access.models import ApiToken
from connections.access.permissions import AUDIT, can, projects_for
from connections.models import Project
from exportadmin.lib.errors import ConflictError


def audit_scope(request: Any) -> tuple[bool, list[str]]:
    """``(everything?, public ids of the projects)``: superusers read everything, a bound token its project only."""
    token = getattr(request, "auth", None)
    token = token if isinstance(token, ApiToken) else None
    if can(request.user, AUDIT, None, token):
        return True, []
    return False, list(projects_for(request.user, AUDIT, token).values_list("public_id", flat=True))


def time_zone_of(name_or_id: str) -> tuple[str, str] | None:
    """``(public id, IANA zone)`` of the project, for whom it may concern; ``None`` where there is none, or several."""
    try:
        found = named_project(name_or_id, Project.objects.all())
    except ConflictError:
        return None
    return (found.public_id, found.time_zone) if found else None
