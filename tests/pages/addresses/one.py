"""One export: its parts with addresses of their own, and its comparison with others."""

from __future__ import annotations

from tests.pages.hostile_world import HostileWorld


def addresses(world: HostileWorld) -> dict[str, str]:
    done, earlier = f"/exports/{world.done.report_id}", world.earlier.report_id
    return {
        "progress without htmx": f"/exports/{world.running.report_id}/progress/",
        "proof without htmx": f"{done}/proof/",
        "first rows of the file": f"{done}/preview/",
        "first rows of the source": f"/exports/{world.masks.report_id}/preview/",
        "no rows any more": f"/exports/{world.removed.report_id}/preview/",
        "nothing delivered, no rows": f"/exports/{world.failed.report_id}/preview/",
        "compare: choose": f"{done}/compare/",
        "compared": f"{done}/compare/?with={earlier}",
        "compared by check values": f"{done}/compare/?with={world.coco.report_id}",
        "compared with what is no export": f"{done}/compare/?with=nosuch",
    }
