"""Connections to buckets that a platform has itself, and delivers through: listed, made, tested and deleted by ours.

Superusers do it. What the platform is asked for is in the trail before the request leaves, and what it answered after;
keys that are given pass by, and are neither kept nor told.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.db import transaction

from connections.access.permissions import require_manages_connections
from connections.models import Connection
from connections.platforms.base import NewRemoteConnection, Platform, RemoteConnection
from connections.sync.actions import asking, platform_of
from exportadmin.audit.models import FAILED
from exportadmin.audit.record import audited, record
from exportadmin.lib.actor import Actor
from exportadmin.lib.errors import UserError
from exportadmin.lib.text import check_line

MAX_REMOTE_ID: Final = 200


def list_remote_connections(*, connection: Connection, actor: Actor) -> list[RemoteConnection]:
    """Those that the platform has, asked there each time.

    Raises :class:`UserError` where it is no connection to a platform, or one that has none, or it refuses,
    :class:`ConflictError` where it is disabled, :class:`UnavailableError`.
    """
    require_manages_connections(actor, connection)
    with asking(connection) as platform:
        return platform.remote_connections()


def create_remote_connection(*, connection: Connection, actor: Actor, wanted: NewRemoteConnection) -> RemoteConnection:
    """Have the platform make one. Raises as :func:`list_remote_connections`; where its answer was lost, it is to be
    looked for in the list.
    """
    check_line(wanted.name, "name")
    with _asked(connection, actor, "make", wanted.name) as platform:
        return platform.create_remote_connection(wanted)


def test_remote_connection(
    *, connection: Connection, actor: Actor, remote_id: str, path: str, data_type: str = "image"
) -> None:
    """Have the platform try it. Raises as :func:`list_remote_connections`, in its words where it does not work."""
    check_line(remote_id, "remote_id")
    with _asked(connection, actor, "test", remote_id) as platform:
        platform.test_remote_connection(remote_id, path=path, data_type=data_type)


def delete_remote_connection(*, connection: Connection, actor: Actor, remote_id: str) -> None:
    """Have the platform forget it; exports there that use it fail from then on. Raises as
    :func:`list_remote_connections`.
    """
    check_line(remote_id, "remote_id")
    with _asked(connection, actor, "delete", remote_id) as platform:
        platform.delete_remote_connection(remote_id)


@contextmanager
def _asked(connection: Connection, actor: Actor, verb: str, there: str) -> Iterator[Platform]:
    """No transaction is open while the platform is asked: it may take a minute."""
    details = {"verb": verb, "there": f"own connection {there[:MAX_REMOTE_ID]}"}
    with audited("connection.remote_requested", actor=actor, obj=connection, details=details):
        require_manages_connections(actor, connection)
        platform_of(connection)
    try:
        with asking(connection) as platform:
            yield platform
    except UserError as error:
        with transaction.atomic():
            record(
                "connection.remote_answered",
                actor=actor,
                obj=connection,
                outcome=FAILED,
                reason=error.message,
                details=details,
            )
        raise
    with transaction.atomic():
        record("connection.remote_answered", actor=actor, obj=connection, details=details)
