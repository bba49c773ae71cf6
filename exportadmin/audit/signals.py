"""Sign-ins, refused sign-ins and sign-outs, wherever in Django they happen.

A sign-in that cannot be recorded does not happen: the exception passes through ``login()``.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db import transaction
from django.http import HttpRequest

from exportadmin.audit.middleware import NOBODY, actor_of
from exportadmin.audit.models import REFUSED
from exportadmin.audit.record import record
from exportadmin.lib.actor import USER, Actor

LONGEST_TYPED_NAME = 150


def connect() -> None:
    """Listen. Safe to call twice."""
    user_logged_in.connect(_signed_in, dispatch_uid="audit.signed_in")
    user_login_failed.connect(_refused, dispatch_uid="audit.sign_in_refused")
    user_logged_out.connect(_signed_out, dispatch_uid="audit.signed_out")


def _actor(request: HttpRequest | None, *, name: str, user_id: int | None) -> Actor:
    if request is None:
        return Actor(kind=USER, name=name, channel="shell", user_id=user_id)
    seen = actor_of(request, getattr(request, "audit_door", "web"))
    return dataclasses.replace(seen, kind=USER, name=name, user_id=user_id, token_id=None)


def _signed_in(sender: Any, *, request: HttpRequest | None, user: Any, **_: Any) -> None:
    with transaction.atomic():
        record("sign_in.completed", actor=_actor(request, name=user.get_username(), user_id=user.pk), obj=user)


def _refused(sender: Any, *, credentials: dict[str, Any], request: HttpRequest | None = None, **_: Any) -> None:
    typed = credentials.get(get_user_model().USERNAME_FIELD) or credentials.get("username") or NOBODY
    with transaction.atomic():
        record(
            "sign_in.refused",
            # not the account, only its typed name: nobody has proven to be that user
            actor=_actor(request, name=str(typed)[:LONGEST_TYPED_NAME], user_id=None),
            outcome=REFUSED,
            reason="wrong name or password, or too many tries",
        )


def _signed_out(sender: Any, *, request: HttpRequest | None, user: Any, **_: Any) -> None:
    if user is None:  # the session had ended already
        return
    with transaction.atomic():
        record("sign_out.completed", actor=_actor(request, name=user.get_username(), user_id=user.pk), obj=user)
