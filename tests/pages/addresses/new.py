"""New export and saved configs."""

from __future__ import annotations

from tests.pages.hostile_world import HostileWorld

SLICE = "scope=slice&scope_slice"


def addresses(world: HostileWorld) -> dict[str, str]:
    return {
        "new, which project": "/exports/new/",
        "new": f"/exports/new/?project={world.project.public_id}",
        "new, no rows": f"/exports/new/?project={world.empty.public_id}",
        "new from an export": f"/exports/new/?from={world.done.report_id}",
        "new from a config": f"/exports/new/?config={world.config.public_id}",
        "new of a slice": f"/exports/new/?project={world.project.public_id}&{SLICE}={world.slice.public_id}",
        "slices": f"/projects/{world.project.public_id}/slices/",
        "slices, none": f"/projects/{world.empty.public_id}/slices/",
        "slice, new": f"/projects/{world.project.public_id}/slices/new/",
        "slice": f"/projects/{world.project.public_id}/slices/{world.slice.public_id}/",
        "configs": "/configs/",
        "configs, none found": "/configs/?q=nosuch",
        "config": f"/configs/{world.config.public_id}/",
        "config, change": f"/configs/{world.config.public_id}/edit/",
    }
