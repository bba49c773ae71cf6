"""Sessions of browsers: who holds the database signs nobody in, and none lasts longer than it should.

Kept under a digest of the key that the cookie carries. A key is 165 random bits, so a digest without salt is enough;
40 hexadecimal digits are what Django's table has room for.

Each ends twice: so long after the sign-in, whatever happens (``ends_at``), and so long after somebody last did
something (``idle_seconds``). Superusers' end sooner. Both are settled by the sign-in and kept in the session.
"""

from __future__ import annotations

import hashlib
import logging
import time
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.models import AbstractBaseUser
from django.contrib.auth.signals import user_logged_in
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.contrib.sessions.base_session import AbstractBaseSession
from django.contrib.sessions.models import Session
from django.db import OperationalError
from django.http import HttpRequest
from django.utils import timezone

from exportadmin.lib.text import one_line

log = logging.getLogger(__name__)

ENDS_AT: Final = "ends_at"
IDLE_SECONDS: Final = "idle_seconds"
# when its person last gave their password (seconds since 1970)
PASSWORD_AT: Final = "password_at"  # noqa: S105 - the name of a key
# of the idle time, so much may pass before a new end is written: a busy person costs no write a page
_WRITTEN_AFTER: Final = 0.1


class SessionStore(DatabaseStore):
    """Django's, with digests for keys and both ends."""

    _row_ends: datetime | None = None

    def _get_session_from_db(self) -> AbstractBaseSession | None:
        # Django makes a new key for one that the table does not know: a cookie of one's own making is never taken over
        found = None
        if self.session_key is not None:
            rows = Session.objects.filter(session_key=digest(self.session_key), expire_date__gt=timezone.now())
            found = rows.first()
        if found is None:
            self._session_key = None
        else:
            self._row_ends = found.expire_date
        return found

    def exists(self, session_key: str) -> bool:
        """Is there a session of this key?"""
        return super().exists(digest(session_key))

    def delete(self, session_key: str | None = None) -> None:
        """End this one, or that of a key."""
        key = session_key or self.session_key
        if key is not None:
            super().delete(digest(key))

    def create_model_instance(self, data: dict[str, Any]) -> AbstractBaseSession:
        """The row as it is to be kept."""
        row = super().create_model_instance(data)
        row.session_key = digest(row.session_key)
        row.expire_date = self._end() or row.expire_date
        return row

    def note_use(self) -> None:
        """Somebody did something: the idle time begins anew. Written now and then."""
        ends, kept = self._end(), self._row_ends
        if self.session_key is None or ends is None or kept is None:
            return
        if (ends - kept).total_seconds() < _WRITTEN_AFTER * self[IDLE_SECONDS]:
            return
        try:
            # the end alone: what another request of the same browser has put into the session meanwhile stays
            Session.objects.filter(session_key=digest(self.session_key)).update(expire_date=ends)
        except OperationalError as error:  # the database is busy or read-only: no reason to refuse a reader
            log.warning("the use of a session was not noted: %s", one_line(error))

    def _end(self) -> datetime | None:
        """``None``: nobody is signed in."""
        ends_at, idle = self.get(ENDS_AT), self.get(IDLE_SECONDS)
        if ends_at is None or idle is None:
            return None
        return min(datetime.fromtimestamp(ends_at, UTC), timezone.now() + timedelta(seconds=idle))


def digest(session_key: str) -> str:
    """Under what it is kept."""
    return hashlib.sha256(session_key.encode("utf-8", "surrogatepass")).hexdigest()[:40]


def end_sessions(user: AbstractBaseUser) -> int:
    """Sign a person out everywhere; how many sessions those were. Looks at every session: for rare occasions."""
    mine = [
        row.pk
        for row in Session.objects.filter(expire_date__gt=timezone.now()).iterator()
        if row.get_decoded().get(SESSION_KEY) == str(user.pk)
    ]
    deleted, _ = Session.objects.filter(pk__in=mine).delete()
    return deleted


def connect() -> None:
    """Listen to sign-ins. Safe to call twice."""
    user_logged_in.connect(_begin, dispatch_uid="access.session_begins")


def _begin(sender: Any, *, request: HttpRequest | None, user: Any, **_: Any) -> None:
    if request is None:
        return
    life, idle = settings.SUPERUSER_SESSION if user.is_superuser else settings.USUAL_SESSION
    now = int(time.time())
    request.session[ENDS_AT] = now + int(life.total_seconds())
    request.session[IDLE_SECONDS] = int(idle.total_seconds())
    request.session[PASSWORD_AT] = now
