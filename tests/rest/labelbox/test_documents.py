"""The text of an operation: nothing in it is ignored."""

from __future__ import annotations

from typing import Any

import pytest

from tests.rest.labelbox.asking import GET_DATASET, GET_PROJECT, GET_PROJECTS, GET_USER, HEADER, ask
from tests.rest.world import World

pytestmark = pytest.mark.django_db
PROJECTS = "query GetProjectsPyApi{projects(%s){id name}}"
NAMED = {"param_0": "Street scenes", "param_1": False}


@pytest.mark.parametrize(
    ("query", "variables", "field"),
    [
        (PROJECTS % 'where: {name: "nosuch"} skip: 0 first: 100', {}, "query"),
        (PROJECTS % 'where: {name: "no(such)"} skip: 0 first: 100', {}, "query"),
        (PROJECTS % "where: {deleted: true} skip: 0 first: 100", {}, "query"),
        (PROJECTS % "skip: 9999999999 first: 100", {}, "query"),
        (PROJECTS % "skip: 0 first: 100 orderBy: name_ASC", {}, "query"),
        (GET_PROJECTS.replace("AND", "OR"), NAMED, "query"),
        (GET_PROJECTS.replace("AND", "NOT"), NAMED, "query"),
        (GET_USER, {"foo": 1}, "variables.foo"),
        (GET_PROJECTS, NAMED | {"param_2": "x"}, "variables.param_2"),
        (GET_PROJECTS.replace("{name: $param_0}", "{name: $param_9}"), {"param_1": False}, "variables.param_9"),
        (GET_PROJECT.replace("{id: $param_0}", "{id: $param_0, name: $more}"), {"param_0": "p", "more": "x"}, "query"),
        (HEADER, {"where": {"id": "t", "name": "x"}, "streamType": "RESULT"}, "query"),
        (GET_DATASET, {"param_0": 5}, "dataset.id"),
    ],
)
def test_what_would_be_ignored_is_refused(world: World, query: str, variables: Any, field: str):
    answer = ask(world.script("oscar"), query, variables)
    assert answer.status_code == 400, answer.content
    (found,) = answer.json()["errors"]
    assert (found["extensions"]["code"], found["extensions"]["field"]) == ("MALFORMED_REQUEST", field)


def test_a_list_is_read_from_where_it_is_asked_for(world: World):
    client = world.script("alice")
    for arguments, found in (("skip: 0 first: 1", 1), ("first: 1", 1), ("skip: 100", 0), ("skip: 0 first: 0", 0)):
        assert len(ask(client, PROJECTS % arguments).json()["data"]["projects"]) == found, arguments
