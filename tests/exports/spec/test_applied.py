"""The plan says of each condition who applies it: the source, we ourselves, or nobody."""

from __future__ import annotations

import pytest

from connections.models import Connection, Project
from connections.platforms import PLATFORMS
from connections.store.upsert import write_rows
from exports.spec.conditions import CONDITIONS
from exports.spec.plan import plan
from exports.spec.spec import ExportSpec
from tests.connections.platforms import toy
from tests.support.rows import box, row

# a plan reads through a connection of its own
pytestmark = pytest.mark.django_db(transaction=True)


def mirrored(kind: str) -> Project:
    project = Project.objects.create(
        name="Remote", connection=Connection.objects.create(name=kind, kind=kind), external_id="1"
    )
    write_rows(project, [row("one", box())])
    return project


def conditions(project: Project, **given) -> dict[str, dict[str, str]]:
    """Key → what the plan says of it, and the warnings."""
    answer = plan(project, ExportSpec.parse({"format": "json", **given}, project))
    told = {one.pop("key"): one for one in answer["conditions"]}
    assert [one["title"] for one in told.values()] == [CONDITIONS[key].label for key in told]
    warned = [
        warning
        for warning in answer["warnings"]
        if any(warning.startswith(f"{one['title']}: ") for one in told.values())
    ]
    assert warned == [f"{one['title']}: {one['note']}" for one in told.values() if one["note"]]
    return told


def test_what_the_database_finds_is_pushed_down_and_the_rest_is_tested_here(project):
    write_rows(project, [row("one", box())])
    told = conditions(project, filter={"with_annotations": True, "global_keys": ["one"]}, statuses=["review"])
    assert {key: one["applied"] for key, one in told.items()} == {
        "global_keys": "pushed_down",
        "statuses": "pushed_down",
        "with_annotations": "finished_here",
    }


def test_nothing_asked_is_nothing_said(project):
    assert conditions(project) == {}


@pytest.mark.parametrize("kind", PLATFORMS)
def test_what_a_platform_does_not_tell_is_not_possible_and_the_plan_warns_of_it(kind):
    project, platform = mirrored(kind), PLATFORMS[kind]
    for key, why in platform.untold.items():
        told = conditions(project, filter={key: CONDITIONS[key].example})
        assert (told[key]["applied"], told[key]["note"]) == ("impossible", why)


@pytest.mark.parametrize("kind", PLATFORMS)
def test_what_is_tested_on_a_time_of_ours_is_said_too(kind):
    project, platform = mirrored(kind), PLATFORMS[kind]
    for key, why in platform.stand_ins.items():
        told = conditions(project, filter={key: CONDITIONS[key].example})
        assert told[key]["applied"] in ("pushed_down", "finished_here")
        assert told[key]["note"] == why


def test_what_a_mirror_of_another_installation_is_told_is_possible():
    project = mirrored("labellerr")
    write_rows(project, [row("two", box(), batch_id="b1")])
    told = conditions(project, filter={"batch_ids": ["b1"]})
    assert (told["batch_ids"]["applied"], told["batch_ids"]["note"]) == ("pushed_down", "")


def test_what_a_platform_makes_itself_it_filters_itself():
    wanted = {"format": "json", "statuses": ["review"], "updated_after": "2024-01-01"}
    with toy.registered():
        project = mirrored("toy")
        answer = plan(project, ExportSpec.parse({"platform_export": wanted}, project))
    assert {one["key"]: one["applied"] for one in answer["conditions"]} == {
        "platform_export.statuses": "pushed_down",
        "platform_export.updated_after": "pushed_down",
    }
