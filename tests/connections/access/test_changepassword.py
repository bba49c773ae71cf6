"""A password that is changed in the shell stands in the trail, without the password."""

from __future__ import annotations

import getpass
import io
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from exportadmin.audit.models import AuditEntry

pytestmark = pytest.mark.django_db(transaction=True)

GOOD = "correct horse battery"
Typed = Callable[..., None]


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Typed:
    def types(*passwords: str) -> None:
        left = list(passwords)
        monkeypatch.setattr(getpass, "getpass", lambda prompt: left.pop(0))

    return types


def changes() -> list[tuple[str, str, str]]:
    found = AuditEntry.objects.filter(event="user.password_changed")
    return list(found.values_list("outcome", "object_name", "channel"))


def test_it_is_changed_and_the_trail_tells_who_changed_whose(oscar: User, typed: Typed):
    typed(GOOD, GOOD)
    call_command("changepassword", "oscar", stdout=io.StringIO())
    oscar.refresh_from_db()
    assert oscar.check_password(GOOD)
    assert changes() == [("done", "oscar", "shell")]
    assert not AuditEntry.objects.filter(details_json__contains=GOOD).exists()


def test_a_slip_is_asked_for_again(oscar: User, typed: Typed):
    typed("correct horse", "correct hrose", "1234", "1234", GOOD, GOOD)
    told = io.StringIO()
    call_command("changepassword", "oscar", stdout=io.StringIO(), stderr=told)
    assert "not the same" in told.getvalue() and "too common" in told.getvalue()
    assert changes() == [("done", "oscar", "shell")]


@pytest.mark.parametrize("passwords", [("",), ("a", "b") * 3, ("1234", "1234") * 3])
def test_without_a_good_one_nothing_changes(oscar: User, typed: Typed, passwords: tuple[str, ...]):
    before = oscar.password
    typed(*passwords)
    with pytest.raises(CommandError, match="nothing was changed") as caught:
        call_command("changepassword", "oscar", stdout=io.StringIO(), stderr=io.StringIO())
    assert caught.value.returncode == 1
    oscar.refresh_from_db()
    assert (oscar.password, changes()) == (before, [])


def test_an_account_that_there_is_not_is_wrong_use(typed: Typed):
    typed(GOOD, GOOD)
    with pytest.raises(CommandError, match="no user 'nobody'") as caught:
        call_command("changepassword", "nobody")
    assert caught.value.returncode == 2
