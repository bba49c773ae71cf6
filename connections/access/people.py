"""Accounts: changed, disabled, given a password. One verb, every channel: the account page, Django's admin."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q

from connections.access import keys, sessions
from connections.access.models import ApiToken, Membership
from connections.access.permissions import is_superuser
from exportadmin.audit.models import REFUSED, AuditEntry
from exportadmin.audit.record import audited, record
from exportadmin.lib.actor import Actor
from exportadmin.lib.errors import ConflictError, DeniedError, NotFoundError, NothingToDoError, UserError
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
    save_user(user=changed, actor=actor, fields=PROFILE)


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


def save_user(*, user: User, actor: Actor, fields: Collection[str] = KEPT) -> None:
    """Save an account, new or changed, and record what is other than before. Nothing other: nothing saved or recorded.

    Of one that there is, ``fields`` alone are taken, and compared with the row as it is now: what somebody else has
    changed since ``user`` was read stays. Superusers change everything, people their own :data:`PROFILE`. Raises
    :class:`DeniedError`, and :class:`ConflictError` where it would leave no superuser.
    """
    if user._state.adding:
        with audited("user.created", actor=actor, obj=_person(user), after=state_of(user)) as line:
            _may_change(actor, user, KEPT)
            user.save()
            line.obj = _person(user)
        return
    with suppress(NothingToDoError), audited("user.changed", actor=actor, obj=_person(user)) as line:
        now = hold(user, and_superusers=not set(fields) <= set(PROFILE))
        changed = [name for name in fields if getattr(now, name) != getattr(user, name)]
        if not changed:
            raise NothingToDoError(f"the account of {now.get_username()} is so already")
        before = state_of(now)
        line.before = {name: getattr(now, name) for name in changed}
        line.after = {name: getattr(user, name) for name in changed}
        line.event = _event(line.after)
        for name, value in line.after.items():
            setattr(now, name, value)
        _may_change(actor, now, changed)
        if _rules(before) and not _rules(state_of(now)):
            leave_a_superuser(now)
        if line.event == "user.disabled" and not now.has_usable_password():
            now.set_unusable_password()  # another one: an invitation that is out opens nothing, also after an enabling
            now.save(update_fields=[*changed, "password"])
        else:
            now.save(update_fields=changed)
        line.obj = _person(now)
        line.details |= _end_what_goes_with(now, changed, actor)


def hold(user: User, *, and_superusers: bool = False) -> User:
    """The account as it is now, held until the transaction ends; with all superusers' where one may be lost: in one
    order, so that two who take it from each other do not wait for each other. Raises :class:`NotFoundError`.
    """
    wanted = Q(pk=user.pk) | Q(is_superuser=True) if and_superusers else Q(pk=user.pk)
    held = {each.pk: each for each in User.objects.select_for_update(no_key=True).filter(wanted).order_by("pk")}
    if user.pk not in held:
        raise NotFoundError(f"the account of {user.get_username()} was deleted meanwhile")
    return held[user.pk]


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
    save_user(user=changed, actor=actor, fields=("is_active",))
    changed.refresh_from_db()
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
    such; and whose account is enabled, or a superuser's from now on, signs in anew. For the trail.
    """
    if "is_active" in changed and not user.is_active:
        return {"sessions_ended": sessions.end_sessions(user)} | _ended(keys.end_all, user, actor, "account disabled")
    ended: dict[str, Any] = {}
    if "is_active" in changed or ("is_superuser" in changed and user.is_superuser):
        ended["sessions_ended"] = sessions.end_sessions(user)
    if "is_superuser" in changed and not user.is_superuser:
        ended |= _ended(keys.end_unfounded, user, actor, "no superuser any more")
    return ended


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
    """Remove an account that was made by mistake. One with a history is disabled instead: :func:`history_of`.

    Raises :class:`ConflictError` for that one, and for the last superuser.
    """
    with audited("user.deleted", actor=actor, obj=_person(user), before=state_of(user)):
        now = hold(user, and_superusers=True)
        _may_change(actor, now, ("is_active",))
        require_no_history(now)
        if _rules(state_of(now)):
            leave_a_superuser(now)
        now.delete()


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


def _event(after: Mapping[str, Any]) -> str:
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


def leave_a_superuser(user: User) -> None:
    """Raises :class:`ConflictError` where no superuser but ``user`` can sign in. All are held."""
    others = User.objects.filter(is_superuser=True, is_active=True).exclude(pk=user.pk)
    if not others.exclude(password__startswith=UNUSABLE_PASSWORD_PREFIX).exists():
        raise ConflictError(
            f"{user.get_username()} is the last superuser: make someone else one first, who has a password"
        )


def _rules(state: dict[str, Any] | None) -> bool:
    return state is not None and state["is_active"] and state["is_superuser"]
