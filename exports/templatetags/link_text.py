"""A link's state and the time that it has left, in words. ``countdown.js`` counts on in the same words."""

from __future__ import annotations

from typing import Any

from django import template

from exportadmin.lib.times import to_datetime
from exports.links import states
from exports.models import Link
from exports.templatetags.text import moment

register = template.Library()


@register.filter
def left(seconds: int) -> str:
    """``200000`` → ``2 d 7 h``; two units at most, the last one rounded down."""
    if seconds < 60:
        return f"{max(seconds, 0)} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60} s"
    if seconds < 86400:
        return f"{seconds // 3600} h {seconds % 3600 // 60} min"
    return f"{seconds // 86400} d {seconds % 86400 // 3600} h"


@register.inclusion_tag("exports/_state.html")
def link_state(link: Link) -> dict[str, Any]:
    """The state as a coloured word."""
    word, colour, sentence = states.LABELS[link.state]
    return {"word": word, "colour": colour, "sentence": sentence}


@register.filter
def from_ms(ms: int) -> str:
    """A moment of the trail (:func:`exports.templatetags.text.moment`)."""
    return moment(to_datetime(ms))
