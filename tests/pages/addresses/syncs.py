"""Mirrored projects and their syncs."""

from __future__ import annotations

from tests.pages.hostile_world import HostileWorld


def addresses(world: HostileWorld) -> dict[str, str]:
    mirrored = world.mirrored
    return {
        "mirrored project": f"/projects/{mirrored.public_id}/",
        "projects there, not to be had": f"/connections/{mirrored.connection.public_id}/projects/",
        "its own connections, not to be had": f"/connections/{mirrored.connection.public_id}/remote-connections/",
        "connection of a platform": f"/connections/{mirrored.connection.public_id}/",
        "exports there, not to be had": f"/projects/{mirrored.public_id}/exports-there/",
        "new export of a mirrored project": f"/exports/new/?project={mirrored.public_id}",
        "new export that the platform makes": f"/exports/new/platform/?project={mirrored.public_id}",
        "syncs": "/syncs/",
        "syncs of a project": f"/syncs/?project={mirrored.public_id}",
        "syncs, none fits": f"/syncs/?project={mirrored.public_id}&status=cancelled",
        "syncs of a project that mirrors nothing": f"/syncs/?project={world.project.public_id}",
        **{f"sync, {name}": f"/syncs/{run.public_id}/" for name, run in world.syncs.items()},
        "sync, progress without htmx": f"/syncs/{world.syncs['waiting'].public_id}/progress/",
    }
