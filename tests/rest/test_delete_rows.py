"""Rows deleted by REST and in the shell: the same answer, and refusals that name what is wrong."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from connections.store.models import StoreRow
from tests.rest.world import World


def delete(world: World, person: str = "alice", **body):
    return world.script(person).post(f"projects/{world.own.project.public_id}/rows/delete/", body)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"reason": "r"}, "filter"),
        ({"reason": "r", "filter": {}}, "filter"),
        ({"reason": "r", "ids": ["a"], "global_keys": ["b"]}, "filter"),
        ({"reason": "r", "ids": []}, "ids"),
        ({"reason": "r", "filter": {"statuses": ["finished"]}}, "filter.statuses[0]"),
        ({"reason": "r" * 501, "ids": ["a"]}, "reason"),
        ({"ids": ["a"]}, "reason"),
        ({"reason": "r", "ids": ["a"], "dry_run": "no"}, "dry_run"),
        ({"reason": "r", "keys": ["a"]}, "keys"),
    ],
)
def test_what_is_wrong_is_named(own_world: World, body, field):
    answer = delete(own_world, **body)
    assert (answer.status_code, answer.json()["field"]) == (400, field)


def test_a_dry_run_counts_and_the_deletion_deletes(own_world: World):
    world = own_world
    keys = list(StoreRow.objects.filter(project=world.own.project).values_list("global_key", flat=True)[:3])
    counted = delete(world, global_keys=[*keys, "nosuch"], dry_run=True).json()
    assert (counted["selected"], counted["deleted"], counted["missing"], counted["revision"]) == (
        3,
        0,
        ["nosuch"],
        None,
    )
    done = delete(world, global_keys=[*keys, "nosuch"], reason="a test").json()
    assert (done["selected"], done["deleted"], done["kept"]) == (3, 3, 0)
    assert done["by_status"] == counted["by_status"]
    left = StoreRow.objects.filter(project=world.own.project)
    assert not left.filter(global_key__in=keys).exists() and left.exists()


def test_the_shell_deletes_by_ids_keys_or_filter_and_prints_the_same(own_world: World):
    project = own_world.own.project
    first, second = StoreRow.objects.filter(project=project)[:2]

    def shell(*flags: str) -> str:
        out = StringIO()
        call_command("delete_rows", project.name, *flags, stdout=out)
        return out.getvalue()

    everything = json.dumps({"since_revision": 0})
    rows = StoreRow.objects.filter(project=project).count()
    assert f"{rows} rows would be deleted; nothing was done" in shell("--filter", everything, "--dry-run")
    assert "1 of 1 rows deleted" in shell("--id", first.row_id, "--reason", "a test")
    printed = json.loads(shell("--global-key", second.global_key, "--global-key", "x", "--reason", "r", "--json"))
    assert (printed["deleted"], printed["missing"]) == (1, ["x"])
    assert StoreRow.objects.filter(project=project).count() == rows - 2
    for wrong in (["--reason", "r"], ["--filter", "{", "--reason", "r"], ["--id", "x"]):
        with pytest.raises(CommandError):
            shell(*wrong)
