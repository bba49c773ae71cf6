"""Tokens: keys for scripts. Made, found, revoked here; the key itself exists only in the answer that made it."""

from __future__ import annotations

import datetime as dt
import hashlib
import logging
import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress

from django.contrib.auth.models import AbstractBaseUser, User
from django.db import IntegrityError, OperationalError
from django.db.models import Q, QuerySet
from django.utils import timezone

from connections.access.keys import Ended
from connections.access.lookup import find_user, is_valid_key, not_found
from connections.access.models import ApiToken
from connections.access.passwords import require_recent
from connections.access.permissions import VIEW, can, is_superuser
from connections.access.roles import SCOPES
from connections.models import Project
from exportadmin.audit.record import audited
from exportadmin.lib.actor import Actor
from exportadmin.lib.errors import ConflictError, DeniedError, NotFoundError, NothingToDoError, UserError
from exportadmin.lib.ids import derived_id, new_id
from exportadmin.lib.text import one_line

log = logging.getLogger(__name__)

BEGINNING = "ea_"
# last use is written at most this often: a busy script costs no write a request
USE_WRITTEN_EVERY = dt.timedelta(minutes=1)
LONGEST_DAYS = 3650


def issue_token(
    *,
    user: AbstractBaseUser,
    name: str,
    scopes: Sequence[str],
    actor: Actor,
    project: Project | None = None,
    expires_in_days: int | None = None,
    once: str = "",
) -> tuple[ApiToken, str]:
    """``(token, key)``; the key is 256 random bits and is not kept. Raises :class:`UserError`.

    A second token of one person with the same ``once`` (a form that is sent again) raises :class:`ConflictError`.

    People issue tokens for themselves (superusers and the shell for others), never through another token, only for a
    project that they may see, and only a short while after they gave their password.
    """
    details = {"scopes": list(scopes), "for": user.get_username(), "expires_in_days": expires_in_days}
    public_id = derived_id("token", str(user.pk), once) if once else new_id()
    try:
        with audited("token.issued", actor=actor, project=project, details=details) as line:
            _may_issue(actor, user)
            require_recent(actor, "issue a token")
            if project is not None and not can(user, VIEW, project):
                raise UserError(f"{user.get_username()} has no role in project {project.name!r}", field="project")
            name = name.strip()
            if not name or len(name) > 120 or not name.isprintable():
                raise UserError("a token needs a name of 1 to 120 printable characters", field="name")
            if not scopes:
                raise UserError(f"a token needs at least one scope; known: {', '.join(SCOPES)}", field="scopes")
            for scope in scopes:
                if scope not in SCOPES:
                    raise UserError(f"unknown scope {scope!r}; known: {', '.join(SCOPES)}", field="scopes")
            if expires_in_days is not None and not 1 <= expires_in_days <= LONGEST_DAYS:
                raise UserError(f"a token lives 1 to {LONGEST_DAYS} days", field="expires_in_days")
            key = BEGINNING + secrets.token_urlsafe(32)
            token = ApiToken.objects.create(
                public_id=public_id,
                user_id=user.pk,
                name=name,
                prefix=key[: len(BEGINNING) + 6],
                digest=_digest(key),
                scopes=sorted(set(scopes)),
                project=project,
                expires_at=timezone.now() + dt.timedelta(days=expires_in_days) if expires_in_days else None,
            )
            line.obj = token
    except IntegrityError as error:
        if not (once and ApiToken.objects.filter(public_id=public_id).exists()):
            raise
        message = "this form was sent before: its token is in the list, and its key is not shown again"
        raise ConflictError(message) from error
    return token, key


def owner_of(username: str, actor: Actor) -> User:
    """The person for whom ``actor`` may issue tokens under this name; empty: the actor.

    Raises :class:`DeniedError` and :class:`UserError`.
    """
    if actor.user_id is not None and username in ("", actor.name):
        return User.objects.get(pk=actor.user_id)
    # asked before the name is looked up: nobody else learns which accounts there are
    if actor.channel != "shell" and not is_superuser(actor):
        raise DeniedError("tokens for others are issued by superusers")
    user = find_user(username)
    if user is None:
        raise UserError(f"there is no user {username[:80]!r}", field="user")
    return user


def find_token(key: str) -> ApiToken | None:
    """The living token of a key, its last use noted. ``None``: unknown, expired, revoked, or its user is gone."""
    return _used(digest=_digest(key))


def find_token_by_id(public_id: str, is_proved: Callable[[ApiToken], bool]) -> ApiToken | None:
    """As :func:`find_token`, for whoever proves in another way that the token is theirs."""
    return _used(is_proved, public_id=public_id) if is_valid_key(public_id) else None


def _used(is_proved: Callable[[ApiToken], bool] = lambda _: True, **which: str) -> ApiToken | None:
    now = timezone.now()
    token = (
        ApiToken.objects.select_related("user", "project")
        .filter(Q(expires_at=None) | Q(expires_at__gt=now), revoked_at=None, user__is_active=True, **which)
        .first()
    )
    if token is None or not is_proved(token):
        return None
    if token.last_used_at is None or now - token.last_used_at > USE_WRITTEN_EVERY:
        try:
            ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
        except OperationalError as error:  # the database is busy or read-only: no reason to refuse a reader
            log.warning("last use of token %s not noted: %s", token.public_id, one_line(error))
    return token


def unseen_token(token_id: str) -> NotFoundError:
    """What to raise for one that is not there or may not be seen; the trail is told of the latter."""
    tokens = ApiToken.objects.select_related("project").filter(public_id=token_id)
    found = tokens.first() if is_valid_key(token_id) else None
    return not_found("token", token_id, obj=found, project=found.project if found else None)


def revoke_token(*, token: ApiToken, actor: Actor) -> ApiToken:
    """End a token now; twice is no error, and nothing more to record."""
    with (
        suppress(NothingToDoError),
        audited("token.revoked", actor=actor, project=token.project, obj=token),
    ):
        _may_issue(actor, token.user)
        if not ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=timezone.now()):
            raise NothingToDoError(f"token {token.public_id} is revoked already")
    token.refresh_from_db()
    return token


class TokensOfPeople:
    """Living tokens as :class:`connections.access.keys.Keys`."""

    singular, plural = "token", "tokens"

    def count(self, user: AbstractBaseUser) -> int:
        """Living ones."""
        return self._living(user).count()

    def end(self, user: AbstractBaseUser, *, unfounded_only: bool) -> list[Ended]:
        """Revoke them. Unfounded is one that is bound to a project in which its person has no role any more: what
        others may do follows from the person's roles, at every use.
        """
        living = self._living(user).select_related("project").select_for_update(of=("self",)).order_by("pk")
        ended = [
            token
            for token in living
            if not (unfounded_only and (token.project is None or can(user, VIEW, token.project)))
        ]
        ApiToken.objects.filter(pk__in=[token.pk for token in ended]).update(revoked_at=timezone.now())
        return [Ended("token.revoked", token.project, token, {}) for token in ended]

    def _living(self, user: AbstractBaseUser) -> QuerySet[ApiToken]:
        has_time = Q(expires_at=None) | Q(expires_at__gt=timezone.now())
        return ApiToken.objects.filter(has_time, user_id=user.pk, revoked_at=None)


TOKENS_OF_PEOPLE = TokensOfPeople()


def _may_issue(actor: Actor, user: AbstractBaseUser) -> None:
    from django.contrib.auth import get_user_model

    if actor.channel == "shell":
        return
    if actor.token_id is not None:
        raise DeniedError("tokens are managed by people who are signed in, not by tokens")
    me = get_user_model().objects.filter(pk=actor.user_id).first() if actor.user_id is not None else None
    if me is None or not (me.pk == user.pk or getattr(me, "is_superuser", False)):
        raise DeniedError(f"{actor.name} may not manage tokens of {user.get_username()}")


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
