"""How a REST view comes by what an address names: only what the one who asks may see, everything else is 404."""

from __future__ import annotations

from rest_framework.request import Request

from connections.access.lookup import is_valid_key, named_project, not_found, token_of
from connections.access.permissions import VIEW, projects_for
from connections.models import Project


def get_project(request: Request, wanted: str, *, field: str | None = None) -> Project:
    """The project by id or name, if the one who asks may see it.

    Raises :class:`NotFoundError` otherwise, and :class:`ConflictError` for the name of several.
    """
    everything = Project.objects.select_related("connection")
    visible = projects_for(request.user, VIEW, token_of(request)).select_related("connection")
    if (found := named_project(wanted, visible, field=field)) is not None:
        return found
    hidden = None
    if is_valid_key(wanted):
        hidden = everything.filter(public_id=wanted).first() or everything.filter(name=wanted).first()
    error = not_found("project", wanted, obj=hidden, project=hidden)
    error.field = None if hidden else field
    raise error
