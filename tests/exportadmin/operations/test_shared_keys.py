"""Machines that share a database and a store have the same keys, or do not start."""

from __future__ import annotations

import pytest
from django.core.management import call_command
from django.test import override_settings

from exportadmin.audit.models import AuditEntry
from exportadmin.lib import env
from exportadmin.lib.signing import PUBLIC, SigningKey
from exportadmin.operations import checks, key_prints

pytestmark = pytest.mark.django_db
OLD, NEW, OTHER = ("".join(f"{letter}{number:02}kJ8_hf" for number in range(8)) for letter in "abc")


def machine(secret=(OLD,), encryption=(OLD,), signing=(OLD,)) -> override_settings:
    return override_settings(
        SECRET_KEY=secret[0],
        SECRET_KEY_FALLBACKS=list(secret[1:]),
        ENCRYPTION_KEYS=list(encryption),
        SIGNING_KEYS=list(signing),
    )


def start(**keys: tuple[str, ...]) -> list[str]:
    """Variables of the keys with which it is refused."""
    with machine(**keys):
        return [line.partition(":")[0].removeprefix(env.PREFIX) for line in key_prints.refusals()]


@pytest.mark.parametrize(
    ("keys", "variable"),
    [
        ({"secret": (OTHER,)}, "SECRET_KEY"),
        ({"encryption": (OTHER, NEW)}, "ENCRYPTION_KEY"),
        ({"signing": (NEW,)}, "SIGNING_KEY"),
    ],
)
def test_with_another_key_than_those_before_it_no_machine_starts(keys, variable):
    assert start() == []
    assert start(**keys) == [variable]
    assert start() == []


def test_a_key_is_replaced_machine_by_machine_while_the_former_stands_behind_it():
    public = f"{PUBLIC}{SigningKey(OLD).public.text}"
    new = {"secret": (NEW, OLD), "encryption": (NEW, OLD), "signing": (NEW, public)}
    assert start() == []
    assert start(**new) == []
    assert start() == [], "the other machine, started again before its turn came"
    assert start(**new) == []
    assert start(secret=(NEW,), encryption=(NEW,), signing=(NEW,)) == []
    assert start() == ["SECRET_KEY", "ENCRYPTION_KEY", "SIGNING_KEY"]


def test_after_a_key_was_lost_somebody_says_so_and_the_trail_does():
    assert start() == []
    with machine(secret=(OTHER,)):
        call_command("accept_keys")
    assert start(secret=(OTHER,)) == []
    assert start() == ["SECRET_KEY"]
    assert AuditEntry.objects.get().event == "keys.accepted"


def test_no_key_is_kept_readable():
    start()
    texts = str(list(key_prints.KeyPrint.objects.values_list("fingerprint", flat=True)))
    assert OLD not in texts
    assert len(texts) < 200


def test_keys_that_a_machine_made_for_itself_are_not_good_enough_for_several(settings, monkeypatch):
    settings.ARTIFACTS_STORE = "bucket/exports"
    monkeypatch.setitem(settings.DATABASES["default"], "ENGINE", "django.db.backends.postgresql")
    found = {problem.variable: problem for problem in checks.problems()}
    assert set(key_prints.VARIABLES) <= set(found)
    assert found["SIGNING_KEY"].stops
    settings.ARTIFACTS_STORE = ""
    assert not set(key_prints.VARIABLES) & {problem.variable for problem in checks.problems()}
