"""Signed links: an address that hands out one artifact without sign-in, until it ends.

The address carries ``<public id>.<secret>``. The secret is shown once and not kept; kept is an HMAC, under the
installation's key, of the secret and of everything that a link says. So neither a copy of the database nor a guess
makes a link, and a row that somebody altered (a later end, another file, another person) opens nothing any more.
"""

from __future__ import annotations

import json
import re
import secrets
from datetime import UTC, timedelta
from typing import Final

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac

from exportadmin.audit.models import AuditEntry
from exportadmin.audit.noise import record_refused
from exportadmin.audit.queries import with_detail
from exportadmin.lib.actor import Actor
from exportadmin.lib.errors import GoneError, NotFoundError, UserError
from exports.links import one_copy
from exports.links.issuers import may_still_hand_out
from exports.models import Artifact, DeletedLink, Link
from exports.models.link import EXPIRED, OPEN, REMOVED, REVOKED, USED

SHORTEST, LONGEST = 60, 30 * 24 * 3600  # seconds
RETRY_SECONDS = 5
PARTLY, UNKNOWN, NOT_FOR_YOU, WITHDRAWN = "partly used", "unknown", "not for you", "withdrawn"

_SALT: Final = "exportadmin.link"
_TOKEN = re.compile(r"([a-z2-7]{24})\.([A-Za-z0-9_-]{43})", re.ASCII)
# reason → one sentence for whoever holds the address
_MESSAGES: dict[str, str] = {
    EXPIRED: "This link has expired.",
    REVOKED: "This link was revoked.",
    USED: "This link was good for one download, and that has been made.",
    PARTLY: "Part of this file was handed out already, and the link is good for one copy.",
    REMOVED: "The file behind this link has been removed.",
    WITHDRAWN: "Whoever made this link may not hand out the file any more.",
    UNKNOWN: "There is no such link.",
    NOT_FOR_YOU: "This link was made for somebody else.",
}


class LinkGoneError(GoneError):
    """The link was good once. ``reason``: ``expired``, ``revoked``, ``used``, ``removed``, ``withdrawn`` or
    ``partly used``.

    ``retry_after`` (seconds) is set where a one-time link is being used at this moment: should that download break
    off, the link is good again.
    """

    def __init__(self, reason: str, *, retry_after: int | None = None) -> None:
        super().__init__(_MESSAGES[reason])
        self.reason = reason
        self.retry_after = retry_after


class LinkNotFoundError(NotFoundError):
    """No link for the one who asks. ``reason``: ``unknown`` or ``not for you``."""

    def __init__(self, reason: str) -> None:
        super().__init__(_MESSAGES[reason])
        self.reason = reason


class SignInNeededError(NotFoundError):
    """The link is bound to a person, and nobody is signed in: not a refusal yet, so nothing is recorded."""


def make_secret() -> str:
    """43 url-safe characters (256 bits)."""
    return secrets.token_urlsafe(32)


def token_for(link: Link, secret: str) -> str:
    """What stands in the address."""
    return f"{link.public_id}.{secret}"


def paths_for(token: str) -> dict[str, str]:
    """The addresses without scheme and host: ``url`` is a page for people, ``file_url`` the bytes for scripts."""
    return {"url": reverse("exports:link", args=[token]), "file_url": reverse("exports:link_file", args=[token])}


def issue(
    artifact: Artifact, *, seconds: int, one_time: bool, for_user: AbstractBaseUser | None, actor: Actor
) -> tuple[Link, str]:
    """Make a link and its token, which cannot be had again. Permission and the line in the trail are the caller's.

    Raises :class:`UserError` for a length outside 60 seconds to 30 days, :class:`GoneError` when the file is removed.
    """
    check_seconds(seconds)
    if artifact.report.files_removed_at is not None:
        raise LinkGoneError(REMOVED)
    secret = make_secret()
    link = Link(
        artifact=artifact,
        one_time=one_time,
        for_user_id=None if for_user is None else for_user.pk,
        created_by_id=actor.user_id,
        created_by_name=actor.name[:200],
        expires_at=timezone.now() + timedelta(seconds=seconds),
    )
    link.signature = _signatures(link, secret)[0]
    link.save(force_insert=True)
    return link, token_for(link, secret)


def check_seconds(seconds: object) -> None:
    """Raises :class:`UserError` for a length outside 60 seconds to 30 days."""
    if isinstance(seconds, bool) or not isinstance(seconds, int) or not SHORTEST <= seconds <= LONGEST:
        raise UserError(
            f"a link lasts 1 minute to 30 days ({SHORTEST} to {LONGEST} seconds), not {str(seconds)[:40]}",
            field="seconds",
        )


def person_named(name: str) -> AbstractBaseUser:
    """The account that a link is to be bound to. Raises :class:`UserError`."""
    person = None
    if "\x00" not in name:  # PostgreSQL takes it for no text at all
        person = get_user_model().objects.filter(username=name, is_active=True).first()
    if person is None:
        raise UserError(f"no user {name[:80]!r}; expected the name with which somebody signs in here", field="for_user")
    return person


def open_link(token: str, actor: Actor) -> Link:
    """The link that ``token`` names, good at this moment for ``actor``; its artifact, report and project come along.

    Raises :class:`LinkNotFoundError` and :class:`LinkGoneError`, each recorded as ``link.refused`` in a transaction of
    its own, and :class:`SignInNeededError`. Whoever may not use the link does not learn what became of it.
    """
    link = _find(token, actor)
    if link.for_user_id is not None and link.for_user_id != actor.user_id:
        if actor.user_id is None:
            raise SignInNeededError("Sign in to use this link.")
        refuse(link, actor, error := LinkNotFoundError(NOT_FOR_YOU))
        raise error
    try:
        check(link)
        if link.one_time:
            check_unused(link)
        if not may_still_hand_out(link):
            raise LinkGoneError(WITHDRAWN)
    except LinkGoneError as error:
        refuse(link, actor, error)
        raise
    return link


def hold(link: Link) -> None:
    """Lock the link's row until the transaction ends, and ask it again: is it good for one more download?

    Of two downloads of a one-time link that start together, the second waits here and is refused. Raises
    :class:`LinkGoneError`, and :class:`LinkNotFoundError` when the link was deleted meanwhile; records nothing, since
    the transaction is the caller's (:func:`refuse`).
    """
    links = Link.objects.select_related("artifact__report").defer("artifact__line_index")
    held = links.select_for_update(of=("self",)).filter(pk=link.pk).first()
    if held is None:
        raise LinkNotFoundError(UNKNOWN)
    check(held)
    if link.one_time:
        check_unused(link)


def check(link: Link) -> None:
    """Raises :class:`LinkGoneError` when the link was revoked, used or has run out, or its file is removed."""
    if link.state != OPEN:
        raise LinkGoneError(link.state)


def check_unused(link: Link) -> None:
    """Raises :class:`LinkGoneError` when a one-time link's downloads, ended and running, add up to the whole file.

    Small ranges do not use it up, and what a broken download did not send may be fetched.
    """
    use = one_copy.use_of(link)
    if use.is_up:
        raise LinkGoneError(USED, retry_after=RETRY_SECONDS if use.running else None)


def reserve(link: Link, wanted: int) -> None:
    """Are ``wanted`` bytes of a one-time link's file still to be had? Called while :func:`hold` holds its row.

    Raises :class:`LinkGoneError`: not more than one copy goes out (:mod:`exports.links.one_copy`).
    """
    one_copy.end_silent(link)
    use = one_copy.use_of(link)
    if not use.has_room_for(wanted):
        raise LinkGoneError(USED if use.running else PARTLY, retry_after=RETRY_SECONDS if use.running else None)


def use_up(link: Link) -> None:
    """Mark a one-time link as used once every byte was sent. Called in the transaction that ends a download."""
    if one_copy.is_handed_out(link):
        Link.objects.filter(pk=link.pk, used_at=None).update(used_at=timezone.now())


def refuse(link: Link, actor: Actor, error: LinkGoneError | LinkNotFoundError, **details: str) -> None:
    """Record the refusal, in a transaction of its own: call it outside of the one that was refused."""
    record_refused(
        "link.refused",
        actor=actor,
        project=link.artifact.report.project,
        obj=link.artifact,
        reason=error.reason,
        details={"link": link.public_id, "shared_by": link.created_by_name, **details},
    )


def _find(token: str, actor: Actor) -> Link:
    found = _TOKEN.fullmatch(token)
    if found is None:  # such a link was never made: nothing worth a line
        raise LinkNotFoundError(UNKNOWN)
    links = Link.objects.select_related("artifact__report__project", "created_by")
    link = links.filter(public_id=found[1]).first()
    # compared as texts: base64 has several texts for the same bytes, and only one of them is the secret
    if link is not None:
        if any(constant_time_compare(link.signature, each) for each in _signatures(link, found[2])):
            return link
        refuse(link, actor, error := LinkNotFoundError(UNKNOWN), note="the address does not fit the link")
        raise error
    _refuse_deleted(found[1], actor)
    # nothing of the token is kept: it may be a good one with a slip of the finger
    record_refused("link.refused", actor=actor, reason=UNKNOWN)
    raise LinkNotFoundError(UNKNOWN)


def _refuse_deleted(link_id: str, actor: Actor) -> None:
    """Raises :class:`LinkGoneError` for a link that went with its project, to whom it was for."""
    its_person = Q(for_user=None) | Q(for_user_id=actor.user_id)
    if not DeletedLink.objects.filter(its_person, public_id=link_id).exists():
        return
    record_refused("link.refused", actor=actor, reason=REMOVED, details={"link": link_id})
    raise LinkGoneError(REMOVED)


def _signatures(link: Link, secret: str) -> list[str]:
    """The signature under the installation's key, then those under the keys that it replaced."""
    signed = json.dumps(
        [
            link.public_id,
            secret,
            link.artifact.public_id,
            link.expires_at.astimezone(UTC).isoformat(),
            link.one_time,
            link.for_user_id,
            link.created_by_name,
            link.created_by_id,
        ]
    )
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return [salted_hmac(_SALT, signed, secret=key, algorithm="sha256").hexdigest() for key in keys]


def refused_tries(link: Link, most: int) -> list[AuditEntry]:
    """The newest of the trail, at most ``most``."""
    entries = AuditEntry.objects.filter(event="link.refused", object_id=link.artifact.public_id)
    return list(entries.filter(with_detail("link", link.public_id)).order_by("-sequence")[:most])
