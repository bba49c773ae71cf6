"""Errors are told in plain words, on a page that looks like the others."""

from __future__ import annotations

import pytest
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path

from exportadmin.urls import urlpatterns as product_patterns
from exports.views import reports


def _raise(error: Exception) -> HttpResponse:
    raise error


def _bad(request: HttpRequest) -> HttpResponse:
    return _raise(SuspiciousOperation("internal detail"))


def _denied(request: HttpRequest) -> HttpResponse:
    return _raise(PermissionDenied("internal detail"))


def _broken(request: HttpRequest) -> HttpResponse:
    return _raise(ZeroDivisionError("internal detail"))


urlpatterns = [*product_patterns, path("bad/", _bad), path("denied/", _denied), path("broken/", _broken)]


@pytest.mark.urls(__name__)
@pytest.mark.parametrize(
    ("address", "status", "words"),
    [
        ("/bad/", 400, "This request could not be read"),
        ("/denied/", 403, "You may not do this"),
        ("/nowhere/", 404, "There is nothing here"),
        ("/broken/", 500, "That went wrong on our side"),
    ],
)
def test_each_error_has_its_words(visitor: Client, address: str, status: int, words: str):
    visitor.raise_request_exception = False
    answer = visitor.get(address)
    page = answer.content.decode()
    assert answer.status_code == status
    assert f'<h1 class="ea-title">{words}</h1>' in page
    assert f"Error {status}" in page
    assert '<html lang="en">' in page
    assert "internal detail" not in page
    assert 'href="/"' in page


def test_a_page_that_is_not_there_is_told_to_the_signed_out_too(client: Client, db: None):
    answer = client.get("/nowhere/")
    assert answer.status_code == 404
    assert "Sign out" not in answer.content.decode()


def test_a_fault_in_a_page_is_a_500_with_words(visitor: Client, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(reports, "listed", lambda *_: _raise(ZeroDivisionError("internal detail")))
    visitor.raise_request_exception = False
    answer = visitor.get("/exports/")
    assert answer.status_code == 500
    assert "That went wrong on our side" in answer.content.decode()
