"""Accounts without a password that anybody else knows: whoever is invited chooses it behind a link that works once.

The link's secret half is Django's token of a password reset: an HMAC, under the installation's key, of the account as
it is now. Nothing of it is kept; it ends with its time, with the password that is chosen, with a newer link and with
the account.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final

from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.core.exceptions import ValidationError
from django.urls import reverse
from django.utils.http import base36_to_int, int_to_base36

from connections.access import keys, people
from connections.access.lookup import find_user
from connections.access.passwords import require_recent
from exportadmin.audit.record import audited
from exportadmin.lib.actor import Actor
from exportadmin.lib.errors import ConflictError, GoneError, UserError

LONGEST_NAME: Final = 150


class _Tokens(PasswordResetTokenGenerator):
    key_salt = "connections.access.invitations"


_TOKENS: Final = _Tokens()
_GONE: Final = "This invitation has been used, or is over. Ask whoever sent it to you for a new one."


def invite(
    *, username: str, actor: Actor, email: str = "", first_name: str = "", last_name: str = ""
) -> tuple[User, str]:
    """Make an account without roles and without a password: ``(account, invitation)``.

    For superusers who gave their password a short while ago, and the shell. Raises :class:`UserError` with the field.
    """
    user = User(username=User.normalize_username(username.strip()))
    about = ("user", "", user.username[:LONGEST_NAME])
    with audited("user.invited", actor=actor, obj=about, details=_details()) as line:
        people.require_manages(actor, "invite people")
        require_recent(actor, "invite somebody")
        _check_name(user.username)
        for name, value in {"email": email, "first_name": first_name, "last_name": last_name}.items():
            setattr(user, name, people.clean(name, value.strip(), user))
        user.set_unusable_password()
        user.save()
        line.obj, line.after = ("user", str(user.pk), user.username), people.state_of(user)
    return user, _invitation(user)


def invite_again(*, user: User, actor: Actor) -> str:
    """Another link; older ones, and the password that there may be, open nothing any more, and tokens and links end.

    Raises :class:`ConflictError`, also where no other superuser could sign in meanwhile.
    """
    with audited("user.invited", actor=actor, obj=("user", str(user.pk), user.username), details=_details()) as line:
        people.require_manages(actor, "invite people")
        require_recent(actor, "invite somebody")
        if actor.user_id == user.pk:
            raise ConflictError("this is your own account: change your password on its page")
        now = people.hold(user, and_superusers=True)
        if not now.is_active:
            raise ConflictError(f"the account of {now.username} is disabled: enable it first")
        had_password = now.has_usable_password()
        if now.is_superuser and had_password:
            people.leave_a_superuser(now)
        now.set_unusable_password()
        now.save(update_fields=["password"])
        if had_password:
            ended = keys.end_all(now, actor=actor, why="password taken away")
            line.details["ended"] = keys.in_words(ended) or "no token and no link"
    return _invitation(now)


def find_invited(invitation: str) -> User:
    """Whose it is. Raises :class:`GoneError`: used, over, taken back or never made; nobody is told which."""
    number = invitation.partition(".")[0]
    found = None
    with suppress(ValueError):
        found = User.objects.filter(pk=base36_to_int(number)).first()
    if found is None or not _opens(found, invitation):
        raise GoneError(_GONE)
    return found


def accept(invitation: str, *, password: str, actor: Actor) -> None:
    """The first password, chosen by whoever holds the invitation: ``actor`` is that person now.

    Raises :class:`UserError` for a bad one, :class:`GoneError` as :func:`find_invited`: looked at again with the
    account held, so that of two who choose at the same moment one does.
    """
    user = find_invited(invitation)
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise UserError(" ".join(error.messages), field="password") from error
    about, kept = ("user", str(user.pk), user.username), {"keys_kept": True}
    with audited("user.password_changed", actor=actor, obj=about, details=kept) as line:
        held = people.hold(user)
        if not _opens(held, invitation):
            line.event, line.details = "user.invitation_refused", {}
            raise GoneError(_GONE)
        held.set_password(password)
        held.save(update_fields=["password"])


def path_for(invitation: str) -> str:
    """The address without scheme and host."""
    return reverse("account:invitation", args=[invitation])


def hours() -> int:
    """How long an invitation is good."""
    return int(settings.PASSWORD_RESET_TIMEOUT // 3600)


def _invitation(user: User) -> str:
    return f"{int_to_base36(user.pk)}.{_TOKENS.make_token(user)}"


def _opens(user: User, invitation: str) -> bool:
    return user.is_active and _TOKENS.check_token(user, invitation.partition(".")[2])


def _details() -> dict[str, Any]:
    return {"good_for_hours": hours()}


def _check_name(username: str) -> None:
    try:
        User._meta.get_field("username").run_validators(username)
    except ValidationError as error:
        raise UserError(" ".join(error.messages), field="username") from error
    if not username:
        raise UserError("whom do you invite? Give a user name", field="username")
    if find_user(username) is not None:
        raise UserError(f"there is an account {username!r} already", field="username")
