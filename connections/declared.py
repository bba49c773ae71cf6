"""What somebody gave for a connection, read by what its kind declares (:mod:`connections.adapters`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from connections import secret_values
from connections.adapters import ConfigValue, ConnectionField, ConnectionKind, SecretField
from exportadmin.lib.errors import UserError
from exportadmin.lib.text import check_line, check_text

MAX_VALUE: Final = 2000


def parse_config(
    kind: type[ConnectionKind], given: object, before: Mapping[str, ConfigValue] | None = None
) -> dict[str, ConfigValue]:
    """All fields of the kind: what was given, else what stood before, else the default.

    An empty text (and ``null``) is as if it was never given. Raises :class:`UserError` with the field as
    ``config.NAME``.
    """
    values = _values(given, "config", kind.connection_fields)
    kept = before or {}
    config: dict[str, ConfigValue] = {}
    for field in kind.connection_fields:
        name = f"config.{field.name}"
        if field.name not in values:
            config[field.name] = kept.get(field.name, field.default)
        elif values[field.name] in (None, ""):
            config[field.name] = field.default
        else:
            config[field.name] = _flag(values[field.name], name) if field.is_flag else _text(field, values, name)
        if field.is_required and config[field.name] == "":
            raise UserError(f"{name} is missing: {field.help}", field=name)
    return config


def parse_secrets(kind: type[ConnectionKind], given: object) -> dict[str, str]:
    """The secrets that were given; an empty one (or ``null``) is to be forgotten.

    Raises :class:`UserError` with the field as ``secrets.NAME``, in words that hold no value.
    """
    values = _values(given, "secrets", kind.connection_secrets)
    declared = {field.name: field for field in kind.connection_secrets}
    return {name: _secret(declared[name], value) for name, value in values.items()}


def check_whole(kind: type[ConnectionKind], config: Mapping[str, ConfigValue], secrets: Sequence[str]) -> None:
    """Are the secrets there that have to be, and does it all fit together? Raises :class:`UserError`."""
    for field in kind.connection_secrets:
        if field.is_required and field.name not in secrets:
            name = f"secrets.{field.name}"
            raise UserError(f"{name} is missing: {field.help}", field=name)
    kind.check_connection(config, frozenset(secrets))


def _values(given: object, what: str, fields: Sequence[ConnectionField | SecretField]) -> Mapping[str, Any]:
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise UserError(f"{what} is no JSON object", field=what)
    known = [field.name for field in fields]
    for name in given:
        if name not in known:
            raise UserError(
                f"unknown {what} setting {str(name)[:80]!r}; known: {', '.join(known) or 'none'}", field=what
            )
    return given


def _flag(value: object, name: str) -> bool:
    if not isinstance(value, bool):
        raise UserError(f"{name} is {str(value)[:40]!r}; expected true or false", field=name)
    return value


def _text(field: ConnectionField, values: Mapping[str, object], name: str) -> str:
    value = values[field.name]
    if not isinstance(value, str):
        raise UserError(f"{name} is {str(value)[:40]!r}; expected a text", field=name)
    if len(value) > MAX_VALUE:
        raise UserError(f"{name} has {len(value):,} characters; at most {MAX_VALUE:,} are kept", field=name)
    if field.choices and value not in dict(field.choices):
        known = ", ".join(key for key, _ in field.choices)
        raise UserError(f"{name} is {value[:40]!r}; known: {known}", field=name)
    return _parsed(field, check_line(value.strip(), name), name)


def _secret(field: SecretField, value: object) -> str:
    name = f"secrets.{field.name}"
    if value is None or value == "":
        return ""
    if not isinstance(value, str):
        raise UserError(f"{name} is no text", field=name)
    checked = secret_values.check(check_text(value, name), name)
    return checked if secret_values.is_reference(checked) else _parsed(field, checked, name)


def _parsed(field: ConnectionField | SecretField, value: str, name: str) -> str:
    try:
        return field.parse(value)
    except UserError as error:
        message = error.message if error.message.startswith(field.name) else f"{field.name}: {error.message}"
        raise UserError(message, field=name) from None
