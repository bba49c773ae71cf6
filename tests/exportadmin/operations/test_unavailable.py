"""Without the database every door says 503, calmly, with ``Retry-After``, and nobody sees a traceback."""

from __future__ import annotations

import json
import logging

import pytest
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path

from connections.access.tokens import issue_token
from exportadmin.lib.actor import Actor
from exportadmin.lib.rest import handle
from exportadmin.operations import unavailable
from exportadmin.urls import urlpatterns as product_patterns
from tests.support.cast import PASSWORD

SHELL = Actor(kind="user", name="root (shell)", channel="shell")


def _interface(request: HttpRequest) -> HttpResponse:
    raise InterfaceError("connection already closed: postgresql://u:hunter2@db/x")


def _fault(request: HttpRequest) -> HttpResponse:
    raise ZeroDivisionError("internal detail")


urlpatterns = [*product_patterns, path("interface/", _interface), path("fault/", _fault)]


def is_calm(answer: HttpResponse) -> bool:
    page = answer.content.decode()
    assert answer.status_code == 503, page[:400]
    assert answer.headers["Retry-After"] == "5"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Request-ID"]
    assert "Traceback" not in page
    assert "unable to open" not in page
    assert "OperationalError" not in page
    return "Export Admin cannot answer now" in page


@pytest.mark.parametrize("address", ["/", "/exports/", "/exports/nosuchreport/", "/exports/l/some.token/", "/admin/"])
def test_a_page_without_its_database_is_a_calm_503(visitor: Client, database_gone, address):
    database_gone()
    answer = visitor.get(address, follow=False)
    if address == "/":  # it only leads on, to a page that says so
        assert answer.status_code in (302, 503)
        return
    assert is_calm(answer)
    assert "alice" not in answer.content.decode()


def test_signing_in_without_the_database_is_a_calm_503(client: Client, alice, database_gone):
    client.raise_request_exception = False
    assert client.get("/sign-in/").status_code == 200
    database_gone()
    assert is_calm(client.post("/sign-in/", {"username": "alice", "password": PASSWORD}))


def test_rest_without_its_database_answers_a_problem_in_the_one_shape(client: Client, alice, database_gone, rf):
    _, key = issue_token(user=alice, name="script", scopes=["admin"], actor=SHELL)
    database_gone()
    answer = client.get("/api/v1/reports/", headers={"Authorization": f"Bearer {key}"})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert answer.headers["Content-Type"] == "application/problem+json"
    outside = unavailable.unavailable(rf.get("/api/v1/reports/"))
    inside = handle(OperationalError("away"), {"request": rf.get("/api/v1/reports/")})
    assert json.loads(outside.content) == inside.data
    assert outside.headers["Retry-After"] == inside.headers["Retry-After"]
    assert answer.json() == {**inside.data, "request_id": answer.headers["X-Request-ID"]}


def test_a_session_in_rest_gets_the_problem_too(visitor: Client, database_gone):
    database_gone()
    answer = visitor.get("/api/v1/reports/")
    assert (answer.status_code, answer.headers["Content-Type"]) == (503, "application/problem+json")
    assert answer.headers["Retry-After"] == "5"


def test_a_script_on_a_page_gets_a_problem(visitor: Client, database_gone):
    database_gone()
    answer = visitor.get("/exports/", headers={"Accept": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")


@pytest.mark.urls(__name__)
def test_a_connection_that_broke_is_an_outage_too_and_its_address_stays_secret(visitor: Client, capfd, caplog):
    answer = visitor.get("/interface/")
    assert is_calm(answer)
    assert "hunter2" not in answer.content.decode()
    told = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert [record.name for record in told if record.name == "exportadmin.operations.unavailable"]
    assert not [record for record in told if record.exc_info], "an outage is no fault of ours"
    assert "hunter2" not in capfd.readouterr().err


@pytest.mark.urls(__name__)
def test_a_fault_of_ours_stays_a_500(visitor: Client):
    answer = visitor.get("/fault/")
    assert answer.status_code == 500
    assert "Retry-After" not in answer.headers


@pytest.mark.urls(__name__)
def test_even_with_debug_pages_an_outage_shows_no_traceback(visitor: Client, settings):
    settings.DEBUG = True
    assert is_calm(visitor.get("/interface/"))


def test_when_the_page_cannot_be_rendered_there_are_still_words(rf, monkeypatch):
    def broken(name: str) -> str:
        raise ValueError("no manifest")

    monkeypatch.setattr(unavailable, "render_to_string", broken)
    answer = unavailable.unavailable(rf.get("/exports/"))
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert b"Export Admin cannot answer now" in answer.content


def test_when_the_database_is_back_the_next_page_is_there(visitor: Client, transactional_db, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("exports.views.reports.listed", lambda *_: (_ for _ in ()).throw(OperationalError("away")))
        assert visitor.get("/exports/").status_code == 503
    assert visitor.get("/exports/").status_code == 200


def test_the_product_stands_guard_outside_of_everything_that_asks_the_database(settings):
    order = settings.MIDDLEWARE
    guard = order.index("exportadmin.operations.unavailable.UnavailableMiddleware")
    assert order.index("exportadmin.audit.middleware.RequestIdMiddleware") < guard
    assert guard < order.index("django.contrib.sessions.middleware.SessionMiddleware")
    assert guard < order.index("django.contrib.auth.middleware.AuthenticationMiddleware")
