"""Who acts: a user, a token, a schedule or the system. Names are frozen as text, so that they outlive the account."""

from __future__ import annotations

from dataclasses import dataclass

USER, TOKEN, SCHEDULE, SYSTEM = "user", "token", "schedule", "system"


@dataclass(frozen=True, slots=True)
class Actor:
    """``kind`` is one of the four words; ``channel`` is how the call came in: ``web``, ``rest``, ``shell``, ``link`` ….

    ``user_id`` is the account behind the actor, also behind a token; ``None`` for schedule and system. ``request_id``
    is ours, ``caller_request_id`` what the caller calls the same request.
    ``looks_only``: by a HEAD, to which nothing is handed out and by which nothing changes.
    ``password_at`` is when the person at a browser last gave their password (seconds since 1970).
    """

    kind: str
    name: str
    channel: str
    user_id: int | None = None
    token_id: int | None = None
    request_id: str = ""
    caller_request_id: str = ""
    address: str = ""
    password_at: float | None = None
    looks_only: bool = False


def system(channel: str = "worker") -> Actor:
    """The product itself."""
    return Actor(kind=SYSTEM, name="system", channel=channel)
