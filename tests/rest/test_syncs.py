"""Mirrored projects in REST and in the shell: the same answers, the same refusals, the same lines in the trail."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import transaction

from connections.models import Connection, Project
from connections.sync.models import Mirror, SyncRun
from exportadmin.audit.models import AuditEntry
from exportadmin.lib.errors import TransientError
from exportadmin.runs import statuses
from exportadmin.runs.execute import execute
from tests.connections.platforms import toy
from tests.connections.sync.conftest import remote_row
from tests.rest.world import Rest, World

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(standing_world: World) -> Iterator[World]:
    with transaction.atomic():
        yield standing_world
        transaction.set_rollback(True)


@pytest.fixture
def server() -> Iterator[toy.ToyServer]:
    with toy.registered() as held:
        held.rows["remote"] = [remote_row(number) for number in range(8)]
        held.rows["other"] = []
        yield held


@pytest.fixture
def toys(world: World) -> Connection:
    return Connection.objects.create(name="Toys", kind="toy")


@pytest.fixture
def sue(world: World) -> Rest:
    return world.script("sue")


def shell(*args: str) -> Any:
    out = StringIO()
    call_command("mirrors", *args, "--json", stdout=out)
    return json.loads(out.getvalue())


def test_rest_and_the_shell_tell_the_same_of_projects_mirrors_and_syncs(
    server: toy.ToyServer, toys: Connection, sue: Rest
):
    there = f"connections/{toys.public_id}/projects/"
    assert sue.get(there).json() == shell("projects", "Toys")
    made = sue.post(there, {"external_id": "remote"})
    assert made.status_code == 201
    project = Project.objects.get(external_id="remote")
    assert made["Location"].endswith(f"/api/v1/projects/{project.public_id}/mirror/")
    server.left_out = ["Of the projects the first 2 were read."]
    listed = sue.get(there).json()
    assert listed == shell("projects", toys.public_id)
    assert listed["left_out"] == server.left_out
    assert [(one["external_id"], one["project"] and one["project"]["id"]) for one in listed["projects"]] == [
        ("other", None),
        ("remote", project.public_id),
    ]
    mirror = sue.get(f"projects/{project.public_id}/mirror/").json()
    assert mirror == made.json() == shell("show", project.name)
    requested = sue.post("syncs/", {"project": project.public_id, "mode": "full"})
    assert requested.status_code == 202
    run = SyncRun.objects.get(project=project)
    assert sue.post("syncs/", {"project": project.public_id}).status_code == 409
    execute("sync", run.pk)
    one = sue.get(f"syncs/{run.public_id}/").json()
    assert (one["status"], one["mode"], one["summary"]["created"]) == ("completed", "full", 8)
    again = shell("sync", project.name)
    assert (again["status"], again["summary"]["created"]) == ("completed", 0)
    assert sue.get("syncs/", {"project": project.name}).json()["results"] == shell("syncs", project.name)


def test_settings_are_changed_alike_and_each_change_is_a_line(server: toy.ToyServer, toys: Connection, sue: Rest):
    shell("add", "Toys", "remote", "--name", "Ours")
    project = Project.objects.get(name="Ours")
    path = f"projects/{project.public_id}/mirror/"
    changed = sue.patch(path, {"full_every_hours": 0, "sync_first": False}).json()
    assert (changed["full_every_hours"], changed["sync_first"]) == (0, False)
    assert changed == shell("show", "Ours")
    assert shell("change", "Ours", "--full-every-hours", "48", "--sync-first", "yes") == sue.get(path).json()
    lines = AuditEntry.objects.filter(event="project.mirror_changed").order_by("sequence")
    assert [line.channel for line in lines] == ["rest", "shell"]
    assert sue.patch(path, {"full_every_hours": -1}).status_code == 400
    assert sue.patch(path, {"every": 1}).json()["field"] == "every"


def test_what_syncs_ask_with_is_chosen_alike_and_the_next_one_reads_everything(
    server: toy.ToyServer, toys: Connection, sue: Rest
):
    shell("add", "Toys", "remote", "--name", "Ours")
    project = Project.objects.get(name="Ours")
    path = f"projects/{project.public_id}/mirror/"
    shell("sync", "Ours")
    assert shell("sync", "Ours")["mode"] == "incremental"
    assert shell("change", "Ours", "--option", "drafts=yes")["options"] == {"drafts": "yes"}
    assert shell("sync", "Ours")["mode"] == "full"
    assert sue.patch(path, {"options": {"drafts": "yes"}}).json() == shell("show", "Ours")
    assert shell("sync", "Ours")["mode"] == "incremental"  # nothing was changed
    assert sue.patch(path, {"options": {"drafts": None}}).json()["options"] == {}
    refused = sue.patch(path, {"options": {"drafts": "some"}})
    assert (refused.status_code, refused.json()["field"]) == (400, "options")
    for wrong, words in (
        ("colour=red", "unknown option options.colour; known: drafts"),
        ("drafts", "is not NAME=VALUE"),
    ):
        with pytest.raises(CommandError, match=words):
            call_command("mirrors", "change", "Ours", "--option", wrong)


def test_what_cannot_be_is_refused_alike(server: toy.ToyServer, toys: Connection, sue: Rest, world: World):
    there = f"connections/{toys.public_id}/projects/"
    answer = sue.post(there, {"external_id": "nowhere"})
    assert answer.status_code == 400
    with pytest.raises(CommandError, match="there is no project 'nowhere'"):
        call_command("mirrors", "add", "Toys", "nowhere")
    plain = world.own.project
    assert sue.get(f"projects/{plain.public_id}/mirror/").status_code == 404
    with pytest.raises(CommandError, match="mirrors no project"):
        call_command("mirrors", "sync", plain.name)
    refused = sue.post("syncs/", {"project": plain.public_id})
    assert (refused.status_code, refused.json()["field"]) == (400, "project")
    assert sue.post("syncs/", {"project": plain.public_id, "mode": "half"}).json()["field"] == "mode"


def test_a_platform_that_is_away_is_503_with_its_reason(server: toy.ToyServer, toys: Connection, sue: Rest):
    def fail(step: str) -> None:
        raise TransientError("it is away")

    server.before = fail
    answer = sue.get(f"connections/{toys.public_id}/projects/")
    assert answer.status_code == 503
    assert "it is away" in answer.json()["detail"]


def test_whoever_may_start_exports_syncs_and_cancels_and_others_do_not(world: World, server: toy.ToyServer):
    own = world.own.project
    Connection.objects.filter(pk=own.connection_id).update(kind="toy")
    Project.objects.filter(pk=own.pk).update(external_id="remote")
    Mirror.objects.create(project=own)
    SyncRun.objects.filter(project=own).update(status=statuses.COMPLETED)
    assert world.script("rita").post("syncs/", {"project": own.public_id}).status_code == 403
    made = world.script("oscar").post("syncs/", {"project": own.public_id})
    assert made.status_code == 202
    path = f"syncs/{made.json()['sync_id']}/cancel/"
    assert world.script("rita").post(path).status_code == 403
    assert world.script("oscar").post(path).json()["status"] == "cancelled"
    assert world.script("rita").patch(f"projects/{own.public_id}/mirror/", {"sync_first": False}).status_code == 403
    assert world.script("alice").patch(f"projects/{own.public_id}/mirror/", {"sync_first": False}).status_code == 200
    assert world.script("alice").get(f"projects/{world.foreign.project.public_id}/mirror/").status_code == 404


def test_the_shell_cancels_a_sync_and_says_what_it_does_not_know(world: World):
    assert shell("cancel", world.own.syncing.public_id)["status"] == "cancelled"
    with pytest.raises(CommandError, match="there is no sync 'nosuch'"):
        call_command("mirrors", "cancel", "nosuch")
