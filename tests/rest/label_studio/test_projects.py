"""Projects, and what is not there."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from connections.store.models import StoreClass
from tests.rest.label_studio.asking import BASE, JSON, at
from tests.rest.world import World

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("address", ["nowhere", "projects/1/nowhere", "projects/x/", "projects/1/exports/1/../../2"])
def test_what_is_not_there_is_told_in_json(world: World, address: str):
    answer = world.dialect_client("oscar").get(f"{BASE}/{address}")
    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == JSON
    assert set(answer.json()) == {"id", "status_code", "version", "detail", "exc_info"}


def test_both_forms_of_an_address_are_known_and_others_are_not(world: World):
    client = world.dialect_client("oscar")
    for end in ("", "/"):
        assert client.get(f"{BASE}/version{end}").json()["edition"] == "Enterprise"
        assert client.get(f"{BASE}/projects{end}").status_code == 200
        assert client.get(f"{at(world.own)[:-1]}{end}").json()["title"] == world.own.project.name
        assert client.get(f"{at(world.own, 'exports')}{end}").status_code == 200
    assert client.get(f"{at(world.own, 'exports')}//").status_code == 404
    assert client.get(f"{BASE}/projects/{10**17}/").status_code == 404
    assert client.get(f"{BASE}/projects/{10**18}/").status_code == 404
    assert client.patch(at(world.own, "exports/")).status_code == 405


def test_projects_come_in_pages_and_end_as_there(world: World):
    client = world.dialect_client("sue")
    first = client.get(f"{BASE}/projects/", {"page_size": 1}).json()
    assert (first["count"], first["previous"], len(first["results"])) == (2, None, 1)
    again = client.get(f"{BASE}/projects/", {"page_size": 1, "title": "s"}).json()
    assert "title=s" in again["next"]
    assert "page_size=1" in again["next"]
    assert client.get(again["next"]).json()["previous"].count("page=") == 1
    second = client.get(first["next"]).json()
    assert (second["next"], second["results"][0]["id"]) == (None, world.foreign.project.pk)
    assert client.get(f"{BASE}/projects/", {"page": 3, "page_size": 1}).status_code == 404
    assert [one["title"] for one in client.get(f"{BASE}/projects/", {"title": "HARBOUR"}).json()["results"]] == [
        world.foreign.project.name
    ]


def test_a_project_tells_its_figures_and_a_config_made_of_its_ontology(world: World):
    said = world.dialect_client("oscar").get(at(world.own)).json()
    assert said["task_number"] == 40
    assert said["finished_task_number"] >= said["num_tasks_with_annotations"] > 0
    view = ElementTree.fromstring(said["label_config"])
    assert view[0].attrib == {"name": "image", "value": "$image"}
    classes = StoreClass.objects.filter(project=world.own.project, is_question=False)
    (boxes,) = view.findall("RectangleLabels")
    assert boxes.attrib == {"name": "rectangle", "toName": "image"}
    assert [one.get("value") for one in boxes] == list(classes.order_by("number").values_list("name", flat=True))


def test_names_of_classes_are_no_tags(world: World):
    bad = '"/></View><script>'
    StoreClass.objects.create(project=world.own.project, number=99, name=bad)
    said = world.dialect_client("oscar").get(at(world.own)).json()["label_config"]
    assert "<script>" not in said
    assert bad in [one.get("value") for one in ElementTree.fromstring(said).iter("Label")]
