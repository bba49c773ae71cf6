"""New export and saved configs."""

from __future__ import annotations

from tests.pages.hostile_world import HostileWorld


def addresses(world: HostileWorld) -> dict[str, str]:
    return {
        "new, which project": "/exports/new/",
        "new": f"/exports/new/?project={world.project.public_id}",
        "new, no rows": f"/exports/new/?project={world.empty.public_id}",
        "new from an export": f"/exports/new/?from={world.done.report_id}",
        "new from a config": f"/exports/new/?config={world.config.public_id}",
        "configs": "/configs/",
        "configs, none found": "/configs/?q=nosuch",
        "config": f"/configs/{world.config.public_id}/",
        "config, change": f"/configs/{world.config.public_id}/edit/",
    }
