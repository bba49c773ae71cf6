"""Connections."""

from __future__ import annotations

from tests.pages.hostile_world import HostileWorld


def addresses(world: HostileWorld) -> dict[str, str]:
    failing = f"/connections/{world.vaults['failing'].public_id}/"
    return {
        "connections": "/connections/",
        "connections, none fits": "/connections/?q=nowhere",
        "connections, failing": "/connections/?state=failing",
        "connections, unknown kind": "/connections/?kind=lost",
        "connection, test failed": failing,
        "connection, being tested": f"/connections/{world.vaults['testing'].public_id}/",
        "connection, disabled": f"/connections/{world.vaults['new'].public_id}/",
        "connection, steps without htmx": f"{failing}steps/",
        "delivered through a connection": f"/exports/{world.elsewhere.report_id}/",
        "new connection": "/connections/new/?kind=vault",
        "new connection, unknown kind": "/connections/new/?kind=lost",
        "connection, change": f"{failing}edit/",
        "connection, secrets": f"{failing}secrets/",
        "connection, delete": f"{failing}delete/",
    }
