"""The password of whoever is signed in, asked once more before what outlives a session: a browser that was left open,
or a cookie that was stolen, makes no key.

Tries are counted, by all processes together: five wrong ones of a person close it for a quarter of an hour.
"""

from __future__ import annotations

import time
from typing import Any, Final, cast

from django.contrib.auth.models import AbstractBaseUser, User

from connections.access.lookup import token_of
from connections.access.people import record_refusal
from connections.access.sessions import PASSWORD_AT
from exportadmin.audit.middleware import actor_of
from exportadmin.lib.actor import SYSTEM, Actor
from exportadmin.lib.counts import hit, undo
from exportadmin.lib.errors import DeniedError, TooManyError, UserError

# for so long after it was given it is not asked for again
RECENT_SECONDS: Final = 15 * 60
TRIES, TRIES_SECONDS = 5, 15 * 60
FIELD: Final = "password"


def is_recent(password_at: float | None) -> bool:
    """Was it given a short while ago? (A time in the future comes from a clock that was set back.)"""
    return password_at is not None and 0 <= time.time() - password_at < RECENT_SECONDS


def require_recent(actor: Actor, doing: str) -> None:
    """Raises :class:`UserError` for a person at a browser who has to give it first. Tokens and the shell have none."""
    if actor.kind == SYSTEM or actor.channel == "shell" or actor.token_id is not None:
        return
    if not is_recent(actor.password_at):
        raise UserError(f"give your password to {doing}: it was last given more than 15 minutes ago", field=FIELD)


def give(request: Any, password: str, channel: str = "web") -> None:
    """Whoever is signed in gives it with a request of a page or of REST.

    Raises :class:`UserError` when it is wrong, :class:`TooManyError` after too many wrong ones; both are recorded.
    """
    if not password:
        return
    if token_of(request) is not None:
        raise DeniedError("a token has no password to give")
    user = cast(User, request.user)
    if not is_right(user, password):
        record_refusal("user.password_asked", user=user, reason="it was wrong", actor=actor_of(request, channel))
        raise UserError("this is not your password", field=FIELD)
    request.session[PASSWORD_AT] = int(time.time())


def is_right(user: AbstractBaseUser, password: str) -> bool:
    """Is it theirs? Counted before it is looked at, so that tries at the same moment are no more than others.

    Raises :class:`TooManyError`.
    """
    key = f"password.{user.pk}"
    if seconds := hit(key, TRIES, TRIES_SECONDS):
        raise TooManyError(f"{TRIES} wrong passwords: try again in {seconds / 60:.0f} minutes", retry_after=seconds)
    if not user.check_password(password):
        return False
    undo(key, TRIES_SECONDS)
    return True
