"""Workers that die: a fork of this process carries a run out, and kills itself at one of the places that it passes."""

from __future__ import annotations

import itertools
import os
import signal
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connections


class Places:
    """Counts the places that this process passes, before and after each call of what is watched; dies at ``deadly``."""

    def __init__(self, patch: pytest.MonkeyPatch, deadly: int = 0) -> None:
        self.passed: list[str] = []
        self._patch = patch
        self._count = itertools.count(1)
        self._deadly = deadly

    def watch(self, owner: Any, name: str, what: Callable[..., str]) -> None:
        """``what`` says of the arguments what a call of the owner's function is."""
        original = getattr(owner, name)

        def counted(*arguments: Any, **named: Any) -> Any:
            self.reach(f"before {what(*arguments, **named)}")
            answer = original(*arguments, **named)
            self.reach(f"after {what(*arguments, **named)}")
            return answer

        self._patch.setattr(owner, name, counted)

    def reach(self, what: str) -> None:
        """One more; the process may end here."""
        self.passed.append(what)
        if next(self._count) == self._deadly:
            os.kill(os.getpid(), signal.SIGKILL)


def dies(act: Callable[[], object]) -> bool:
    """Does a fork that acts kill itself? Else it got to its end."""
    connections.close_all()
    child = os.fork()
    if child == 0:
        try:
            act()
        finally:
            os._exit(3)
    _, status = os.waitpid(child, 0)
    if (code := os.waitstatus_to_exitcode(status)) == 3:
        return False
    assert code == -signal.SIGKILL
    return True
