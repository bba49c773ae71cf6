"""How a REST view comes by what an address names: only what the one who asks may see, everything else is 404."""

from __future__ import annotations

from typing import Any

from django.db.models import Model
from rest_framework.request import Request

from connections.models import ApiToken, Project
from connections.permissions import VIEW, projects_for
from exportadmin.lib.errors import HiddenError, NotFoundError

LONGEST_ID = 200


def token_of(request: Request) -> ApiToken | None:
    """The token that the request came with."""
    return request.auth if isinstance(request.auth, ApiToken) else None


def is_findable(text: str) -> bool:
    """Can it be in a column at all? (PostgreSQL takes no U+0000, not even to look for it.)"""
    return len(text) <= LONGEST_ID and "\x00" not in text


def unseen(words: str, obj: Model | None, project: Project | None) -> NotFoundError:
    """The error to raise: the trail learns of a thing that is there and may not be seen, the caller does not."""
    if obj is None or project is None:
        return NotFoundError(words)
    about: dict[str, Any] = {"project": project, "obj": obj}
    return HiddenError(words, about=about)


def seen_project(request: Request, wanted: str, *, field: str | None = None) -> Project:
    """The project by id or name, if the one who asks may see it. Raises :class:`NotFoundError` otherwise."""
    words = f"no project {wanted[:80]!r}"
    if is_findable(wanted):
        everything = Project.objects.select_related("connection")
        visible = projects_for(request.user, VIEW, token_of(request)).select_related("connection")
        for projects in (visible, everything):
            found = projects.filter(public_id=wanted).first() or projects.filter(name=wanted).first()
            if found is not None and projects is visible:
                return found
            if found is not None:
                raise unseen(words, found, found)
    raise NotFoundError(words, field=field)
