"""Whose trail a request may read: the rule that the audit room asks for without knowing projects."""

from __future__ import annotations

from typing import Any

from connections.models import ApiToken
from connections.permissions import AUDIT, can, projects_for


def audit_scope(request: Any) -> tuple[bool, list[str]]:
    """``(everything?, public ids of the projects)``: superusers read everything, a bound token its project only."""
    token = getattr(request, "auth", None)
    token = token if isinstance(token, ApiToken) else None
    if can(request.user, AUDIT, None, token):
        return True, []
    return False, list(projects_for(request.user, AUDIT, token).values_list("public_id", flat=True))
