"""Who asked for a run, asked again when it starts: roles and tokens may have gone while it waited."""

from __future__ import annotations

from typing import Protocol

from django.utils import timezone

from connections.access.models import ApiToken
from connections.access.permissions import require
from connections.models import Project
from exportadmin.lib.actor import USER, Actor
from exportadmin.lib.errors import PermanentError, UserError


class Requested(Protocol):
    """A run of any kind."""

    requested_by: int | None
    created_by_name: str
    created_by_token: ApiToken | None


def check_requester(run: Requested, verb: str, project: Project, doing: str) -> None:
    """Raises :class:`PermanentError` when whoever asked may no longer do it: ``doing`` says what."""
    if run.requested_by is None:
        return
    token = run.created_by_token
    if token is not None and (token.revoked_at or (token.expires_at and token.expires_at <= timezone.now())):
        raise PermanentError(f"token {token.name!r}, which asked for this, ended before it started")
    actor = Actor(
        kind=USER,
        name=run.created_by_name,
        channel="worker",
        user_id=run.requested_by,
        token_id=token.pk if token else None,
    )
    try:
        require(actor, verb, project)
    except UserError:
        raise PermanentError(f"{run.created_by_name} may no longer {doing}: nothing was done") from None
