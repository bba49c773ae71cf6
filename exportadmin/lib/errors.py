"""The two kinds of failure, and the one kind of refusal, that the product tells apart.

The code asks the class, never the message.
"""

from __future__ import annotations

import math
from typing import Any


class ExportAdminError(Exception):
    """Anything we raise on purpose. ``str(error)`` is one line that may be shown to a user."""


class OnlyHeadError(ExportAdminError):
    """A HEAD came to where a GET changes something: nothing is changed, and the answer is empty."""


class UserError(ExportAdminError):
    """The request cannot be carried out as asked: a wrong value, a wrong file, a missing thing.

    ``field`` names the offending input where there is one (a form field, a JSON key, a flag). ``about`` is for the
    trail: ``project=`` and ``obj=`` of :func:`exportadmin.audit.record.record`, as far as they are known.
    """

    def __init__(self, message: str, *, field: str | None = None, about: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.about = about or {}


class TransientError(ExportAdminError):
    """May go away by itself: worth a bounded retry with jitter. ``retry_after`` is in seconds."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class PermanentError(ExportAdminError):
    """Will not go away by itself; a retry is pointless. The message says what an admin can do."""


class NotFoundError(UserError):
    """There is no such thing, or the one who asks may not know that there is."""


class HiddenError(NotFoundError):
    """It is there, but the one who asks may not know: answered like :class:`NotFoundError`, told to the trail."""


class DeniedError(UserError):
    """The thing may be seen, but not this done with it."""


class ConflictError(UserError):
    """The thing is in a state in which this cannot be done, or the same key asks for something else."""


class NothingToDoError(ConflictError):
    """What was asked for has no object any more: nobody was refused and nothing was done, so that there is nothing to
    record."""


class BusyError(UserError):
    """Nothing is wrong with the request, but too many like it are being worked on. ``retry_after`` is in seconds."""

    retry_after = 5


class TooManyError(UserError):
    """Nothing is wrong with the request, but whoever asks has had their share: ``retry_after`` seconds later they may
    ask again.
    """

    def __init__(self, message: str, *, retry_after: float, field: str | None = None) -> None:
        super().__init__(message, field=field)
        self.retry_after = max(1, math.ceil(retry_after))


class UnavailableError(UserError):
    """Nothing is wrong with the request, but what it takes cannot be reached at this moment."""


class GoneError(UserError):
    """It was here once: expired, revoked, used up or removed."""
