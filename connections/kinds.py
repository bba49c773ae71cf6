"""The kinds of connections there are: what needs a connection, of every registry of what is reached by one."""

from __future__ import annotations

from collections.abc import Mapping

from connections.adapters import ConnectionKind
from connections.platforms import PLATFORMS
from connections.sinks import SINKS
from exportadmin.lib.errors import UserError


def connection_kinds() -> Mapping[str, type[ConnectionKind]]:
    """By their keys, those that can be made by hand: the built-in store has the one connection that it comes with."""
    return {**{key: sink for key, sink in SINKS.items() if sink.needs_connection}, **PLATFORMS}


def connection_kind(key: str, *, field: str | None = "kind") -> type[ConnectionKind]:
    """The kind of that key. Raises :class:`UserError` that lists what would be right."""
    kinds = connection_kinds()
    if key not in kinds:
        known = ", ".join(sorted(kinds)) or "none"
        raise UserError(f"unknown kind of connection {key[:80]!r}; known: {known}", field=field)
    return kinds[key]
