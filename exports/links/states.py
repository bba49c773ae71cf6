"""What may have become of a link: words and colours for people, conditions for lists."""

from __future__ import annotations

from typing import Final

from django.db.models import Q
from django.utils import timezone

from exports.links.tokens import EXPIRED, REMOVED, REVOKED, USED
from exports.models import Link

OPEN: Final = "open"

# state → (word on screen, Tabler colour, one sentence)
WORDS: Final[dict[str, tuple[str, str, str]]] = {
    OPEN: ("Open", "green", "The address hands out the file."),
    USED: ("Used", "secondary", "Good for one download, which has been made."),
    EXPIRED: ("Expired", "secondary", "Its time is over."),
    REVOKED: ("Revoked", "red", "Somebody ended it before its time."),
    REMOVED: ("File removed", "yellow", "The file behind it is not kept any more."),
}


def state_of(link: Link) -> str:
    """A key of :data:`WORDS`: of several that fit, the one that whoever opens the address is told."""
    if link.revoked_at is not None:
        return REVOKED
    if link.one_time and link.used_at is not None:
        return USED
    if link.expires_at <= timezone.now():
        return EXPIRED
    return REMOVED if link.artifact.report.files_removed_at is not None else OPEN


def in_state(state: str) -> Q:
    """The links of one state, as :func:`state_of` has it. Raises ``KeyError`` for a state that is none."""
    now = timezone.now()
    kept = Q(artifact__report__files_removed_at=None)
    used = Q(one_time=True, used_at__isnull=False)
    living = Q(revoked_at=None) & ~used & Q(expires_at__gt=now)
    conditions = {
        OPEN: living & kept,
        USED: Q(revoked_at=None) & used,
        EXPIRED: Q(revoked_at=None) & ~used & Q(expires_at__lte=now),
        REVOKED: Q(revoked_at__isnull=False),
        REMOVED: living & ~kept,
    }
    return conditions[state]
