#!/usr/bin/env python3
"""What ``make demo-s3`` runs: SeaweedFS on this machine, a bucket in it, and a connection to that in the installation.

What is delivered stays in ``demo-s3/`` of the home folder; the keys are known to everybody, so it is for trying out.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.support import seaweed  # noqa: E402 - found only with the line above

if TYPE_CHECKING:
    from connections.models import Connection

BUCKET, NAME, PORT = "demo", "Demo bucket", 8333
IDENTITY = "exporter"


def main() -> int:
    """Until Ctrl-C or SIGTERM."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "exportadmin.settings")
    import django
    from django.conf import settings

    django.setup()
    folder = settings.EXPORTADMIN_HOME / "demo-s3"
    server = seaweed.Server(folder, ports=_ports(folder))
    try:
        store = server.start()
    except seaweed.SeaweedUnavailable as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    try:
        if BUCKET not in [found["Name"] for found in store.client().list_buckets()["Buckets"]]:
            store.new_bucket(BUCKET)
        connection = _connection(store)
        told = (
            f"SeaweedFS is at {store.endpoint}, its bucket is {BUCKET!r}. Connection {connection.name!r} leads to it: "
            f"choose it as the destination of an export, with the folder {BUCKET}/exports/ (Ctrl-C ends it)\n"
        )
        sys.stdout.write(told)
        sys.stdout.flush()
        signal.sigwait({signal.SIGINT, signal.SIGTERM})
    finally:
        server.kill()
    return 0


def _ports(folder: Path) -> list[int]:
    """The same at every start: the store's own data tell of them."""
    kept = folder / "ports.json"
    if kept.exists():
        ports: list[int] = json.loads(kept.read_text())
        return ports
    ports = seaweed.free_ports(9)
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", PORT)):  # nobody listens there
            ports[0] = PORT
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    kept.write_text(json.dumps(ports))
    return ports


def _connection(store: seaweed.Store) -> Connection:
    """Made, or made right; granted to the demo project."""
    from connections import connection_actions as actions
    from connections.models import Connection, Project
    from exportadmin.lib.command import shell_actor

    known = seaweed.IDENTITIES[IDENTITY]
    values: dict[str, Any] = {
        "config": {
            "bucket": BUCKET,
            "endpoint": store.endpoint,
            "path_style": True,
            "private_address": store.address,
        },
        "secrets": {"access_key_id": known.access_key_id, "secret_access_key": known.secret_access_key},
    }
    actor = shell_actor()
    connection = Connection.objects.filter(name=NAME, kind="s3").first()
    if connection is None:
        connection = actions.create_connection(kind="s3", name=NAME, actor=actor, **values)
    else:
        actions.change_connection(connection=connection, actor=actor, **values)
    project = Project.objects.filter(name="Demo").first()
    if project is not None:
        actions.grant_connection(connection=connection, project=project, actor=actor)
    return connection


if __name__ == "__main__":
    # blocked before any thread is there, so that they are waited for
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    sys.exit(main())
