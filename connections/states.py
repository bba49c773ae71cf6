"""How a connection stands, in words: may it be used, and what came of its last test."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.utils import timezone

from connections.adapters import FAILED, PASSED, RUNNING, SKIPPED, STOPPED, Step
from connections.models import Connection
from connections.steps import MOST_SECONDS


@dataclass(frozen=True, slots=True)
class State:
    """A word on screen, its colour (app.css) and a sentence."""

    word: str
    colour: str
    sentence: str = ""


READY, FAILING, UNTESTED, TESTING, DISABLED = "ready", "failing", "untested", "testing", "disabled"
STATES: Final[dict[str, State]] = {
    READY: State("Ready", "green", "Its last test passed."),
    FAILING: State("Test failed", "red", "Its last test failed: exports through it are likely to fail too."),
    UNTESTED: State("Not tested", "yellow", "As it is now, no test of it has come to its end."),
    TESTING: State("Being tested", "blue", "A test of it goes on."),
    DISABLED: State("Disabled", "grey", "Nothing new is begun through it."),
}
# of a test (connections.adapters.TEST_STATES) and of its steps
TEST_STATES: Final[dict[str, State]] = {
    PASSED: State("Passed", "green"),
    FAILED: State("Failed", "red"),
    SKIPPED: State("Skipped", "grey", "It could not be tried, or there was nothing to try."),
    RUNNING: State("Under way", "blue"),
    STOPPED: State("Stopped", "yellow", "It was given up before its end."),
}
# a test that has not ended by then never will: its process was stopped
_LONGEST: Final = timedelta(seconds=2 * MOST_SECONDS)


def test_state(connection: Connection) -> str:
    """A key of :data:`TEST_STATES`; empty where it was not tested as it is now."""
    state: str = connection.test_result.get("state", "")
    if state == RUNNING and (connection.tested_at is None or timezone.now() - connection.tested_at > _LONGEST):
        return STOPPED
    return state


def state_key(connection: Connection) -> str:
    """A key of :data:`STATES`."""
    if connection.disabled_at is not None:
        return DISABLED
    return {PASSED: READY, FAILED: FAILING, RUNNING: TESTING}.get(test_state(connection), UNTESTED)


def is_testing(connection: Connection) -> bool:
    """Does a test of it go on?"""
    return test_state(connection) == RUNNING


def failed_step(connection: Connection) -> Step | None:
    """The first step of the last test that failed."""
    return next((step for step in connection.test_steps if step.state == FAILED), None)
