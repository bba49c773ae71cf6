"""Times and outcomes of the trail as a reviewer reads them."""

from __future__ import annotations

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from exportadmin.lib import formatting, times

register = template.Library()

# outcome → (word, colour of app.css)
OUTCOMES = {"done": ("Done", "green"), "refused": ("Refused", "yellow"), "failed": ("Failed", "red")}


@register.filter
def at(ms: int | None) -> str | SafeString:
    """A ``<time>``, "22 Nov 2026, 03:06:12 CET" in the zone of who looks, with the milliseconds for machines."""
    if ms is None:
        return formatting.UNKNOWN
    told = times.in_words(times.to_datetime(ms), seconds=True)
    return format_html('<time datetime="{}">{}</time>', times.iso_utc(ms), told)


@register.filter
def exactly(ms: int) -> str:
    """To the millisecond: ``2026-11-22T03:06:12.123+00:00``."""
    return times.iso_utc(ms)


@register.inclusion_tag("audit/_outcome.html")
def outcome(key: str) -> dict[str, str]:
    """Done, refused or failed, coloured."""
    title, colour = OUTCOMES.get(key, (key, "grey"))
    return {"word": title, "colour": colour}


@register.filter
def counted(count: int, forms: str) -> str:
    """``{{ 1204|counted:"entry,entries" }}`` → ``1,204 entries``."""
    return formatting.counted(count, *forms.split(","))


@register.filter
def lasting(seconds: float | None) -> str:
    """``0.42 s``, ``12 s``, ``3 min 5 s``."""
    return formatting.lasting(seconds)
