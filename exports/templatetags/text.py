"""Numbers, sizes, times and states as a person reads them."""

from __future__ import annotations

import datetime as dt

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from exportadmin.lib import times
from exports.display.report_states import REPORT_STATES

register = template.Library()

_UNITS = ("bytes", "kB", "MB", "GB", "TB", "PB")


@register.filter
def number(value: float | None) -> str:
    """``1234567`` → ``1,234,567``; nothing → an en dash."""
    return f"{value:,}" if isinstance(value, int | float) else "–"


@register.filter
def size(value: int | None) -> str:
    """``1234567`` → ``1.2 MB``: decimal units, as disks and ``ls --si`` have them."""
    if not isinstance(value, int):  # in templates what is missing is an empty text
        return "–"
    if value < 1000:
        return f"{value} {'byte' if value == 1 else 'bytes'}"
    amount, unit = float(value), 0
    while amount >= 999.5 and unit < len(_UNITS) - 1:
        amount, unit = amount / 1000, unit + 1
    return f"{amount:.1f} {_UNITS[unit]}" if amount < 99.95 else f"{amount:.0f} {_UNITS[unit]}"


@register.filter
def plural(count: int, forms: str) -> str:
    """``{{ 3|plural:"row,rows" }}`` → ``3 rows``."""
    one, many = forms.split(",")
    return f"{count:,} {one if count == 1 else many}"


@register.filter
def moment(value: dt.datetime | None) -> str | SafeString:
    """A ``<time>`` element, "22 Nov 2026, 03:06 UTC", with the exact time for machines.

    In the zone of the one who looks (:mod:`connections.access.middleware`); UTC for everybody else.
    """
    if value is None:
        return "–"
    exact = value.astimezone(dt.UTC).isoformat(timespec="milliseconds")
    return format_html('<time datetime="{}">{}</time>', exact, times.in_words(value))


@register.filter
def took(start: dt.datetime | None, end: dt.datetime | None) -> str:
    """The time between two moments: ``0.42 s``, ``12 s``, ``3 min 5 s``, ``2 h 4 min``; up to now without an end."""
    if start is None:
        return "–"
    return lasting(((end or timezone.now()) - start).total_seconds())


@register.filter
def lasting(seconds: float | None) -> str:
    """A number of seconds in the same words."""
    if not isinstance(seconds, int | float):
        return "–"
    seconds = max(0.0, seconds)
    if seconds < 10:
        return f"{seconds:.2f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


@register.inclusion_tag("exports/_state.html")
def state(status: str) -> dict[str, str]:
    """A report's state as a coloured word. A state without words shows as it is."""
    word, colour, sentence = REPORT_STATES.get(status, (status, "secondary", ""))
    return {"word": word, "colour": colour, "sentence": sentence}


@register.simple_tag
def state_sentence(status: str) -> str:
    """What the state means, in one sentence."""
    return REPORT_STATES.get(status, ("", "", ""))[2]
