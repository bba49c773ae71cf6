"""Numbers, sizes, times and states as a person reads them."""

from __future__ import annotations

import datetime as dt

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from exportadmin.lib import formatting, times
from exports.display.report_states import REPORT_STATES

register = template.Library()

register.filter("number", formatting.number)
register.filter("size", formatting.size)
register.filter("lasting", formatting.lasting)
register.filter("per_second", formatting.per_second)
register.filter("about", formatting.about)


@register.filter
def plural(count: int, forms: str) -> str:
    """``{{ 3|plural:"row,rows" }}`` → ``3 rows``."""
    return formatting.counted(count, *forms.split(","))


@register.filter
def moment(value: dt.datetime | None) -> str | SafeString:
    """A ``<time>`` element, "22 Nov 2026, 03:06 UTC", with the exact time for machines.

    In the zone of the one who looks (:mod:`connections.access.middleware`); UTC for everybody else.
    """
    if value is None:
        return formatting.UNKNOWN
    exact = value.astimezone(dt.UTC).isoformat(timespec="milliseconds")
    return format_html('<time datetime="{}">{}</time>', exact, times.in_words(value))


@register.filter
def clock(value: dt.datetime) -> str:
    """``03:06:12 CET``, of the day and in the zone of the one who looks."""
    return times.clock(value)


@register.filter
def took(start: dt.datetime | None, end: dt.datetime | None) -> str:
    """The time between two moments; up to now without an end."""
    if start is None:
        return formatting.UNKNOWN
    if end is None:
        return formatting.whole(int((timezone.now() - start).total_seconds()))
    return formatting.lasting((end - start).total_seconds())


@register.filter
def ago(value: dt.datetime) -> SafeString:
    """A ``<time>`` of how long ago, short, or the day, with the exact time for machines and as a title."""
    exact = value.astimezone(dt.UTC).isoformat(timespec="milliseconds")
    told = times.ago(value)
    return format_html('<time datetime="{}" title="{}">{}</time>', exact, times.in_words(value), told)


@register.inclusion_tag("exports/_state.html")
def state(status: str) -> dict[str, str]:
    """A report's state as a coloured word. A state without words shows as it is."""
    word, colour, sentence = REPORT_STATES.get(status, (status, "secondary", ""))
    return {"word": word, "colour": colour, "sentence": sentence}


@register.simple_tag
def state_sentence(status: str) -> str:
    """What the state means, in one sentence."""
    return REPORT_STATES.get(status, ("", "", ""))[2]
