"""The list of exports, and home."""

from __future__ import annotations

from connections.models import Project
from exports.failures import failures
from tests.pages.hostile_world import HostileWorld


def addresses(world: HostileWorld) -> dict[str, str]:
    everything = Project.objects.all()
    groups = failures(everything, everything).groups
    return {
        **{f"failed for reason {number}": f"/exports/failures/{group.key}/" for number, group in enumerate(groups)},
        "failed for a reason that there is not": "/exports/failures/nosuch/",
        "list of one project": f"/exports/?project={world.project.public_id}&sort=-size",
        "list of what is in progress": "/exports/?group=in_progress",
        "list, none fits": "/exports/?q=nowhere",
        "list, more filters": "/exports/?format=csv&who=h&created_after=2020-01-01",
        "list, values without a meaning": "/exports/?status=lost&created_after=yesterday",
        "several at once, nothing yet": "/exports/selected/",
    }
