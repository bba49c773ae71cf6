"""Sign-ins, refused sign-ins, sign-outs and refused requests, wherever they happen.

A sign-in that cannot be recorded does not happen: the exception passes through ``login()``.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db import transaction
from django.http import HttpRequest

from exportadmin.audit.middleware import NOBODY, actor_of
from exportadmin.audit.models import REFUSED
from exportadmin.audit.noise import record_refused
from exportadmin.audit.once import record_once
from exportadmin.audit.record import record
from exportadmin.lib.actor import USER, Actor
from exportadmin.lib.counts import hit
from exportadmin.lib.errors import HiddenError, TooManyError
from exportadmin.lib.masking import hide_opening_paths
from exportadmin.lib.networks import network
from exportadmin.lib.refusals import request_refused

LONGEST_TYPED_NAME = 150
# who is refused for asking too often has one entry in so many seconds
THROTTLED_EVERY_SECONDS: Final = 60


def connect() -> None:
    """Listen. Safe to call twice."""
    user_logged_in.connect(_signed_in, dispatch_uid="audit.signed_in")
    user_login_failed.connect(_refused, dispatch_uid="audit.sign_in_refused")
    user_logged_out.connect(_signed_out, dispatch_uid="audit.signed_out")
    request_refused.connect(_request_refused, dispatch_uid="audit.request_refused")


def _actor(request: HttpRequest | None, *, name: str, user_id: int | None) -> Actor:
    if request is None:
        return Actor(kind=USER, name=name, channel="shell", user_id=user_id)
    return dataclasses.replace(actor_of(request), kind=USER, name=name, user_id=user_id, token_id=None)


def _signed_in(sender: Any, *, request: HttpRequest | None, user: Any, **_: Any) -> None:
    with transaction.atomic():
        record("sign_in.completed", actor=_actor(request, name=user.get_username(), user_id=user.pk), obj=user)


def _refused(sender: Any, *, credentials: dict[str, Any], request: HttpRequest | None = None, **_: Any) -> None:
    typed = credentials.get(get_user_model().USERNAME_FIELD) or credentials.get("username") or NOBODY
    # not the account, only its typed name: nobody has proven to be that user
    actor = _actor(request, name=str(typed)[:LONGEST_TYPED_NAME], user_id=None)
    record_refused("sign_in.refused", actor=actor, reason="wrong name or password, or too many tries")


def _signed_out(sender: Any, *, request: HttpRequest | None, user: Any, **_: Any) -> None:
    if user is None:  # the session had ended already
        return
    with transaction.atomic():
        record("sign_out.completed", actor=_actor(request, name=user.get_username(), user_id=user.pk), obj=user)


def _request_refused(sender: Any, *, request: Any, error: Exception, status: int, channel: str, **_: Any) -> None:
    """What was refused, unless the action has recorded it itself.

    Not recorded: addresses of nothing (404), which tell of no one's intent.
    """
    if getattr(error, "is_recorded", False):
        return
    actor = _who(request, channel)
    details = {"method": request.method, "path": hide_opening_paths(request.path)[:300]}
    if status == 429:
        who = f"user-{actor.user_id}" if actor.user_id is not None else network(actor.address)
        if hit(f"audit.throttled.{who}", 1, THROTTLED_EVERY_SECONDS):
            return
        record_refused("request.throttled", actor=actor, reason=_too_many(error), details=details)
    elif status in (401, 403) or isinstance(error, HiddenError):
        about: dict[str, Any] = dict(getattr(error, "about", {}))
        reason = "not visible to the one who asked" if isinstance(error, HiddenError) else str(error)
        if actor.user_id is not None and request.method == "GET" and "HX-Request" in request.headers:
            # a page that was open when somebody's role ended goes on asking for its parts every second
            about |= {"outcome": REFUSED, "reason": reason, "details": details}
            record_once("request.refused", actor=actor, key=details, **about)
        else:
            record_refused("request.refused", actor=actor, reason=reason, details=details, **about)


def _too_many(error: Exception) -> str:
    return error.message if isinstance(error, TooManyError) else "too many requests"


def _who(request: Any, channel: str) -> Actor:
    """Also where REST refuses a browser for want of a CSRF token, and then knows its person no more."""
    actor = actor_of(request, channel)
    person = getattr(getattr(request, "_request", None), "_cached_user", None)
    if actor.user_id is None and person is not None and person.is_authenticated:
        return dataclasses.replace(actor, name=person.get_username(), user_id=person.pk)
    return actor
