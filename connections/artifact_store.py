"""The store that holds this installation's files where ``EXPORTADMIN_ARTIFACTS_URL`` names one: how it is reached.

It has a connection that stands in no database: its settings are variables, ``EXPORTADMIN_ARTIFACTS_`` and the name of a
field or secret of S3 connections. Deliveries lie below ``artifacts/``, what else several machines have to share below
names of its own, as in the home folder of one machine.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from connections.adapters import PRIVATE_ADDRESS
from connections.declared import check_whole, parse_config, parse_secrets
from connections.models import Connection, Secrets
from connections.s3.client import AMBIENT, KEYS, ROLE, Bucket, open_bucket
from exportadmin.lib import env
from exportadmin.lib.addresses import parse_private_address
from exportadmin.lib.errors import UserError

NAME: Final = "this installation"
DELIVERIES: Final = "artifacts/"


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
        kept = {name: text for name, text in parse_secrets(S3Sink, secrets).items() if text}
        check_whole(S3Sink, config, list(kept))
    except UserError as error:
        name = (error.field or "").rpartition(".")[2]
        variable = "ARTIFACTS_URL" if name in ("bucket", "prefix") else f"ARTIFACTS_{name.upper()}"
        raise UserError(error.message, field=variable) from None
    connection = Connection(name=NAME, kind=S3Sink.key, config=config)
    connection.secrets = lambda: Secrets(kept)  # type: ignore[method-assign]
    return connection


def store_bucket() -> Bucket:
    """The whole of it, deliveries and all else. Raises as :func:`store_connection`, ``PermanentError``."""
    bucket = open_bucket(store_connection())
    return replace(bucket, prefix=bucket.prefix.removesuffix(DELIVERIES))


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
