"""Numbers, sizes, durations, rates and status codes as a person reads them: one way for every page, and for whatever a
person is told elsewhere. (Moments are in :mod:`exportadmin.lib.times`.)

What is not known is an en dash.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

UNKNOWN: Final = "–"
_UNITS: Final = ("bytes", "kB", "MB", "GB", "TB", "PB")


def number(value: float | None) -> str:
    """``1234567`` → ``1,234,567``."""
    return f"{value:,}" if isinstance(value, int | float) else UNKNOWN


def counted(count: int, one: str, many: str) -> str:
    """``1 row``, ``2,000 rows``."""
    return f"{count:,} {one if count == 1 else many}"


def size(value: int | None) -> str:
    """``1234567`` → ``1.2 MB``: decimal units, as disks and ``ls --si`` have them."""
    if not isinstance(value, int):  # in templates what is missing is an empty text
        return UNKNOWN
    if value < 1000:
        return counted(value, "byte", "bytes")
    amount, unit = float(value), 0
    while amount >= 999.5 and unit < len(_UNITS) - 1:
        amount, unit = amount / 1000, unit + 1
    return f"{amount:.1f} {_UNITS[unit]}" if amount < 99.95 else f"{amount:.0f} {_UNITS[unit]}"


def per_second(value: float | None, what: str = "rows") -> str:
    """``1234.5`` → ``1,234 rows/s``; below ten with one decimal."""
    if not isinstance(value, int | float):
        return UNKNOWN
    return f"{_short(value) if value < 10 else f'{value:,.0f}'} {what}/s"


def lasting(seconds: float | None) -> str:
    """How long something took, to about two digits: ``0.42 s``, ``2.8 s``, ``12 s``, ``3 min 5 s``, ``2 h 4 min``."""
    if not isinstance(seconds, int | float):
        return UNKNOWN
    seconds = max(0.0, seconds)
    if seconds < 0.995:
        return f"{seconds:.2f}".rstrip("0").rstrip(".") + " s"
    if seconds < 9.95:
        return f"{_short(seconds)} s"
    return whole(round(seconds))


def whole(seconds: int) -> str:
    """A time that goes on, such as what is left or since when: ``12 s``, ``3 min 5 s``, ``2 h 4 min``, ``2 d 7 h``.

    Two units at most, the last one rounded down. ``countdown.js`` counts on in the same words.
    """
    if seconds < 60:
        return f"{max(seconds, 0)} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60} s"
    if seconds < 86400:
        return f"{seconds // 3600} h {seconds % 3600 // 60} min"
    return f"{seconds // 86400} d {seconds % 86400 // 3600} h"


def about(seconds: float) -> str:
    """An estimate: ``about a second``, ``about 40 s``, ``about 3 min``, ``about 2 h``, ``about 3 d``."""
    if seconds < 1.5:
        return "about a second"
    for most, unit, name in ((90, 1, "s"), (90 * 60, 60, "min"), (36 * 3600, 3600, "h")):
        if seconds < most:
            return f"about {round(seconds / unit)} {name}"
    return f"about {round(seconds / 86400)} d"


def status(code: int) -> str:
    """``403`` → ``403 (forbidden)``; a code that has no words stays alone."""
    try:
        return f"{code} ({HTTPStatus(code).phrase.lower()})"
    except ValueError:
        return str(code)


def _short(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
