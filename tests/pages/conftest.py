"""Visitors of the pages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Page
from pytest_django.live_server_helper import LiveServer


@pytest.fixture
def visitor(alice: User) -> Client:
    """Alice, signed in."""
    client = Client()
    client.force_login(alice)
    return client


@pytest.fixture
def stranger(mallory: User) -> Client:
    """Mallory, signed in: an account without a project."""
    client = Client()
    client.force_login(mallory)
    return client


@pytest.fixture
def site(live_server: LiveServer, page: Page, settings, tmp_path: Path) -> Iterator[str]:
    """The address of a running installation; afterwards nothing may have left it, and nothing may have been blocked."""
    settings.MEDIA_DIR = tmp_path / "media"
    settings.ARTIFACTS_DIR = tmp_path / "artifacts"
    page.set_default_timeout(15_000)
    page.emulate_media(reduced_motion="reduce")  # a colour on its way to another is none that axe should judge
    requests: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    # the browser reports every 4xx page as an error too, and that is what some tests ask for
    page.on(
        "console",
        lambda message: (
            complaints.append(message.text)
            if message.type == "error" and "Failed to load resource" not in message.text
            else None
        ),
    )
    yield live_server.url
    assert [url for url in requests if not url.startswith((live_server.url, "data:", "blob:"))] == []
    assert complaints == []
