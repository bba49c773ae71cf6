"""The store that holds this installation's files where ``EXPORTADMIN_ARTIFACTS_URL`` names one: how it is reached.

It has a connection that stands in no database: its settings are variables, ``EXPORTADMIN_ARTIFACTS_`` and the name of a
field or secret of S3 connections. Deliveries lie below ``artifacts/``, what else several machines have to share below
names of its own, as in the home folder of one machine.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any, Final, Protocol

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from connections import secret_values
from connections.adapters import PRIVATE_ADDRESS
from connections.declared import check_whole, parse_config, parse_secrets
from connections.models import Connection, Secrets
from connections.s3.client import AMBIENT, KEYS, ROLE, S3MissingError, open_bucket
from exportadmin.lib import env, masking
from exportadmin.lib.addresses import parse_private_address
from exportadmin.lib.errors import ExportAdminError, TransientError, UserError

NAME: Final = "this installation"
DELIVERIES: Final = "artifacts/"
# an upload has 10,000 parts: 160 GB
PIECE_BYTES: Final = 16 << 20


def store_connection() -> Connection:
    """To the deliveries in it. Raises :class:`UserError` whose ``field`` is the variable that is wrong."""
    from connections.sinks.s3 import S3Sink  # late: sinks are made of what stands here

    bucket, _, prefix = settings.ARTIFACTS_STORE.partition("/")
    given: dict[str, Any] = {}
    for field in S3Sink.connection_fields:
        variable = f"ARTIFACTS_{field.name.upper()}"
        if env.text(variable):
            given[field.name] = _flag(variable) if field.is_flag else env.text(variable)
    secrets = {field.name: env.text(f"ARTIFACTS_{field.name.upper()}") for field in S3Sink.connection_secrets}
    endpoint = str(given.get("endpoint", ""))
    defaults = {
        "credentials": ROLE if "role_arn" in given else KEYS if any(secrets.values()) else AMBIENT,
        # whoever sets the variables has the machine: the store may stand in their own network
        PRIVATE_ADDRESS: _host_and_port(endpoint),
    }
    try:
        config = parse_config(S3Sink, {**defaults, **given, "bucket": bucket, "prefix": f"{prefix}/{DELIVERIES}"})
        kept = {name: _secret(text) for name, text in parse_secrets(S3Sink, secrets).items() if text}
        check_whole(S3Sink, config, list(kept))
    except UserError as error:
        name = (error.field or "").rpartition(".")[2]
        variable = "ARTIFACTS_URL" if name in ("bucket", "prefix") else f"ARTIFACTS_{name.upper()}"
        raise UserError(error.message, field=variable) from None
    connection = Connection(name=NAME, kind=S3Sink.key, config=config)
    connection.secrets = lambda: Secrets(kept)  # type: ignore[method-assign]
    return connection


def _secret(text: str) -> str:
    """The value itself, which no log shows from now on. Raises ``PermanentError`` for a reference to nothing."""
    value = secret_values.follow(text) if secret_values.is_reference(text) else text
    masking.remember(value)
    return value


class Readable(Protocol):
    """What bytes are read from."""

    def read(self, size: int, /) -> bytes: ...


class SharedFolder:
    """What several machines have to share besides deliveries: ``path`` (such as ``imports/ID/``) in the store.

    Everything raises ``TransientError`` and ``PermanentError``.
    """

    def __init__(self, path: str) -> None:
        bucket = open_bucket(store_connection())
        self._bucket = bucket
        self._prefix = f"{bucket.prefix.removesuffix(DELIVERIES)}{path}"

    def put(self, name: str, stream: Readable, *, patience: float | None = None) -> int:
        """Write all of the stream, in memory of one piece, over what is there. How many bytes those were."""
        key, first = f"{self._prefix}{name}", _read(stream)
        if len(first) < PIECE_BYTES:
            self._bucket.call("put_object", patience=patience, Key=key, Body=first, **self._bucket.write)
            return len(first)
        upload = self._bucket.call("create_multipart_upload", Key=key, **self._bucket.write)["UploadId"]
        place = {"Key": key, "UploadId": upload}
        try:
            sent, parts, piece = 0, list[dict[str, Any]](), first
            while piece:
                number = len(parts) + 1
                answer = self._bucket.call("upload_part", PartNumber=number, Body=piece, **place)
                parts.append({"PartNumber": number, "ETag": answer["ETag"]})
                sent, piece = sent + len(piece), _read(stream)
            self._bucket.call("complete_multipart_upload", MultipartUpload={"Parts": parts}, **place)
        except BaseException:
            with contextlib.suppress(ExportAdminError):
                self._bucket.call("abort_multipart_upload", **place)
            raise
        return sent

    def put_new(self, name: str, body: bytes) -> None:
        """Write a small object where there is none. Raises :class:`~connections.s3.client.S3ConditionError`."""
        self._bucket.put_new(f"{self._prefix}{name}", body, **self._bucket.write)

    def names(self, beginning: str = "") -> list[str]:
        """Of all that lies there, in order; those that begin so."""
        keys = self._bucket.keys(f"{self._prefix}{beginning}")
        return sorted(key.removeprefix(self._prefix) for key in keys)

    def read(self, name: str) -> Iterator[bytes]:
        """All of it, in pieces. Raises :class:`~connections.s3.client.S3MissingError`."""
        key = f"{self._prefix}{name}"
        told = self._bucket.call("head_object", Key=key)
        for first in range(0, told["ContentLength"], PIECE_BYTES):
            last = min(first + PIECE_BYTES, told["ContentLength"]) - 1
            pieces: list[bytes] = []

            def whole(answer: dict[str, Any], wanted: int = last - first + 1, got: list[bytes] = pieces) -> None:
                got[:] = [answer["Body"].read(wanted + 1)]
                if len(got[0]) != wanted:
                    raise TransientError(f"{self._bucket.address(key)} broke off")

            self._bucket.call("get_object", verify=whole, Key=key, Range=f"bytes={first}-{last}", IfMatch=told["ETag"])
            yield pieces[0]

    def remove(self, names: Iterable[str]) -> None:
        """Take these away; one that is not there is no error."""
        for name in names:
            with contextlib.suppress(S3MissingError):
                self._bucket.call("delete_object", Key=f"{self._prefix}{name}")


def _read(stream: Readable) -> bytes:
    """A piece, or all that is left."""
    piece = bytearray()
    while len(piece) < PIECE_BYTES and (chunk := stream.read(PIECE_BYTES - len(piece))):
        piece += chunk
    return bytes(piece)


def _flag(variable: str) -> bool:
    try:
        return env.flag(variable)
    except ImproperlyConfigured:
        raise UserError(f"{env.text(variable)[:40]!r} is neither true nor false", field=variable) from None


def _host_and_port(endpoint: str) -> str:
    """Of an endpoint whose address may be a private one; empty: there is none, or it needs no permission."""
    scheme, _, place = endpoint.partition("://")
    place = place.rstrip("/")
    try:
        return str(
            parse_private_address(
                place if ":" in place.rpartition("]")[2] else f"{place}:{443 if scheme == 'https' else 80}"
            )
        )
    except UserError:
        return ""
