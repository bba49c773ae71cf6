"""What stands in a Diffgram connection, read; and what is exported of a project there: a job, or a directory."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

from connections.platforms import fields
from exportadmin.lib.errors import PermanentError, UserError

DEFAULT_ADDRESS: Final = "https://diffgram.com"
JOB, DIRECTORY, TASK = "job", "directory", "task"
_OF_CHANGES: Final = "Diffgram's own files tell no times of changes: that of the sync stands in their place"
# conditions of exports about what its own files do not tell
STAND_INS: Final = {
    "updated_after": _OF_CHANGES,
    "last_activity_at": _OF_CHANGES,
    "label_created_at": "Diffgram's own files tell no times of instances: that of the sync stands in their place",
}
_EXTERNAL_ID: Final = re.compile(r"(job|directory):([0-9]{1,18})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Place:
    """A job or a directory of the connection's project; as an external id it is ``job:42`` or ``directory:7``."""

    source: Literal["job", "directory"]
    number: int

    def __str__(self) -> str:
        return f"{self.source}:{self.number}"


def place_of(external_id: str) -> Place:
    """Raises ``PermanentError`` for what is neither."""
    found = _EXTERNAL_ID.fullmatch(external_id)
    if found is None:
        raise PermanentError(f"{external_id[:60]!r} is neither a job nor a directory: write job:42 or directory:7")
    return Place("job" if found[1] == JOB else "directory", int(found[2]))


def base_address(text: str) -> str:
    """``https://host[:port][/path]`` without a slash at its end. Raises :class:`UserError`."""
    return fields.base_address(text, example=f"{DEFAULT_ADDRESS} or https://host/dialects/diffgram")


def project_string_id(text: str) -> str:
    """As it stands in the addresses of its pages. Raises :class:`UserError`."""
    if not re.fullmatch(r"[\w.-]{1,200}", text, re.ASCII) or text in (".", ".."):
        raise UserError(
            f"{text[:80]!r} is no project_string_id: write it as it stands in the addresses of Diffgram's pages, such "
            "as demo-project"
        )
    return text


def client_id(text: str) -> str:
    """One word without a colon, which would end it where it is sent. Raises :class:`UserError`."""
    if not re.fullmatch(r"[\w.-]{3,200}", text, re.ASCII):
        raise UserError(f"{text[:80]!r} is no client id: write it as Diffgram shows it, such as LIVE__0123456789abcdef")
    return text
