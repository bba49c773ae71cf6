"""A kind of connection of the tests' own: a vault, with a setting of each sort, two secrets and a test."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import ClassVar

from connections.adapters import (
    FAILED,
    PASSED,
    PRIVATE_ADDRESS,
    SKIPPED,
    ConfigValue,
    ConnectionField,
    SecretField,
    Step,
)
from connections.models import Connection
from connections.sinks import SINKS
from exportadmin.lib.errors import PermanentError, UserError
from tests.connections.sinks.blobs import BlobSink


def room(text: str) -> str:
    """Upper case letters."""
    if not text.isalpha():
        raise UserError(f"room is {text!r}; expected letters only, such as EAST")
    return text.upper()


def pass_phrase(text: str) -> str:
    """No blanks around it."""
    if text != text.strip():
        raise UserError("there are blanks around it")
    return text


class Vault(BlobSink):
    """Its test opens it with the secret ``phrase`` and finds it shut where that is another than ``sesame``."""

    key = "vault"
    title = "Vault"
    help = "Keeps blobs behind a door."
    connection_fields: ClassVar[tuple[ConnectionField, ...]] = (
        ConnectionField("room", "Room", "which room of the vault, such as EAST", is_required=True, parse=room),
        ConnectionField("floor", "Floor", "how deep it lies", default="1", choices=(("1", "First"), ("2", "Second"))),
        ConnectionField("alarm", "Alarm", "whether it rings", default=True),
        ConnectionField(PRIVATE_ADDRESS, "Private address", "host:port", warning="it is within your own network"),
    )
    connection_secrets: ClassVar[tuple[SecretField, ...]] = (
        SecretField("phrase", "Phrase", "what is said at the door", is_required=True, parse=pass_phrase),
        SecretField("knock", "Knock", "how it is knocked"),
    )

    @classmethod
    def check_connection(cls, config: Mapping[str, ConfigValue], secrets: Collection[str]) -> None:
        if config["floor"] == "2" and "knock" not in secrets:
            raise UserError("the second floor opens to a knock only: give the secret knock", field="secrets.knock")

    @classmethod
    def test(cls, connection: Connection) -> Iterator[Step]:
        yield Step("reach", "Reach the vault", PASSED, f"room {connection.config['room']}")
        try:
            is_open = connection.secrets()["phrase"] == "sesame"
        except PermanentError as error:
            yield Step("open", "Open it", FAILED, str(error), "set the secret again")
            is_open = False
        else:
            if is_open:
                yield Step("open", "Open it", PASSED)
            else:
                yield Step("open", "Open it", FAILED, "the phrase is another one", "rotate the secret phrase")
        yield Step("write", "Write", PASSED if is_open else SKIPPED, "" if is_open else "it is shut")


@contextmanager
def registered() -> Iterator[None]:
    """Meanwhile there are vaults to connect to."""
    SINKS.register(Vault.key, Vault)
    try:
        yield
    finally:
        SINKS.unregister(Vault.key)
