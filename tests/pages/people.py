"""What the tests of people's pages share."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.test import Client

from connections.access.models import Membership
from connections.models import Project
from exportadmin.audit.models import AuditEntry


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def make_admin(project: Project, user: User) -> Client:
    """``user`` manages the project now; their browser."""
    Membership.objects.update_or_create(project=project, user=user, defaults={"role": "admin"})
    return signed_in(user)


def trail(*events: str) -> list[tuple[Any, ...]]:
    """(event, outcome, actor, object) of these events, oldest first."""
    entries = AuditEntry.objects.filter(event__in=events).order_by("sequence")
    return [(entry.event, entry.outcome, entry.actor_name, entry.object_name) for entry in entries]
