"""A link's state and the time that it has left, in words. ``countdown.js`` counts on in the same words."""

from __future__ import annotations

from typing import Any

from django import template

from exportadmin.lib import formatting
from exportadmin.lib.times import to_datetime
from exports.links import states
from exports.models import Link
from exports.templatetags.text import moment

register = template.Library()


register.filter("left", formatting.whole)


@register.inclusion_tag("exports/_state.html")
def link_state(link: Link) -> dict[str, Any]:
    """The state as a coloured word."""
    word, colour, sentence = states.LABELS[link.state]
    return {"word": word, "colour": colour, "sentence": sentence}


@register.filter
def from_ms(ms: int) -> str:
    """A moment of the trail (:func:`exports.templatetags.text.moment`)."""
    return moment(to_datetime(ms))
