"""The data rows of a slice, page by page, and what no list is kept of."""

from __future__ import annotations

from typing import Any

import pytest

from connections.store.models import StoreRow
from exports.dialects.labelbox import operations
from tests.rest.labelbox.asking import GET_SLICE_ROWS, data, error
from tests.rest.world import Rest, World


def rows_of(client: Rest, slice_id: str, after: str | None = None) -> Any:
    """A page."""
    variables = {"id": slice_id, "from": after, "first": 100}
    return data(client, GET_SLICE_ROWS, variables)["getDataRowIdentifiersBySavedQuery"]


def test_the_data_rows_of_a_slice_are_those_that_its_export_has(own_world: World, monkeypatch: pytest.MonkeyPatch):
    oscar, place = own_world.script("oscar"), own_world.own
    held = [
        StoreRow.objects.filter(project=project).order_by("number")[:3]
        for project in (place.project, own_world.foreign.project)
    ]
    place.slice.filter = {"data_row_ids": [row.row_id for rows in held for row in rows]}
    place.slice.save()
    whole = rows_of(oscar, place.slice.public_id)
    assert whole == {
        "totalCount": 3,
        "nodes": [{"id": row.row_id, "globalKey": row.global_key} for row in held[0]],
        "pageInfo": {"endCursor": None, "hasNextPage": False},
    }
    monkeypatch.setattr(operations, "ROWS_ON_A_PAGE", 2)
    first = rows_of(oscar, place.slice.public_id)
    assert (first["nodes"], first["pageInfo"]["hasNextPage"]) == (whole["nodes"][:2], True)
    last = rows_of(oscar, place.slice.public_id, first["pageInfo"]["endCursor"])
    assert (last["nodes"], last["totalCount"]) == (whole["nodes"][2:], 3)
    assert last["pageInfo"] == {"endCursor": None, "hasNextPage": False}
    assert rows_of(oscar, place.slice.public_id, "99")["pageInfo"] == {"endCursor": None, "hasNextPage": False}


def test_the_data_rows_of_a_slice_are_for_whoever_may_export_them(own_world: World):
    oscar, asked = own_world.script("oscar"), {"from": None, "first": 100}
    own, foreign = own_world.own.slice.public_id, own_world.foreign.slice.public_id
    assert error(oscar, GET_SLICE_ROWS, asked | {"id": foreign})[0] == "RESOURCE_NOT_FOUND"
    assert error(own_world.script("rita"), GET_SLICE_ROWS, asked | {"id": own})[0] == "AUTHORIZATION_ERROR"
    assert error(oscar, GET_SLICE_ROWS, asked | {"id": own, "from": "x"})[0] == "MALFORMED_REQUEST"
    for query, name in (
        ("query GetEmbeddingsPyApi { embeddings { id name dims custom } }", "embeddings"),
        (
            "query GetMetadataOntologyBetaPyApi { customMetadataOntology"
            " { id name kind reserved options { id kind name reserved } } }",
            "customMetadataOntology",
        ),
    ):
        assert data(oscar, query) == {name: []}
