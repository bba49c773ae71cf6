"""The frame's own pages."""

from __future__ import annotations

from tests.pages.hostile_world import HostileWorld


def addresses(world: HostileWorld) -> dict[str, str]:
    return {
        "home": "/",
        "health": "/health/",
        "list": "/exports/",
        "completed": f"/exports/{world.done.report_id}/",
        "csv": f"/exports/{world.table.report_id}/",
        "masks": f"/exports/{world.masks.report_id}/",
        "running": f"/exports/{world.running.report_id}/",
        "queued": f"/exports/{world.queued.report_id}/",
        "failed": f"/exports/{world.failed.report_id}/",
        "errored": f"/exports/{world.errored.report_id}/",
        "cancelled": f"/exports/{world.cancelled.report_id}/",
        "partial": f"/exports/{world.partial.report_id}/",
        "does not add up": f"/exports/{world.wrong.report_id}/",
        "files removed": f"/exports/{world.removed.report_id}/",
        "gone": f"/exports/{world.removed.report_id}/files/{world.removed.artifacts.get().name}/",
        "link": f"/exports/l/{world.link_token}/",
        "link revoked": f"/exports/l/{world.ended_links['revoked'][1]}/",
        "link used": f"/exports/l/{world.ended_links['used'][1]}/",
        "link that is none": "/exports/l/nosuch/",
        "404": "/nowhere/",
        "new import": "/imports/new/",
        "import, all refused": f"/imports/{world.imported.public_id}/",
        "import, running": f"/imports/{world.importing.public_id}/",
        "import, progress without htmx": f"/imports/{world.importing.public_id}/progress/",
        "projects": "/projects/",
        "configs": "/configs/",
        "links": "/links/",
        "audit": "/audit/",
        "account": "/account/",
        "help": "/help/",
        "new": "/exports/new/",
    }
