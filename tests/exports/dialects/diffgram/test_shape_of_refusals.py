"""Whatever is refused before or beside a view is JSON in Diffgram's first shape, never a page."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from tests.exports.dialects.diffgram.conftest import Site

pytestmark = pytest.mark.django_db(transaction=True)
ROUTES = ("project/{}/user/sdk/file/list", "walrus/project/{}/export/to_file", "v1/job/list", "v1/nowhere")


def error_of(answer: Any) -> str:
    assert answer.headers["Content-Type"] == "application/json"
    body = answer.json()
    assert body.keys() == {"error"}
    return str(body["error"])


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("accept", ["*/*", "text/html"])
def test_a_body_that_is_too_long(site: Site, route: str, accept: str):
    address = f"/dialects/diffgram/api/{route.format(site.project.public_id)}"
    web = site.client(begin=False).web
    answer = web.post(address, "x" * 6_000_000, "application/json", headers={"Accept": accept})
    assert (answer.status_code, answer.headers["Cache-Control"]) == (413, "no-store")
    assert error_of(answer).startswith("413 Request Entity Too Large: the body has 6,000,000 bytes; ")


def test_a_body_of_unknown_length(site: Site):
    address = f"/dialects/diffgram/api/{ROUTES[0].format(site.project.public_id)}"
    answer = Client(headers={"Transfer-Encoding": "chunked"}).post(address, "{}", "application/json")
    assert answer.status_code == 411
    assert error_of(answer).startswith("411 Length Required: ")


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete", "trace"])
def test_a_method_that_there_is_not(site: Site, method: str):
    address = f"/dialects/diffgram/api/{ROUTES[0].format(site.project.public_id)}"
    answer = getattr(site.client(begin=False).web, method)(address)
    assert answer.status_code == 405
    assert error_of(answer).startswith("405 Method Not Allowed: ")


def test_a_body_of_another_type(site: Site):
    address = f"/dialects/diffgram/api/{ROUTES[0].format(site.project.public_id)}"
    answer = site.client(begin=False).web.post(address, {"metadata": "{}"})
    assert answer.status_code == 415
    assert error_of(answer).startswith("415 Unsupported Media Type: ")
