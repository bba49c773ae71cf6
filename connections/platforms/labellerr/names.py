"""What stands in a Labellerr connection, read; and Labellerr's own words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from connections.platforms import fields
from exportadmin.lib.errors import UserError

DEFAULT_ADDRESS: Final = "https://api.labellerr.com"
# where a file stands; the text None is one of them
STATUSES: Final[Mapping[str, str]] = {
    "None": "Not in the workflow",
    "assigned": "Assigned",
    "review": "Review",
    "r_assigned": "Assigned to a reviewer",
    "client_review": "Client review",
    "cr_assigned": "Assigned to a client's reviewer",
    "accepted": "Accepted",
    "rejected": "Rejected",
    "client_rejected": "Rejected by the client",
    "skipped": "Skipped",
    "r_skipped": "Skipped by a reviewer",
    "cr_skipped": "Skipped by a client's reviewer",
    "critical": "Critical",
    "r_critical": "Critical to a reviewer",
    "cr_critical": "Critical to a client's reviewer",
}
# conditions of exports about what its own files do not tell
UNTOLD: Final = {"batch_ids": "Labellerr's own files name no batch, so no row is in one"}
_OF_CHANGES: Final = "Labellerr's own files tell no times of changes: that of the sync stands in their place"
STAND_INS: Final = {
    "updated_after": _OF_CHANGES,
    "last_activity_at": _OF_CHANGES,
    "label_created_at": "Labellerr's own files tell no times of answers: that of the sync stands in their place",
}
DATA_TYPES: Final = ("image", "video", "audio", "document", "text")


def base_address(text: str) -> str:
    """``https://host[:port][/path]`` without a slash at its end. Raises :class:`UserError`."""
    return fields.base_address(text, example=f"{DEFAULT_ADDRESS} or https://host/dialects/labellerr")


def client_id(text: str) -> str:
    """One word. Raises :class:`UserError`."""
    if not re.fullmatch(r"[\w.:@-]{1,200}", text, re.ASCII):
        raise UserError(f"{text[:80]!r} is no client id: write it as Labellerr shows it, such as 1234")
    return text


def email(text: str) -> str:
    """As far as one can tell. Raises :class:`UserError`."""
    if not re.fullmatch(r"[!-?A-~]{1,100}@[\w.-]{1,200}", text, re.ASCII):
        raise UserError(f"{text[:80]!r} is no e-mail address: write one such as me@example.com")
    return text
