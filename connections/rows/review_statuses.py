"""ReviewStatus: where a row stands in labelling. Data, not an enum: a table that screens, filters and sources share.

The words are Labellerr's fifteen (with ``to_label`` for its ``None``); the groups are
Labelbox's workflow statuses.
"""

from __future__ import annotations

from collections.abc import Iterable

from exportadmin.lib.errors import UserError

# status → workflow group, in the order in which a row passes through them
REVIEW_STATUSES: dict[str, str] = {
    "to_label": "ToLabel",
    "assigned": "ToLabel",
    "skipped": "ToLabel",
    "critical": "ToLabel",
    "review": "InReview",
    "r_assigned": "InReview",
    "r_skipped": "InReview",
    "r_critical": "InReview",
    "client_review": "InReview",
    "cr_assigned": "InReview",
    "cr_skipped": "InReview",
    "cr_critical": "InReview",
    "rejected": "InRework",
    "client_rejected": "InRework",
    "accepted": "Done",
}
DONE = "Done"
WORKFLOW_GROUPS: tuple[str, ...] = ("ToLabel", "InReview", "InRework", DONE)


def known_status(status: object, *, field: str = "statuses") -> str:
    """The status itself. Raises :class:`UserError` that lists the vocabulary."""
    if isinstance(status, str) and status in REVIEW_STATUSES:
        return status
    raise UserError(f"unknown review status {status!r}; known: {', '.join(REVIEW_STATUSES)}", field=field)


def statuses_in(groups: Iterable[str]) -> frozenset[str]:
    """All statuses of the named workflow groups."""
    wanted = set(groups)
    return frozenset(status for status, group in REVIEW_STATUSES.items() if group in wanted)
