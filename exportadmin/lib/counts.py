"""How often something happened lately, counted by all processes together: so many hits of a key in so many seconds.

One row a key: when its time began, with the first hit after the time before had run out, and the hits since. One
statement looks and counts, so that of any number of callers at the same time no more than the limit get through. The
time is the database's: machines may disagree about it.

With PostgreSQL the rows are a table beside all others. SQLite has one writer at a time, and a request that only reads
must not wait for an import: there they are in a file of their own, which all processes of its one machine share.
"""

from __future__ import annotations

import logging
import re
import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.db import connection, models

log = logging.getLogger(__name__)

FILE_SECONDS: Final = 1.0  # how long one process waits for another
KEPT_SECONDS: Final = 24 * 3600
# seconds since 1970, with their fraction
NOW: Final = {
    "postgresql": "CAST(EXTRACT(EPOCH FROM clock_timestamp()) AS float8)",
    "sqlite": "((julianday('now') - 2440587.5) * 86400.0)",
}


class HitCount(models.Model):
    """Times are seconds since 1970, with their fraction."""

    key = models.CharField(max_length=200, primary_key=True)
    began_at = models.FloatField()
    ends_at = models.FloatField()
    hits = models.PositiveIntegerField()

    class Meta:
        app_label = "exportadmin"

    def __str__(self) -> str:
        return self.key


_CREATE: Final = """
    CREATE TABLE IF NOT EXISTS exportadmin_hitcount (key TEXT PRIMARY KEY, began_at REAL, ends_at REAL, hits INTEGER)
"""
# one that begins in the future was written by a clock that has been set back since
_IS_OVER: Final = "(t.ends_at <= {now} OR t.began_at > {now})"
# a hit over the limit changes nothing: it is none
_HIT: Final = """
    INSERT INTO exportadmin_hitcount AS t (key, began_at, ends_at, hits) VALUES (:key, {now}, {now} + :seconds, 1)
    ON CONFLICT (key) DO UPDATE SET
      began_at = CASE WHEN {is_over} THEN excluded.began_at ELSE t.began_at END,
      ends_at = CASE WHEN {is_over} THEN excluded.ends_at ELSE t.ends_at END,
      hits = CASE WHEN {is_over} THEN 1 ELSE t.hits + 1 END
    WHERE {is_over} OR t.hits < :limit
    RETURNING hits
"""
_LOOK: Final = "SELECT ends_at - {now} FROM exportadmin_hitcount WHERE key = :key"
_END: Final = "SELECT ends_at FROM exportadmin_hitcount WHERE key = :key"
_FORGET: Final = "DELETE FROM exportadmin_hitcount WHERE ends_at < {now} - :kept"
_UNDO: Final = "DELETE FROM exportadmin_hitcount WHERE key = :key"
_TALLY: Final = """
    INSERT INTO exportadmin_hitcount AS t (key, began_at, ends_at, hits) VALUES (:key, :began, :ends, 1)
    ON CONFLICT (key) DO UPDATE SET hits = t.hits + 1
"""
_HAS: Final = "SELECT 1 FROM exportadmin_hitcount WHERE key LIKE :like AND ends_at <= {now} LIMIT 1"
_TAKE: Final = """
    DELETE FROM exportadmin_hitcount WHERE key LIKE :like AND ends_at <= {now} RETURNING key, began_at, hits
"""
_GIVE_BACK: Final = "UPDATE exportadmin_hitcount SET hits = hits - 1 WHERE key = :key AND hits > 0"


def hit(key: str, limit: int, seconds: int) -> float:
    """Count one of ``key``, of which there may be ``limit`` in ``seconds``: 0.0.

    More than 0.0: it was not counted, and so many seconds later there is room for it.
    """
    values = {"key": f"{key[:180]}/{seconds}", "seconds": float(seconds), "limit": limit}
    if _execute(_HIT, values):
        return 0.0
    for (left,) in _execute(_LOOK, values):
        return min(max(float(left), 0.001), float(seconds))
    return 0.0


def ends_at(key: str, seconds: int) -> float:
    """When the time of ``key`` that runs now ends, in seconds since 1970, the same until then; 0.0 where none runs."""
    return next((float(end) for (end,) in _execute(_END, {"key": f"{key[:180]}/{seconds}"})), 0.0)


def undo(key: str, seconds: int) -> None:
    """Forget the hits of ``key``: what they counted did not come about."""
    _execute(_UNDO, {"key": f"{key[:180]}/{seconds}"})


@dataclass(frozen=True, slots=True)
class Tally:
    """So many of ``key`` in the minute that began at ``began_at`` (seconds since 1970)."""

    key: str
    began_at: int
    hits: int


def tally(prefix: str, key: str) -> None:
    """Count one more of ``key`` in this minute, without a limit."""
    began = int(time.time()) // 60 * 60
    values = {"key": f"{_tallies(prefix)}{key[:120]}/{began}", "began": float(began), "ends": began + 60.0}
    _execute(_TALLY, values)


def has_tallies(prefix: str) -> bool:
    """Of minutes that are over."""
    return bool(_execute(_HAS, {"like": f"{_tallies(prefix)}%"}))


def take_tallies(prefix: str) -> list[Tally]:
    """Those of the minutes that are over, in their order. They are gone then: of several callers one gets them."""
    begins = _tallies(prefix)
    taken = _execute(_TAKE, {"like": f"{begins}%"})
    found = [Tally(key[len(begins) :].rpartition("/")[0], int(began), int(hits)) for key, began, hits in taken]
    return sorted(found, key=lambda one: (one.began_at, one.key))


def _tallies(prefix: str) -> str:
    return f"tally:{prefix}:"


def give_back(key: str, seconds: int) -> None:
    """Take one hit of ``key`` back: what was counted has turned out to be none."""
    _execute(_GIVE_BACK, {"key": f"{key[:180]}/{seconds}"})


def forget_old() -> None:
    """Take away what nobody has hit for a day."""
    _execute(_FORGET, {"kept": KEPT_SECONDS})


def _execute(sql: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
    now = NOW[connection.vendor]
    sql = sql.format(now=now, is_over=_IS_OVER.format(now=now))
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(re.sub(r":(\w+)", r"%(\1)s", sql), values)
            return list(cursor.fetchall()) if cursor.description else []
    try:
        with closing(sqlite3.connect(file(), timeout=FILE_SECONDS, isolation_level=None)) as rows:
            rows.execute("PRAGMA synchronous=OFF")  # a machine that loses power may forget
            rows.execute(_CREATE)
            return rows.execute(sql, values).fetchall()
    except (OSError, sqlite3.Error):
        # a full or read-only disk must not stop those who only read
        log.exception("requests cannot be counted")
        return []


def file() -> Path:
    """Where SQLite's installations count."""
    folder = Path(settings.EXPORTADMIN_HOME, "cache")
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder / "counts.sqlite3"
