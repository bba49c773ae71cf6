"""How a REST view comes by what an address names: only what the one who asks may see, everything else is 404."""

from __future__ import annotations

from rest_framework.request import Request

from connections.access.lookup import is_valid_key, named_project, unseen
from connections.access.models import ApiToken
from connections.access.permissions import VIEW, projects_for
from connections.models import Project
from exportadmin.lib.errors import NotFoundError

__all__ = ["is_valid_key", "seen_project", "token_of", "unseen"]


def token_of(request: Request) -> ApiToken | None:
    """The token that the request came with."""
    return request.auth if isinstance(request.auth, ApiToken) else None


def seen_project(request: Request, wanted: str, *, field: str | None = None) -> Project:
    """The project by id or name, if the one who asks may see it.

    Raises :class:`NotFoundError` otherwise, and :class:`ConflictError` for the name of several.
    """
    words = f"no project {wanted[:80]!r}"
    everything = Project.objects.select_related("connection")
    visible = projects_for(request.user, VIEW, token_of(request)).select_related("connection")
    if (found := named_project(wanted, visible, field=field)) is not None:
        return found
    if is_valid_key(wanted):
        hidden = everything.filter(public_id=wanted).first() or everything.filter(name=wanted).first()
        if hidden is not None:
            raise unseen(words, hidden, hidden)
    raise NotFoundError(words, field=field)
