"""Views are saved configs."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from connections.models import Project
from exports import config_actions
from exports.models import ExportConfig
from exports.spec.spec import ExportSpec
from tests.rest.label_studio.asking import BASE, JSON, create, faults, post, report_of
from tests.rest.world import SHELL, Place, World

pytestmark = pytest.mark.django_db


def view(**item: Any) -> dict[str, Any]:
    return {"title": "Some", "filters": {"conjunction": "and", "items": [item]}}


def made(client: Client, place: Place, data: Any) -> Any:
    return post(client, f"{BASE}/dm/views/", {"project": place.project.pk, "data": data})


def test_a_view_is_a_saved_config_that_a_snapshot_is_made_with(world: World):
    client = world.dialect_client("oscar")
    data = view(filter="filter:tasks:id", operator="less", type="Number", value=11)
    answer = made(client, world.own, data | {"ordering": [], "type": "list", "hiddenColumns": {"explore": []}})
    assert answer.status_code == 201
    said = answer.json()
    assert said["project"] == world.own.project.pk
    assert said["data"]["filters"]["items"] == [
        {"filter": "filter:tasks:id", "operator": "less_or_equal", "type": "Number", "value": 10}
    ]
    assert client.get(f"{BASE}/dm/views/", {"project": world.own.project.pk}).json() == [said]
    config = ExportConfig.objects.get(pk=said["id"])
    assert (config.name, config.body["filter"]) == ("Some", {"row_numbers": [0, 10]})
    wanted = {"task_filter_options": {"view": said["id"], "annotated": "only"}}
    report = report_of(create(client, world, wanted))
    assert report.config["filter"] == {"row_numbers": [0, 10], "labelling": ["labelled", "labelled_and_skipped"]}


def test_a_view_is_changed_and_deleted(world: World):
    client = world.dialect_client("oscar")
    first = made(client, world.own, {"title": "All"}).json()
    assert [made(client, world.own, {}).json()["data"]["title"] for _ in range(2)] == ["View 3", "View 4"]
    assert "already" in json.dumps(faults(made(client, world.own, {"title": "All"})))
    there = f"{BASE}/dm/views/{first['id']}"
    data = view(filter="filter:tasks:updated_at", operator="greater", type="Datetime", value="2026-01-31T09:30:00.5Z")
    body = json.dumps({"data": data})
    query = {"interaction": "filter", "project": world.own.project.pk}
    changed = client.patch(f"{there}/", body, content_type=JSON, query_params=query)
    assert changed.status_code == 200, changed.content
    (item,) = changed.json()["data"]["filters"]["items"]
    assert (item["operator"], item["value"]) == ("greater", "2026-01-31T09:30:00.500+00:00")
    assert client.get(there).json() == changed.json()
    renamed = client.patch(there, json.dumps({"data": {"title": "Recent"}}), content_type=JSON).json()["data"]
    assert renamed == changed.json()["data"] | {"title": "Recent"}
    assert client.delete(f"{there}/").status_code == 204
    assert client.get(there).status_code == 404


@pytest.mark.parametrize(
    "item",
    [
        {"filter": "filter:tasks:id", "operator": "equal", "type": "Number", "value": 5},
        {"filter": "filter:tasks:id", "operator": "greater_or_equal", "type": "Number", "value": 5},
        {"filter": "filter:tasks:total_annotations", "operator": "equal", "type": "Number", "value": 0},
        {"filter": "filter:tasks:cancelled_annotations", "operator": "greater", "type": "Number", "value": 0},
    ],
)
def test_what_a_view_says_it_says_again(world: World, item: Any):
    said = made(world.dialect_client("oscar"), world.own, view(**item)).json()
    assert said["data"]["filters"]["items"] == [item]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        # what leaked hashes of passwords from the original, bit by bit
        (
            view(
                filter="filter:tasks:updated_by__active_organization__active_users__password",
                operator="regex",
                type="String",
                value=r"^pbkdf2_sha256\$260000\$A",
            ),
            "unknown filter",
        ),
        (view(filter="filter:tasks:auth_token__key", operator="contains", type="String", value="a"), "unknown filter"),
        (view(filter="filter:tasks:id__gte", operator="equal", type="Number", value=1), "unknown filter"),
        (view(filter="filter:tasks:id", operator="regex", type="Number", value="1"), "unknown operator"),
        (view(filter="filter:tasks:id", operator="equal", type="String", value="1"), "is a Number"),
        (view(filter="filter:tasks:id", operator="equal", type="Number", value="1 OR 1"), "no whole number"),
        (view(filter="filter:tasks:id", operator="less", type="Number", value=0), "no task has such an id"),
        (view(filter="filter:tasks:id", operator="in", type="Number", value={"min": 3, "max": 1}), "min is more"),
        (view(filter="filter:tasks:updated_at", operator="greater", type="Datetime", value="soon"), "is not a time"),
        (view(filter="filter:tasks:total_annotations", operator="greater", type="Number", value=2), "only 0"),
        (view(filter=["filter:tasks:id"], operator="equal", type="Number", value=1), "unknown filter"),
        ({"ordering": ["tasks:updated_by__password"]}, "no ordering"),
        ({"selectedItems": {"all": False, "included": [1]}}, "filter by tasks:id"),
        ({"search": "a"}, "unknown key"),
        ({"filters": {"conjunction": "or", "items": [{}, {}]}}, "joined by and"),
        ({"filters": []}, "is an object"),
        ({"title": 7}, "no text"),
    ],
)
def test_no_name_of_a_column_and_nothing_that_is_not_honoured_gets_into_a_view(world: World, data: Any, words: str):
    found = faults(made(world.dialect_client("oscar"), world.own, data))
    assert words in json.dumps(found, ensure_ascii=False)
    assert not ExportConfig.objects.filter(project=world.own.project, body__format="label_studio_json").exists()


def test_a_view_that_is_somebody_elses_is_refused_rather_than_everything_exported(world: World):
    sue, oscar = world.dialect_client("sue"), world.dialect_client("oscar")
    theirs = made(sue, world.foreign, {"title": "Theirs"}).json()["id"]
    for client in (sue, oscar):  # not through this project, whoever may see both
        found = faults(create(client, world, {"task_filter_options": {"view": theirs}}))
        assert found["task_filter_options"]["view"] == [f"there is no view {theirs} of project {world.own.project.pk}"]
    assert oscar.get(f"{BASE}/dm/views/{theirs}").status_code == 404
    assert oscar.delete(f"{BASE}/dm/views/{theirs}/").status_code == 404
    assert made(oscar, world.foreign, {}).status_code == 404


def test_a_config_that_says_more_than_a_view_can_is_no_view_and_stays_whole(world: World):
    """What a view cannot say, a change of its title would take away, and a snapshot made with it not have."""
    client = world.dialect_client("oscar")
    plain = {"format": "label_studio_json", "labels": "all"}
    mine = made(client, world.own, {"title": "Plain"}).json()["id"]
    for number, more in enumerate(
        (
            {"labels": "latest"},
            {"options": {"drafts": "only_id"}},
            {"include": []},
            {"max_refused": 0.5},
            {"statuses": ["accepted"]},
        )
    ):
        spec = ExportSpec.parse(plain | more, world.own.project)
        config = config_actions.save_config(project=world.own.project, name=f"Config {number}", spec=spec, actor=SHELL)
        there = f"{BASE}/dm/views/{config.pk}"
        body = json.dumps({"data": {"title": "Renamed"}})
        assert client.get(there).status_code == 404, more
        assert client.patch(there, body, content_type=JSON).status_code == 404, more
        assert "there is no view" in json.dumps(
            faults(create(client, world, {"task_filter_options": {"view": config.pk}}))
        )
        before = config.body
        config.refresh_from_db()
        assert (config.name, config.body) == (f"Config {number}", before)
    listed = client.get(f"{BASE}/dm/views/", {"project": world.own.project.pk}).json()
    assert [one["id"] for one in listed] == [mine]


def test_a_time_without_a_zone_is_of_the_projects(world: World):
    client, project = world.dialect_client("oscar"), world.own.project
    Project.objects.filter(pk=project.pk).update(time_zone="Europe/Warsaw")
    body = {"format": "label_studio_json", "labels": "all", "filter": {"updated_after": "2026-01-31 09:30:00"}}
    config = config_actions.save_config(
        project=project, name="Recent", spec=ExportSpec.parse(body, project), actor=SHELL, description="as it is"
    )
    there = f"{BASE}/dm/views/{config.pk}"
    (item,) = client.get(there).json()["data"]["filters"]["items"]
    assert item["value"] == "2026-01-31T08:30:00.000+00:00"
    report = report_of(create(client, world, {"task_filter_options": {"view": config.pk}}))
    assert report.config["resolved"] == {"updated_after": item["value"]}
    renamed = client.patch(there, json.dumps({"data": {"title": "Renamed"}}), content_type=JSON).json()
    assert renamed["data"]["filters"]["items"] == [item]
    before = config.body
    config.refresh_from_db()
    assert (config.name, config.body, config.description) == ("Renamed", before, "as it is")


def test_configs_that_no_view_can_say_are_none(world: World):
    for body in (
        {
            "format": "label_studio_json",
            "labels": "all",
            "filter": {"labelling": ["unlabelled", "labelled_and_skipped"]},
        },
        {"format": "label_studio_json", "labels": "all", "filter": {"global_keys": ["a"]}},
        {"format": "label_studio_json", "statuses": ["accepted"]},
        {"format": "csv"},
    ):
        spec = ExportSpec.parse(body, world.own.project)
        config_actions.save_config(project=world.own.project, name=f"A config {body}"[:200], spec=spec, actor=SHELL)
    client = world.dialect_client("oscar")
    assert client.get(f"{BASE}/dm/views/", {"project": world.own.project.pk}).json() == []
