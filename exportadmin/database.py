"""``EXPORTADMIN_DATABASE_URL`` as Django wants it. The address holds a password, so no message repeats it."""

from __future__ import annotations

import warnings
from typing import Any, Final

import environ
from django.core.exceptions import ImproperlyConfigured

ENGINES: Final = ("django.db.backends.sqlite3", "django.db.backends.postgresql")
EXPECTED: Final = "expected postgresql://user:password@host:port/name or sqlite:////folder/file"
# seconds; a server that does not answer at all must not hold a web thread for the system's two minutes
CONNECT_SECONDS: Final = 5
# PostgreSQL only. A process that is frozen or cut off in a transaction may hold a row that everybody needs (the head of
# the trail): the server ends such a transaction, and nobody waits for a lock, or for one statement, without end.
IDLE_IN_TRANSACTION_SECONDS: Final = 8
LOCK_SECONDS: Final = 20
STATEMENT_SECONDS: Final = 600
# a server, or the network to it, that went away without a word is noticed within a minute
KEEPALIVES: Final = {
    "keepalives_idle": 20,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}


def from_url(url: str) -> dict[str, Any]:
    """An entry of ``DATABASES``. Raises :class:`ImproperlyConfigured` with one line."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the library's warning shows the password
            entry: dict[str, Any] = environ.Env.db_url_config(url)
    except ValueError:
        entry = {}
    if entry.get("ENGINE") not in ENGINES or not entry.get("NAME"):
        raise ImproperlyConfigured(f"EXPORTADMIN_DATABASE_URL cannot be read: {EXPECTED}")
    if not entry["ENGINE"].endswith("sqlite3"):
        given = entry.get("OPTIONS", {})
        limits = (
            f"-c idle_in_transaction_session_timeout={IDLE_IN_TRANSACTION_SECONDS}s "
            f"-c lock_timeout={LOCK_SECONDS}s -c statement_timeout={STATEMENT_SECONDS}s"
        )
        # what the address says comes last, and so wins
        options = f"{limits} {given.get('options', '')}".strip()
        entry["OPTIONS"] = {"connect_timeout": CONNECT_SECONDS, **KEEPALIVES, **given, "options": options}
    return entry
