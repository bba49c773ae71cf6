"""A request that makes something there is sent once: what follows from each way in which its answer may fail to come.

Clients make refusals of their own platform of the one here.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from connections.platforms.base import LostAnswerError
from exportadmin.lib.errors import PermanentError, TransientError
from exportadmin.lib.http import NotSentError, TooLargeError, TransientStatusError

# refused for now, and certainly not done
_NOT_NOW: Final = frozenset({425, 429})


class PlatformRefusedError(PermanentError):
    """The platform says no, for good. ``status`` is HTTP's."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status

    @property
    def may_be_done(self) -> bool:
        """A gateway's answer, such as 524, says nothing of what is behind it."""
        return self.status >= 500


class UnreadableError(TransientError):
    """An answer that is not the platform's: a page, or JSON of another shape. Who stands between may be gone soon."""


class NotNowError(TransientError):
    """It was not done, since too much is being done or was: later it may be."""


@contextmanager
def sent_once() -> Iterator[None]:
    """Around one request. Raises :class:`LostAnswerError` where it may have been carried out, and whatever came where
    it certainly was not: :class:`NotSentError`, :class:`NotNowError`, :class:`PlatformRefusedError`."""
    try:
        yield
    except (NotSentError, NotNowError):
        raise
    except TransientStatusError as error:
        if error.status in _NOT_NOW:
            raise
        raise LostAnswerError(str(error), retry_after=error.retry_after) from None
    except PlatformRefusedError as error:
        if error.may_be_done:
            raise LostAnswerError(str(error)) from None
        raise
    except (TransientError, TooLargeError) as error:
        raise LostAnswerError(str(error)) from None
