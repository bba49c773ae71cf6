"""Points in time as whole milliseconds since 1970-01-01T00:00:00Z, and the written forms that people use for them.

Accepted forms (those of Labelbox's export filters, and ISO 8601): ``YYYY-MM-DD``, ``YYYY-MM-DD hh:mm:ss``, ISO 8601
with or without a UTC offset, and milliseconds since the epoch. A form without an offset is read in the zone that the
caller names.
"""

from __future__ import annotations

import datetime as dt
import re
import time
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.utils import timezone

from exportadmin.lib.errors import UserError

EXPECTED = (
    'expected milliseconds since 1970 or "YYYY-MM-DD", "YYYY-MM-DD hh:mm:ss" or ISO 8601 "YYYY-MM-DDThh:mm:ss±hh:mm"'
)
# 0001-01-01 … 9999-12-31, what datetime can hold
MIN_MS = -62_135_596_800_000
MAX_MS = 253_402_300_799_999
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MILLISECOND = dt.timedelta(milliseconds=1)
_NO_ZONES = frozenset(("localtime", "posixrules", "Factory"))
_WRITTEN = re.compile(
    r"(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?)\s?(Z|z|[+-]\d{2}:?\d{2})?)?", re.ASCII
)


def now_ms() -> int:
    """The present, in whole milliseconds."""
    return time.time_ns() // 1_000_000


def zone(name: str, *, field: str | None = None) -> ZoneInfo:
    """The IANA zone of that name. Raises :class:`UserError` when there is none, and for files beside the zones, which
    are whatever the machine is set to."""
    try:
        if name in _NO_ZONES:
            raise ValueError(name)
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise UserError(
            f"unknown time zone {name[:60]!r}; expected an IANA name such as Europe/Warsaw or UTC", field=field
        ) from None


def parse_ms(value: object, *, time_zone: str = "UTC", field: str | None = None) -> int:
    """Milliseconds of a number or written form. Raises :class:`UserError` for anything without a meaning."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise UserError(f"{value!r} is not a time: {EXPECTED}", field=field)
    if isinstance(value, float):
        if not value.is_integer():
            raise UserError(f"{value!r} is not a time: milliseconds are whole numbers; {EXPECTED}", field=field)
        value = int(value)
    if isinstance(value, str):
        text = value.strip()
        if not re.fullmatch(r"-?\d{5,15}", text, re.ASCII):
            return _parse_written(text, time_zone, field)
        value = int(text)
    if not MIN_MS <= value <= MAX_MS:
        raise UserError(f"{value} ms is outside the years 1 to 9999: {EXPECTED}", field=field)
    return value


def _parse_written(text: str, time_zone: str, field: str | None) -> int:
    match = _WRITTEN.fullmatch(text)
    if match is None:
        raise UserError(f"{text[:80]!r} is not a time: {EXPECTED}", field=field)
    day, clock, offset = match.groups()
    try:
        moment = dt.datetime.fromisoformat(f"{day}T{(clock or '00:00:00').replace(',', '.')}{(offset or '').upper()}")
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=zone(time_zone))
        ms = (moment - _EPOCH) // _MILLISECOND
    except (ValueError, OverflowError) as error:
        raise UserError(f"{text!r} is not a time ({error}): {EXPECTED}", field=field) from None
    if not MIN_MS <= ms <= MAX_MS:
        raise UserError(f"{text!r} is outside the years 1 to 9999 in UTC: {EXPECTED}", field=field)
    return ms


def to_datetime(ms: int) -> dt.datetime:
    """An aware UTC datetime."""
    return _EPOCH + dt.timedelta(milliseconds=ms)


def here() -> str:
    """The zone of the one who looks, by its name for :func:`parse_ms`; UTC for everybody who has chosen none."""
    return str(timezone.get_current_timezone())


def in_words(moment: dt.datetime, *, seconds: bool = False) -> str:
    """``22 Nov 2026, 03:06 CET``, in the zone of the one who looks; ``UTC-03`` where it has no letters of its own."""
    local = timezone.localtime(moment)
    return f"{local.day} {local:%b %Y}, {clock(moment, seconds=seconds)}"


def clock(moment: dt.datetime, *, seconds: bool = True) -> str:
    """``03:06:12 CET``: :func:`in_words` without the day."""
    local = timezone.localtime(moment)
    name = local.tzname() or "UTC"
    told = f"{local:%H:%M:%S}" if seconds else f"{local:%H:%M}"
    return f"{told} {f'UTC{name}' if name[0] in '+-' else name}"


def ago(moment: dt.datetime) -> str:
    """How long ago, short, or the day: ``just now``, ``5 min ago``, ``3 h ago``, ``28 Nov, 14:05``, ``28 Nov 2025``."""
    now = timezone.now()
    seconds = int((now - moment).total_seconds())
    if seconds < 60:
        return "just now"
    if seconds < 3600:
        return f"{seconds // 60} min ago"
    if seconds < 24 * 3600:
        return f"{seconds // 3600} h ago"
    local = timezone.localtime(moment)
    is_of_this_year = local.year == timezone.localtime(now).year
    return f"{local.day} {local:%b, %H:%M}" if is_of_this_year else f"{local.day} {local:%b %Y}"


def from_datetime(moment: dt.datetime) -> int:
    """Whole milliseconds of an aware datetime, rounded down."""
    return (moment - _EPOCH) // _MILLISECOND


def last_beginning(now: dt.datetime, at: dt.time) -> dt.datetime:
    """When something that begins each day at this time began last."""
    today = now.replace(hour=at.hour, minute=at.minute, second=0, microsecond=0)
    return today if today <= now else today - dt.timedelta(days=1)


@lru_cache(maxsize=4096)  # an import writes the same moment into thousands of rows
def iso_utc(ms: int) -> str:
    """``2024-04-08T16:21:26.000+00:00``: the form of timestamps in export rows."""
    return (_EPOCH + dt.timedelta(milliseconds=ms)).isoformat(timespec="milliseconds")
