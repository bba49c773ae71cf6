"""Whose trail a request may read: the rule that the audit room asks for without knowing projects."""

from __future__ import annotations

from typing import Any

from django.db.models import Q

from connections.access.models import ApiToken
from connections.access.permissions import AUDIT, can, projects_for
from connections.models import Project


def audit_scope(request: Any) -> tuple[bool, list[str]]:
    """``(everything?, public ids of the projects)``: superusers read everything, a bound token its project only."""
    token = getattr(request, "auth", None)
    token = token if isinstance(token, ApiToken) else None
    if can(request.user, AUDIT, None, token):
        return True, []
    return False, list(projects_for(request.user, AUDIT, token).values_list("public_id", flat=True))


def time_zone_of(name_or_id: str) -> tuple[str, str] | None:
    """``(public id, IANA zone)`` of the project, for whom it may concern; ``None`` where there is none."""
    found = Project.objects.filter(Q(public_id=name_or_id) | Q(name=name_or_id))
    return found.values_list("public_id", "time_zone").first()
