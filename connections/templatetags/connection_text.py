"""States of connections, of their tests and of a test's steps, as coloured words (``exports/_state.html``)."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django import template

from connections import states
from connections.adapters import Step
from connections.models import Connection
from exportadmin.lib.text import as_sentence

register = template.Library()
register.filter("sentence", as_sentence)


@register.inclusion_tag("exports/_state.html")
def connection_state(connection: Connection) -> dict[str, Any]:
    """May it be used, and what came of its last test."""
    return asdict(states.STATES[states.state_key(connection)])


@register.inclusion_tag("exports/_state.html")
def test_state(connection: Connection) -> dict[str, Any]:
    """How its last test ended, or that it goes on."""
    return asdict(states.TEST_STATES[states.test_state(connection)])


@register.inclusion_tag("exports/_state.html")
def step_state(step: Step) -> dict[str, Any]:
    """Passed, failed or skipped."""
    return asdict(states.TEST_STATES[step.state])
