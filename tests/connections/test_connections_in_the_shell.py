"""``exportadmin connections``: every verb; secrets from a prompt, a line, a variable or a file, never from argv."""

from __future__ import annotations

import getpass
import io
import json
import re
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from connections.models import Connection, Project
from exportadmin.audit.models import AuditEntry
from tests.connections import toy

pytestmark = pytest.mark.django_db(transaction=True)
CANARY = "canary-e5502b"


@pytest.fixture(autouse=True)
def vaults() -> Iterator[None]:
    with toy.registered():
        yield


class Terminal(io.StringIO):
    """Standard input with somebody before it."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def shell(capsys):
    """``exportadmin connections …``; what it prints."""

    def run(*arguments: str, lines: str = "") -> str:
        kept, sys.stdin = sys.stdin, io.StringIO(lines)
        try:
            call_command("connections", *arguments)
        finally:
            sys.stdin = kept
        printed = capsys.readouterr()
        assert CANARY not in printed.out + printed.err
        return printed.out

    return run


@pytest.fixture
def deep(shell) -> Connection:
    made = shell("create", "vault", "Deep", "--config", "room=east", "--secret", "phrase=-", lines=f"{CANARY}\n")
    return Connection.objects.get(public_id=made.strip())


def test_made_with_a_secret_from_standard_input_its_id_is_all_that_is_printed(deep):
    assert deep.config == {"room": "EAST", "floor": "1", "alarm": True, "private_address": ""}
    assert dict(deep.secrets()) == {"phrase": CANARY}
    made = AuditEntry.objects.get(event="connection.created")
    assert (made.channel, made.after["secrets.phrase"]) == ("shell", "set")


def test_a_secret_is_asked_for_without_being_shown(shell, monkeypatch):
    asked: list[str] = []

    def ask(prompt: str) -> str:
        asked.append(prompt)
        return CANARY if prompt.startswith("Phrase") else ""

    monkeypatch.setattr(getpass, "getpass", ask)
    shell("create", "vault", "Deep", "--config", "room=east", "--secret", "phrase")
    assert asked == ["Phrase: "]
    monkeypatch.setattr(sys, "stdin", Terminal())
    call_command("connections", "create", "vault", "Deeper", "--config", "room=east")
    assert asked == ["Phrase: ", "Phrase: ", "Knock: "]
    assert [set(each.secrets()) for each in Connection.objects.filter(kind="vault")] == [{"phrase"}, {"phrase"}]


def test_a_reference_is_kept_as_one(shell, deep, monkeypatch):
    monkeypatch.setenv("PHRASE", "sesame")
    shell("rotate-secret", "Deep", "--secret", "phrase=env:PHRASE")
    assert deep.secrets()["phrase"] == "sesame"
    assert re.search(r"secret phrase: set on .*, by .* \(shell\), env:PHRASE\n", shell("show", "Deep"))


def test_a_value_on_the_command_line_is_refused_and_not_repeated(shell, deep):
    before = AuditEntry.objects.count()
    with pytest.raises(CommandError, match="the value of phrase stands on the command line") as refused:
        shell("rotate-secret", "Deep", "--secret", f"phrase={CANARY}")
    assert refused.value.returncode == 2
    assert CANARY not in str(refused.value)
    assert AuditEntry.objects.count() == before


def test_it_is_listed_and_shown(shell, deep, members: Project):
    shell("grant", "Deep", members.name)
    assert shell("list") == f"{deep.public_id}  vault  enabled  not tested  Deep\n"
    shown = shell("show", deep.public_id)
    assert '  room = "EAST"\n  floor = "1"\n  alarm = true\n' in shown
    assert "  secret knock: not set\n" in shown
    assert f"granted to: {members.name}\nused by: nothing\ntested: not since it is as it is\n" in shown
    (listed,) = json.loads(shell("list", "--json"))
    whole = json.loads(shell("show", "Deep", "--json"))
    assert {key: whole[key] for key in listed} == listed
    assert (whole["grants"][0]["project"]["id"], whole["used_by"]) == (members.public_id, [])


def test_it_is_tested_step_by_step_with_an_exit_code(shell, deep, capsys):
    with pytest.raises(CommandError, match="connection 'Deep' does not pass its test") as failed:
        shell("test", "Deep")
    assert failed.value.returncode == 1
    assert capsys.readouterr().out.splitlines() == [
        "passed  Reach the vault: room EAST",
        "failed  Open it: the phrase is another one. rotate the secret phrase",
        "skipped Write: it is shut",
    ]
    shell("rotate-secret", "Deep", "--secret", "phrase=-", lines="sesame\n")
    assert shell("test", "Deep").splitlines() == [
        "passed  Reach the vault: room EAST",
        "passed  Open it",
        "passed  Write",
    ]
    assert json.loads(shell("test", "Deep", "--json"))["state"] == "passed"
    assert "  vault  enabled  passed  Deep\n" in shell("list")


def test_it_is_changed_disabled_enabled_revoked_and_deleted(shell, deep, members: Project):
    flags = ["--name", "Deeper", "--config", "alarm=no", "--config", "floor=2", "--secret", "knock=-"]
    shell("change", "Deep", *flags, lines="thrice\n")
    deep.refresh_from_db()
    assert (deep.name, deep.config["alarm"], deep.config["floor"], deep.config["room"]) == (
        "Deeper",
        False,
        "2",
        "EAST",
    )
    assert deep.secrets()["knock"] == "thrice"
    shell("change", "Deeper", "--config", "alarm=")
    assert shell("disable", "Deeper") == "Deeper is disabled\n"
    deep.refresh_from_db()
    assert (deep.config["alarm"], deep.disabled_at is None) == (True, False)
    assert "  vault  disabled  " in shell("list")
    assert shell("enable", "Deeper") == "Deeper is enabled\n"
    shell("grant", "Deeper", members.public_id)
    assert shell("revoke", "Deeper", members.name) == f"project {members.name} may not use Deeper any more\n"
    shell("grant", "Deeper", members.name)
    Project.objects.filter(pk=members.pk).update(connection=deep)
    with pytest.raises(CommandError, match=rf"is in use: 1 project \('{members.name}'"):
        shell("delete", "Deeper")
    Project.objects.filter(pk=members.pk).update(connection=Connection.objects.get(kind="store"))
    assert shell("delete", "Deeper") == "Deeper is deleted\n"
    assert shell("list") == "no connections yet\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["show", "Shallow"], "no connection 'Shallow'; known: 'Deep'"),
        (["grant", "Deep", "Nowhere"], "no project 'Nowhere'"),
        (["change", "Deep", "--config", "room"], "--config 'room' is not NAME=VALUE"),
        (["change", "Deep", "--config", "room=a", "--config", "room=b"], "--config room is given twice"),
        (["change", "Deep", "--config", "alarm=maybe"], "--config alarm is 'maybe'; expected yes or no"),
        (["change", "Deep", "--config", "room=9"], "room is '9'; expected letters only"),
        (["change", "Deep", "--secret", "pin=-"], "unknown secret 'pin'; known: phrase, knock"),
        (["change", "Deep", "--secret", "knock=-", "--secret", "knock"], "--secret knock is given twice"),
        (["rotate-secret", "Deep"], "no secret was given; known: phrase, knock"),
        (["create", "vault", "New", "--config", "room=e"], "secrets.phrase is missing: what is said at the door"),
    ],
)
def test_wrong_use_is_one_line_that_says_what_would_be_right(shell, deep, arguments: list[str], words: str):
    with pytest.raises(CommandError) as refused:
        shell(*arguments)
    error: Any = refused.value
    assert (words in str(error), error.returncode) == (True, 2), str(error)
