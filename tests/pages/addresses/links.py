"""Links and help."""

from __future__ import annotations

from tests.pages.hostile_world import HostileWorld

HELP = ("formats", "files", "filters", "connections", "statuses", "check-values", "roles", "rest", "sdk")


def addresses(world: HostileWorld) -> dict[str, str]:
    ended = {f"link that is {state}": f"/links/{link.public_id}/" for state, (link, _) in world.ended_links.items()}
    return {
        "new link": f"/links/new/{world.artifact.public_id}/",
        "one link": f"/links/{world.link.public_id}/",
        "links, none fits": "/links/?q=nowhere",
        "links, revoked": "/links/?state=revoked",
        "links, unknown state": "/links/?state=lost",
        **{f"help: {name}": f"/help/{name}/" for name in HELP},
        **ended,
    }
