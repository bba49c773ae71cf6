"""Keys are rotated while secrets are read and set: every one stays readable, and none is left on an older key."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connections as databases

from connections import secret_keys
from connections.connection_actions import create_connection, rotate_secret
from connections.models import Connection, ConnectionSecret
from exportadmin.audit.models import AuditEntry
from exportadmin.lib import crypto, env
from tests.connections import toy
from tests.rest.world import SHELL
from tests.support.shell import Installation, new_installation

pytestmark = pytest.mark.django_db(transaction=True)
CANARY = "canary-ab12ef"


@pytest.fixture(autouse=True)
def vaults() -> Iterator[None]:
    with toy.registered():
        yield


@pytest.fixture
def in_the_environment(settings) -> list[str]:
    """A ring of one key."""
    settings.ENCRYPTION_KEY_FILE = None
    settings.ENCRYPTION_KEYS = [env.new_secret()]
    return settings.ENCRYPTION_KEYS


@pytest.fixture
def file(settings, tmp_path: Path) -> Path:
    """The ring of a home folder of the test's own, of one key."""
    settings.EXPORTADMIN_HOME = tmp_path
    settings.ENCRYPTION_KEYS = [env.persistent_secret(tmp_path, "encryption_key")]
    settings.ENCRYPTION_KEY_FILE = tmp_path / "keys" / "encryption_key"
    return settings.ENCRYPTION_KEY_FILE


def vault(name: str, **secrets: str) -> Connection:
    secrets = secrets or {"phrase": f"phrase of {name}", "knock": f"knock of {name}"}
    return create_connection(kind="vault", name=name, config={"room": "e"}, secrets=secrets, actor=SHELL)


def key_ids() -> set[str]:
    return {crypto.key_id(value) for value in ConnectionSecret.objects.values_list("value", flat=True)}


def test_all_secrets_go_to_the_first_key_and_the_others_are_needed_no_more(in_the_environment, settings, monkeypatch):
    monkeypatch.setattr(secret_keys, "PIECE", 4)
    made = [vault(f"V{number}") for number in range(5)]
    vault("Elsewhere", phrase="env:PHRASE")
    before = dict(ConnectionSecret.objects.values_list("pk", "set_at"))
    old, new = in_the_environment[0], env.new_secret()
    settings.ENCRYPTION_KEYS = [new, old]
    done = secret_keys.rotate_keys(SHELL)
    assert (done.key_id, done.count, done.unreadable) == (crypto.key_id_of(new), 10, ())
    settings.ENCRYPTION_KEYS = [new]
    for connection in made:
        assert dict(connection.secrets()) == {
            "phrase": f"phrase of {connection.name}", "knock": f"knock of {connection.name}"
        }  # fmt: skip
    assert dict(ConnectionSecret.objects.values_list("pk", "set_at")) == before
    assert ConnectionSecret.objects.get(connection__name="Elsewhere").reference == "env:PHRASE"
    assert AuditEntry.objects.get(event="encryption_key.rotated").details["count"] == 10
    assert secret_keys.rotate_keys(SHELL).count == 0


def test_what_cannot_be_read_stays_and_is_named(in_the_environment, settings, capsys):
    vault("Lost", phrase="x")
    settings.ENCRYPTION_KEYS = [env.new_secret()]
    vault("Known", phrase="y")
    settings.ENCRYPTION_KEYS = [env.new_secret(), *settings.ENCRYPTION_KEYS]
    lost = ConnectionSecret.objects.get(connection__name="Lost").value
    with pytest.raises(CommandError, match="1 stay as they are: secret phrase of connection 'Lost' cannot be"):
        call_command("rotate_keys")
    assert "1 secrets encrypted anew" in capsys.readouterr().out
    assert ConnectionSecret.objects.get(connection__name="Lost").value == lost


def test_a_secret_that_is_set_meanwhile_stays_as_it_was_set(in_the_environment, settings, monkeypatch):
    connection = vault("Deep", phrase="before")
    settings.ENCRYPTION_KEYS = [env.new_secret(), *in_the_environment]
    reveal = ConnectionSecret.reveal

    def set_meanwhile(secret: ConnectionSecret) -> str:
        before = reveal(secret)
        monkeypatch.setattr(ConnectionSecret, "reveal", reveal)
        rotate_secret(connection=connection, secrets={"phrase": "after"}, actor=SHELL)
        return before

    monkeypatch.setattr(ConnectionSecret, "reveal", set_meanwhile)
    assert secret_keys.rotate_keys(SHELL).count == 0
    assert connection.secrets()["phrase"] == "after"


def test_an_installation_that_keeps_its_keys_makes_a_new_one_and_running_processes_take_it(file, settings, capsys):
    connection = vault("Deep", phrase=CANARY)
    old = settings.ENCRYPTION_KEYS[0]
    call_command("rotate_keys", "--json")
    told = json.loads(capsys.readouterr().out)
    new, kept = file.read_text().split()
    assert (kept, told["key_id"], key_ids()) == (old, crypto.key_id_of(new), {crypto.key_id_of(new)})
    assert file.stat().st_mode & 0o777 == 0o600
    # this process has read its settings before
    assert [old] == settings.ENCRYPTION_KEYS
    assert connection.secrets()["phrase"] == CANARY
    rotate_secret(connection=connection, secrets={"phrase": "sesame"}, actor=SHELL)
    assert (key_ids(), connection.secrets()["phrase"]) == ({told["key_id"]}, "sesame")


def test_a_key_that_nothing_is_encrypted_with_goes_at_the_rotation_after_the_next(file):
    vault("Deep", phrase=CANARY)
    texts = [file.read_text().split()]
    for _ in range(3):
        secret_keys.rotate_keys(SHELL)
        texts.append(file.read_text().split())
    assert [len(ring) for ring in texts] == [1, 2, 2, 2]
    assert [ring[1] for ring in texts[1:]] == [ring[0] for ring in texts[:-1]]
    assert Connection.objects.get(name="Deep").secrets()["phrase"] == CANARY


def test_a_key_that_cannot_be_kept_changes_nothing(file, monkeypatch):
    vault("Deep", phrase=CANARY)
    before = key_ids()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(env, "replace_secret", full)
    with pytest.raises(CommandError, match="the new key cannot be kept: No space left on device"):
        call_command("rotate_keys")
    assert key_ids() == before
    assert not AuditEntry.objects.filter(event__startswith="encryption_key").exists()


def test_a_key_that_other_machines_would_not_know_is_not_made(file, settings):
    vault("Deep", phrase=CANARY)
    before = file.read_text()
    settings.ARTIFACTS_STORE = ("s3://exports/ours", "")
    with pytest.raises(CommandError, match="set EXPORTADMIN_ENCRYPTION_KEY on all of them, with a new key in front"):
        call_command("rotate_keys")
    assert (file.read_text(), len(key_ids())) == (before, 1)


def in_threads(*works: Callable[[], None]) -> list[BaseException]:
    """Each in a thread of its own, to their ends; what they raised."""
    raised: list[BaseException] = []

    def run(work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:
            raised.append(error)
        finally:
            databases.close_all()

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


def test_under_load_every_secret_stays_readable_and_none_is_left_on_an_older_key(file):
    made = [vault(f"V{number}") for number in range(6)]
    is_over = threading.Event()
    reads = [0]

    def read() -> None:
        while not is_over.is_set():
            for connection in made:
                assert connection.secrets()["phrase"].startswith("phrase of ")
                reads[0] += 1

    def write() -> None:
        number = 0
        while not is_over.is_set():
            number += 1
            connection = made[number % len(made)]
            rotate_secret(connection=connection, secrets={"knock": f"knock {number}"}, actor=SHELL)
            is_over.wait(0.01)  # SQLite lets in whoever comes first: without a gap the others may wait for ever

    def rotate() -> None:
        try:
            for _ in range(5):
                secret_keys.rotate_keys(SHELL)
        finally:
            is_over.set()

    assert in_threads(read, write, rotate) == []
    assert reads[0] > 0
    secret_keys.rotate_keys(SHELL)
    assert key_ids() == {crypto.known_key_ids()[0]}
    for connection in made:
        assert set(connection.secrets()) == {"phrase", "knock"}


def test_two_who_rotate_at_once_lose_no_key(file):
    connection = vault("Deep", phrase=CANARY)
    both = threading.Barrier(2)

    def rotate() -> None:
        both.wait()
        secret_keys.rotate_keys(SHELL)

    for _ in range(5):
        assert in_threads(rotate, rotate) == []
        assert key_ids() <= set(crypto.known_key_ids())
        assert connection.secrets()["phrase"] == CANARY


# --- the start -------------------------------------------------------------------------------------------------------


@pytest.fixture
def stored(tmp_path: Path) -> Iterator[Installation]:
    """An installation of its own in which a secret is stored."""
    with new_installation(tmp_path) as installation:
        made = installation.run(
            "connections", "create", "s3", "Archive", "--config", "bucket=team-exports",
            "--secret", "access_key_id=env:KEY_ID", "--secret", "secret_access_key=file:/run/secrets/key",
        )  # fmt: skip
        assert made.returncode == 0, made.stderr
        yield installation


def encrypted(installation: Installation) -> None:
    """One of its secrets is stored itself."""
    file = installation.home / "stored-secret"
    file.write_text(CANARY)
    done = installation.run(
        "shell",
        "-c",
        f"""
from django.utils import timezone
from connections.models import ConnectionSecret
secret = ConnectionSecret.objects.get(field="secret_access_key")
secret.put(open({str(file)!r}).read())
secret.save()
""",
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("program", [("web", "--bind", "127.0.0.1:0"), ("worker",), ("up", "--bind", "127.0.0.1:0")])
def test_a_missing_key_stops_the_start_with_one_line(stored: Installation, program):
    encrypted(stored)
    key = (stored.home / "keys" / "encryption_key").read_text()
    (stored.home / "keys" / "encryption_key").unlink()
    done = stored.run(*program)
    (line,) = done.stderr.splitlines()
    assert done.returncode == 1
    assert line.startswith("error: EXPORTADMIN_ENCRYPTION_KEY: 1 stored secrets (of 'Archive') are encrypted with key ")
    assert f"which is not among the keys in {stored.home / 'keys' / 'encryption_key'}: put it back" in line
    stored.extra["EXPORTADMIN_ENCRYPTION_KEY"] = env.new_secret()
    assert "which is not among the keys: put it back, behind the first one" in stored.run(*program).stderr
    stored.extra["EXPORTADMIN_ENCRYPTION_KEY"] += f",{key}"
    shown = stored.run("rotate_keys")
    assert shown.stdout.startswith("1 secrets encrypted anew, with key ")
    assert "take the older keys out of EXPORTADMIN_ENCRYPTION_KEY" in shown.stdout


def test_a_backup_says_what_has_to_be_kept_with_it(stored: Installation, tmp_path):
    said = stored.run("backup", str(tmp_path.parent / f"{tmp_path.name}-one")).stdout
    assert "note: secrets that are kept elsewhere are not in it: env:KEY_ID, file:/run/secrets/key\n" in said
    assert "ENCRYPTION_KEY" not in said
    key = (stored.home / "keys" / "encryption_key").read_text()
    stored.extra["EXPORTADMIN_ENCRYPTION_KEY"] = key
    said = stored.run("backup", str(tmp_path.parent / f"{tmp_path.name}-two")).stdout
    assert "note: EXPORTADMIN_ENCRYPTION_KEY is not in it (stored secrets are read with it): keep it, too\n" in said
    assert key not in said
