"""Every refusal below /dialects/ is in the shape of the dialect, also one from before any view."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import OperationalError

from tests.rest.world import World

pytestmark = pytest.mark.django_db
# dialect → an address that takes a POST, and what its shape has
POSTS = {
    "labelbox": ("graphql", lambda told: told["errors"][0]["message"]),
    "labellerr": ("api/v1/nosuch", lambda told: told["error"]["message"]),
    "label_studio": ("api/projects/", lambda told: told["detail"]),
    "diffgram": ("api/v1/job/list", lambda told: told["error"]),
}
LARGE = {"x": "y" * 3_000_000}


def test_every_dialect_is_tried():
    from exports.dialects import DIALECTS

    assert set(POSTS) == set(DIALECTS)


@pytest.mark.parametrize("key", POSTS)
def test_a_body_that_is_too_large_is_refused_in_words_that_the_client_reads(world: World, key: str):
    address, words = POSTS[key]
    client = world.script("oscar")
    answer = client.post(f"/dialects/{key}/{address}", json.dumps(LARGE).encode())
    assert (answer.status_code, answer["Content-Type"]) == (413, "application/json")
    assert "bytes" in words(answer.json())


@pytest.mark.parametrize(
    ("status", "code", "sent"),
    [
        (413, "MALFORMED_REQUEST", ("post", LARGE)),
        (415, "MALFORMED_REQUEST", ("post", b"{}")),
        (405, "MALFORMED_REQUEST", ("put", {})),
        (405, "MALFORMED_REQUEST", ("get", None)),
    ],
)
def test_what_is_no_fault_of_ours_is_none_in_labelboxs_code(world: World, status: int, code: str, sent: Any):
    """Of a fault of the server the SDK asks again and again."""
    method, body = sent
    more = {"content_type": "text/plain"} if status == 415 else {}
    given = () if body is None else (body,)
    answer = getattr(world.script("oscar"), method)("/dialects/labelbox/graphql", *given, **more)
    assert answer.status_code == status, answer.content
    assert answer.json()["errors"][0]["extensions"]["code"] == code


def test_without_the_database_the_shape_is_the_same(world: World, monkeypatch: pytest.MonkeyPatch):
    client = world.script("oscar")

    def gone(*_: Any, **__: Any) -> Any:
        raise OperationalError("gone")

    monkeypatch.setattr("exports.dialects.labelbox.sign_in.find_token", gone)
    answer = client.post("/dialects/labelbox/graphql", {"query": "query GetUserPyApi{user{id}}"})
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert answer.json()["errors"][0]["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
