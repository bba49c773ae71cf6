"""A database for what has to be remembered while a file is read and its rows are written, so that memory stays flat."""

from __future__ import annotations

import sqlite3


def scratch_database() -> sqlite3.Connection:
    """An empty database in a temporary file that nobody else sees and that goes when the connection is closed.

    4 MiB of it are held in memory. Nothing in it has to survive a crash.
    """
    database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
    for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-4096", "locking_mode=EXCLUSIVE"):
        database.execute(f"PRAGMA {pragma}")
    return database
