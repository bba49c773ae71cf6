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
        entry["OPTIONS"] = {"connect_timeout": CONNECT_SECONDS, **entry.get("OPTIONS", {})}
    return entry
