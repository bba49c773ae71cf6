"""Accounts: changed, disabled, given a password. One verb, every channel: the account page, Django's admin."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction

from connections.access import keys, sessions
from connections.access.models import ApiToken, Membership
from connections.access.permissions import is_superuser
from exportadmin.audit.models import REFUSED, AuditEntry
from exportadmin.audit.record import audited, record
from exportadmin.lib.actor import Actor
from exportadmin.lib.errors import ConflictError, DeniedError, UserError
from exportadmin.lib.text import check_text

# what people change of themselves
PROFILE: Final[tuple[str, ...]] = ("first_name", "last_name", "email")
# what the trail tells of an account
KEPT: Final[tuple[str, ...]] = ("username", *PROFILE, "is_active", "is_staff", "is_superuser")


def change_profile(*, user: User, actor: Actor, first_name: str, last_name: str, email: str) -> None:
    """A person's own name and email. Raises :class:`UserError` with the field."""
    data = {"first_name": first_name, "last_name": last_name, "email": email}
    changed = User.objects.get(pk=user.pk)
    for name, value in data.items():
        setattr(changed, name, clean(name, value.strip(), changed))
    save_user(user=changed, actor=actor)


def clean(name: str, value: str, user: User) -> str:
    """A name or an email as it is kept. Raises :class:`UserError` with the field."""
    label = name.replace("_", " ")
    check_text(value, name)
    if not all(char.isprintable() for char in value):
        raise UserError(f"the {label} holds a character that cannot be printed", field=name)
    field: Any = User._meta.get_field(name)
    try:
        return str(field.clean(value, user))
    except ValidationError as error:
        raise UserError(" ".join(error.messages), field=name) from error


def save_user(*, user: User, actor: Actor) -> None:
    """Save an account, new or changed, and record what is other than before. Nothing other: nothing recorded.

    Superusers change everything, people their own :data:`PROFILE`. Raises :class:`DeniedError`, and
    :class:`ConflictError` where it would leave no superuser.
    """
    before = state_of(User.objects.filter(pk=user.pk).first())
    after = state_of(user)
    changed = [name for name in KEPT if before is None or after is None or before[name] != after[name]]
    if before is not None and not changed:
        user.save()  # a password that was hashed anew, a date: no business of the trail
        return
    was = None if before is None else {name: before[name] for name in changed}
    now = {name: after[name] for name in changed} if after is not None else None
    with audited(_event(was, now), actor=actor, obj=_person(user), before=was, after=now) as line:
        _may_change(actor, user, changed)
        _leave_a_superuser(user, before, after)
        user.save()
        line.obj = _person(user)
        if before is not None:
            line.details |= _end_what_goes_with(user, changed, actor)


def set_active(*, user: User, is_active: bool, actor: Actor) -> User:
    """Disable an account, or enable it again. Of one that is disabled sessions, tokens and links end.

    Superusers do it, with nobody's own. Raises :class:`ConflictError`, also where it would leave no superuser. What is
    so already is no error.
    """
    changed = User.objects.get(pk=user.pk)
    if changed.is_active == is_active:
        require_manages(actor, "disable and enable accounts")
        return changed
    if not is_active and actor.user_id == user.pk:
        with audited("user.disabled", actor=actor, obj=_person(user)):
            raise ConflictError("this is your own account: have somebody else disable it")
    changed.is_active = is_active
    save_user(user=changed, actor=actor)
    return changed


def require_manages(actor: Actor, doing: str) -> None:
    """Raises :class:`DeniedError` for everybody but superusers, who are signed in, and the shell."""
    if actor.channel == "shell":
        return
    if actor.token_id is not None:
        raise DeniedError("accounts are changed by people who are signed in, not by tokens")
    if not is_superuser(actor):
        raise DeniedError(f"{actor.name} may not {doing}: superusers do")


def create_superuser(*, username: str, email: str, password: str | None, actor: Actor) -> User:
    """An account that may do everything; without a password it cannot sign in yet."""
    user = User(username=User.normalize_username(username), email=email, is_staff=True, is_superuser=True)
    user.set_password(password)
    save_user(user=user, actor=actor)
    return user


def _end_what_goes_with(user: User, changed: Sequence[str], actor: Actor) -> dict[str, Any]:
    """What a change of an account ends: of one that is disabled everything, of one that was a superuser what it had as
    such; and who is one from now on signs in anew. For the trail.
    """
    if "is_active" in changed and not user.is_active:
        return {"sessions_ended": sessions.end_sessions(user)} | _ended(keys.end_all, user, actor, "account disabled")
    if "is_superuser" in changed and user.is_superuser:
        return {"sessions_ended": sessions.end_sessions(user)}
    return _ended(keys.end_unfounded, user, actor, "no superuser any more") if "is_superuser" in changed else {}


def _ended(how: Callable[..., dict[str, int]], user: User, actor: Actor, why: str) -> dict[str, str]:
    return {"ended": keys.in_words(how(user, actor=actor, why=why)) or "no token and no link"}


def change_password(*, user: User, password: str | None, actor: Actor, keep_keys: bool = False) -> None:
    """A new password, or none at all: the account then signs in no more. The password is not recorded.

    Whoever knew the old one may have made tokens and links with it: they end, unless ``keep_keys``.
    """
    with audited("user.password_changed", actor=actor, obj=_person(user), details={"keys_kept": keep_keys}) as line:
        _may_change(actor, user, ())
        user.set_password(password)
        user.save(update_fields=["password"])
        if not keep_keys:
            line.details |= _ended(keys.end_all, user, actor, "password changed")


def record_password(*, user: User, actor: Actor) -> None:
    """Record the new password that a form of Django's has given, in its transaction; tokens and links end."""
    ended = _ended(keys.end_all, user, actor, "password changed")
    record("user.password_changed", actor=actor, obj=_person(user), details={"keys_kept": False, **ended})


def record_refusal(event: str, *, user: User, reason: str, actor: Actor) -> None:
    """Record what was refused where no action has done so: a form's own check, a transaction that is gone."""
    with transaction.atomic():
        record(event, actor=actor, obj=_person(user), outcome=REFUSED, reason=reason)


def delete_user(*, user: User, actor: Actor) -> None:
    """Remove an account that was made by mistake. One with a history is disabled instead: :func:`history_of`."""
    with audited("user.deleted", actor=actor, obj=_person(user), before=state_of(user)):
        _may_change(actor, user, ("is_active",))
        require_no_history(user)
        user.delete()


def require_no_history(user: User) -> None:
    """Raises :class:`ConflictError` for an account that is to be disabled instead."""
    history = history_of(user)
    if history:
        raise ConflictError(
            f"{user.get_username()} {history}. An account with a history is not deleted but disabled:"
            " take “Active” away, and nobody signs in with it any more"
        )


def history_of(user: User) -> str:
    """Why an account stays: what it has done or may do, in words; empty where there is nothing."""
    if AuditEntry.objects.filter(actor_user_id=user.pk).exists():
        return "has lines of its own in the audit trail"
    if Membership.objects.filter(user_id=user.pk).exists():
        return "has a role in a project"
    if ApiToken.objects.filter(user_id=user.pk).exists():
        return "has tokens"
    return ""


def state_of(user: User | None) -> dict[str, Any] | None:
    """What the trail tells of an account; never its password."""
    return None if user is None else {name: getattr(user, name) for name in KEPT}


def _event(before: dict[str, Any] | None, after: dict[str, Any] | None) -> str:
    if before is None or after is None:
        return "user.created"
    if "is_active" in after:
        return "user.enabled" if after["is_active"] else "user.disabled"
    return "user.changed"


def _person(user: User) -> tuple[str, str, str]:
    return ("user", "" if user.pk is None else str(user.pk), user.get_username())


def _may_change(actor: Actor, user: User, changed: Any) -> None:
    if actor.channel == "shell":
        return
    if actor.token_id is not None:
        raise DeniedError("accounts are changed by people who are signed in, not by tokens")
    if actor.user_id == user.pk and set(changed) <= set(PROFILE):
        return
    if not is_superuser(actor):
        raise DeniedError(f"{actor.name} may not change the account of {user.get_username()}")


def _leave_a_superuser(user: User, before: dict[str, Any] | None, after: dict[str, Any] | None) -> None:
    if not _rules(before) or _rules(after):
        return
    others = User.objects.select_for_update().filter(is_superuser=True, is_active=True).exclude(pk=user.pk)
    if not list(others.values_list("pk", flat=True)[:1]):
        raise ConflictError(f"{user.get_username()} is the last superuser: make someone else one first")


def _rules(state: dict[str, Any] | None) -> bool:
    return state is not None and state["is_active"] and state["is_superuser"]
