"""Projects, members, tokens, account."""

from __future__ import annotations

from connections.access import invitations
from tests.pages.hostile_world import HostileWorld


def addresses(world: HostileWorld) -> dict[str, str]:
    project = f"/projects/{world.project.public_id}/"
    return {
        "one project": project,
        "delete rows": f"{project}rows/delete/",
        "model run": f"{project}model-runs/run-1/",
        "model run, compared as nobody can": f"{project}model-runs/run-1/?iou=nine&by=colour",
        "delete a model run": f"{project}model-runs/run-1/delete/",
        "empty project": f"/projects/{world.empty.public_id}/",
        "new project": "/projects/new/",
        "delete a project": f"{project}delete/",
        "delete an empty project": f"/projects/{world.empty.public_id}/delete/",
        "members": f"{project}members/",
        "no members": f"/projects/{world.empty.public_id}/members/",
        "project, lines for its SDK": f"{project}sdk/labellerr/",
        "project, lines for an unknown SDK": f"{project}sdk/nowhere/",
        "projects, none found": "/projects/?q=nowhere",
        "projects by last export": "/projects/?sort=exported",
        "projects, unknown sorting": "/projects/?sort=size",
        "tokens": "/account/tokens/",
        "tokens of nobody": "/account/tokens/?user=nobody&state=ended",
        "password": "/account/password/",
        "people": "/people/",
        "people, none found": "/people/?q=nowhere&state=disabled",
        "invite": "/people/invite/",
        "one person": f"/people/{world.people['hostile'].pk}/",
        "nobody": "/people/987654321/",
        "invitation": invitations.path_for(invitations._invitation(world.people["mallory"])),
        "invitation that is none": "/account/invitation/nosuch/",
    }
