"""Secrets of connections: stored encrypted or as references, read by adapters alone, shown by nothing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from django.utils import timezone

from connections import secret_values
from connections.kinds import connection_kind, connection_kinds
from connections.models import Connection, ConnectionSecret
from connections.sinks import SINKS
from exportadmin.lib.errors import PermanentError, UserError
from tests.connections.toy import Vault

CANARY = "canary-77aa01"


@pytest.fixture
def connection(db) -> Connection:
    return Connection.objects.create(name="Deep", kind=Vault.key)


def put(connection: Connection, field: str, text: str) -> ConnectionSecret:
    secret = ConnectionSecret(connection=connection, field=field, set_at=timezone.now(), set_by="alice")
    secret.put(text)
    secret.save()
    return secret


def test_a_secret_is_read_by_its_field_and_stands_nowhere_in_clear(connection):
    secret = put(connection, "phrase", CANARY)
    secrets = Connection.objects.get().secrets()
    assert dict(secrets) == {"phrase": CANARY}
    shown = [repr(secrets), str(secrets), f"{secrets}", repr(secret), str(secret), secret.reference, repr(connection)]
    row = ConnectionSecret.objects.values().get()
    assert not any(CANARY in text for text in [*shown, str(row)])


def test_a_secret_that_was_moved_to_another_connection_or_field_is_an_error_in_words(connection):
    put(connection, "phrase", CANARY)
    other = Connection.objects.create(name="Other", kind=Vault.key)
    ConnectionSecret.objects.update(connection=other)
    with pytest.raises(PermanentError, match="secret phrase of connection 'Other' cannot be decrypted") as moved:
        other.secrets()
    ConnectionSecret.objects.update(connection=connection, field="knock")
    with pytest.raises(PermanentError, match="secret knock of connection 'Deep' cannot be decrypted"):
        connection.secrets()
    assert CANARY not in str(moved.value)


def test_a_variable_is_followed_when_it_is_needed(connection, monkeypatch):
    secret = put(connection, "phrase", "env:VAULT_PHRASE")
    assert secret.reference == "env:VAULT_PHRASE"
    with pytest.raises(PermanentError, match="secret phrase of connection 'Deep' cannot be read: there is no variable"):
        connection.secrets()
    monkeypatch.setenv("VAULT_PHRASE", "one")
    assert connection.secrets()["phrase"] == "one"
    monkeypatch.setenv("VAULT_PHRASE", "two")
    assert connection.secrets()["phrase"] == "two"
    monkeypatch.setenv("VAULT_PHRASE", "")
    with pytest.raises(PermanentError, match="is empty"):
        connection.secrets()


def test_a_file_is_followed_to_its_text(connection, tmp_path):
    file = tmp_path / "phrase"
    put(connection, "phrase", f"file:{file}")
    with pytest.raises(PermanentError, match="No such file"):
        connection.secrets()
    file.write_text(" se same \n")
    assert connection.secrets()["phrase"] == " se same "
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(PermanentError, match="is no UTF-8 text"):
        connection.secrets()
    file.write_bytes(b"x" * (secret_values.MAX_BYTES + 1))
    with pytest.raises(PermanentError, match="has more than 65,536 bytes"):
        connection.secrets()
    file.unlink()
    os.mkfifo(file)
    with pytest.raises(PermanentError, match="is no plain file"):
        connection.secrets()


@pytest.mark.parametrize(
    "reference",
    [
        "env:EXPORTADMIN_SECRET_KEY",
        "env:exportadmin_database_url",
        "file:/proc/self/environ",
        "file:HOME/keys/secret_key",
        "file:HOME/x/../keys/secret_key",
        "file:LINK",
    ],
)
def test_what_is_the_installations_own_is_reached_by_no_reference(reference, settings, tmp_path, connection):
    settings.EXPORTADMIN_HOME = tmp_path / "home"
    (tmp_path / "home" / "keys").mkdir(parents=True)
    (tmp_path / "home" / "keys" / "secret_key").write_text(CANARY)
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "home" / "keys" / "secret_key")
    reference = reference.replace("HOME", str(tmp_path / "home")).replace("LINK", str(link))
    with pytest.raises(UserError, match="own") as refused:
        secret_values.check(reference, "phrase")
    assert CANARY not in str(refused.value)
    put(connection, "phrase", reference)  # past the check, straight into the table
    with pytest.raises(PermanentError, match="own"):
        connection.secrets()


@pytest.mark.parametrize(
    "reference", ["env:", "env:9", "env:A B", "file:", "file:relative", "file:~/x", "env:" + "A" * 300]
)
def test_a_reference_that_is_none_is_refused(reference):
    with pytest.raises(UserError, match="expected env:NAME or file:/absolute/path"):
        secret_values.check(reference, "phrase")


@pytest.mark.parametrize(
    "text", ["x", "environment", "env", "x" * secret_values.MAX_BYTES, "file", "é", "aes256gcm:1:2"]
)
def test_any_other_text_is_a_secret_itself(text, connection):
    assert secret_values.check(text, "phrase") == text
    put(connection, "phrase", text)
    assert connection.secrets()["phrase"] == text


def test_a_secret_has_an_end(tmp_path: Path):
    with pytest.raises(UserError, match="phrase has more than 65,536 bytes"):
        secret_values.check("é" * (secret_values.MAX_BYTES // 2 + 1), "phrase")


def test_a_kind_is_found_by_its_key_while_it_is_registered():
    with pytest.raises(UserError, match="unknown kind of connection 'vault'; known: "):
        connection_kind("vault")
    SINKS.register(Vault.key, Vault)
    try:
        assert connection_kind("vault") is Vault
        assert "local" not in connection_kinds()
        with pytest.raises(UserError, match="unknown kind of connection 'local'"):
            connection_kind("local")
    finally:
        SINKS.unregister(Vault.key)
