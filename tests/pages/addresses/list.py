"""The list of exports, and home."""

from __future__ import annotations

from tests.pages.hostile_world import HostileWorld


def addresses(world: HostileWorld) -> dict[str, str]:
    return {
        "list of one project": f"/exports/?project={world.project.public_id}&sort=-size",
        "list of what is in progress": "/exports/?group=in_progress",
        "list, none fits": "/exports/?q=nowhere",
        "list, more filters": "/exports/?format=csv&who=h&created_after=2020-01-01",
        "list, values without a meaning": "/exports/?status=lost&created_after=yesterday",
        "several at once, nothing yet": "/exports/selected/",
    }
