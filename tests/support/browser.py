"""Playwright drives Debian's Chromium; nothing is downloaded."""

from __future__ import annotations

import os
import shutil
from typing import Any

import pytest

# Playwright's loop runs in the test's own thread, where Django would refuse every database call.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

LAUNCH_ARGS = ["--no-sandbox", "--disable-dev-shm-usage"]


def chromium() -> str | None:
    """Path of the browser, or ``None``."""
    return shutil.which("chromium")


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """What pytest-playwright starts; skips where there is no Chromium."""
    program = chromium()
    if program is None:
        pytest.skip("NOT RUN: chromium is not installed (on Debian or Ubuntu: apt-get install chromium)")
    return {**browser_type_launch_args, "executable_path": program, "args": LAUNCH_ARGS}
