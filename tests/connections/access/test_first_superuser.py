"""The first superuser is made in the shell, and the trail says so: nobody may do everything unseen."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.contrib.auth.management.commands import createsuperuser as django_command
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import IntegrityError

from exportadmin.audit import record
from exportadmin.audit.models import AuditEntry
from tests.support.cast import PASSWORD

pytestmark = pytest.mark.django_db(transaction=True)


def create(**options: Any) -> str:
    out = io.StringIO()
    call_command("createsuperuser", username="alice", email="alice@EXAMPLE.org", stdout=out, **options)
    return out.getvalue()


def created() -> AuditEntry:
    (entry,) = AuditEntry.objects.filter(event__startswith="user.")
    return entry


def test_createsuperuser_reaches_the_trail(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)
    assert "created successfully" in create(interactive=False)
    alice = User.objects.get()
    assert alice.is_superuser and alice.is_staff and alice.check_password(PASSWORD)
    entry = created()
    assert (entry.event, entry.outcome, entry.channel) == ("user.created", "done", "shell")
    assert (entry.object_kind, entry.object_id, entry.object_name) == ("user", str(alice.pk), "alice")
    assert entry.actor_name.endswith("(shell)")
    assert entry.before is None
    assert entry.after is not None
    assert (entry.after["is_superuser"], entry.after["email"]) == (True, "alice@example.org")
    assert PASSWORD not in entry.after_json


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_createsuperuser_reaches_the_trail_when_it_asks_for_the_password(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(django_command.getpass, "getpass", lambda *_: PASSWORD)
    create(interactive=True, stdin=Terminal())
    assert User.objects.get().check_password(PASSWORD)
    assert created().event == "user.created"


def test_a_superuser_without_a_password_cannot_sign_in_yet():
    create(interactive=False)
    assert not User.objects.get().has_usable_password()
    assert created().event == "user.created"


def test_a_name_that_is_taken_makes_neither_account_nor_entry():
    User.objects.create_user("alice")
    with pytest.raises(CommandError, match="already taken"):
        create(interactive=False)
    assert not AuditEntry.objects.exists()


def test_no_superuser_without_an_entry(monkeypatch: pytest.MonkeyPatch):
    def broken(*_: object) -> str:
        raise IntegrityError("no entry today")

    monkeypatch.setattr(record.chain, "digest", broken)
    with pytest.raises(IntegrityError, match="no entry today"):
        create(interactive=False)
    assert not User.objects.exists()
