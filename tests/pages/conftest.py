"""Visitors of the pages."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.audit.support import flush_lifts_the_triggers


@pytest.fixture(autouse=True, scope="session")
def _flush_lifts_the_triggers() -> Iterator[None]:
    with flush_lifts_the_triggers():
        yield


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
