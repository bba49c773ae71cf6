"""A view class may answer errors in a shape of its own; what is an error, and with which status, stays the same."""

from __future__ import annotations

from typing import Any

import pytest
from django.http import Http404
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory

from exportadmin.lib.errors import ConflictError, HiddenError, UserError
from exportadmin.lib.refusals import request_refused
from exportadmin.lib.rest import Problem, RestView


class Ours(RestView):
    """Raises what it is told to."""

    authentication_classes: Any = ()
    permission_classes: Any = ()
    throttle_classes: Any = ()
    error: Exception = UserError("the name is too long", field="name")

    def get(self, request: Request) -> Response:
        raise self.error


class Theirs(Ours):
    """Another platform's shape."""

    @staticmethod
    def error_response(problem: Problem, request: Any) -> Response:
        body = {"success": False, "errors": [{"path": problem.field, "message": problem.detail}]}
        return Response(body, status=problem.status, headers=dict(problem.headers))


@pytest.fixture(autouse=True)
def _without_a_trail(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens to refusals: what is asked here needs no database."""
    monkeypatch.setattr(request_refused, "receivers", [])
    request_refused.sender_receivers_cache.clear()


def get(view: type[RestView], error: Exception, query: str = "") -> Any:
    return view.as_view(error=error)(APIRequestFactory().get(f"/toy/{query}"))  # type: ignore[arg-type]


def test_a_view_of_our_own_answers_with_a_problem():
    answer = get(Ours, UserError("the name\nis too long", field="name"))
    assert answer.content_type == "application/problem+json"
    assert {name: answer.data[name] for name in ("status", "code", "detail", "field")} == {
        "status": 400,
        "code": "invalid",
        "detail": "the name is too long",
        "field": "name",
    }


@pytest.mark.parametrize(
    ("error", "status", "message", "path"),
    [
        (UserError("the name\nis too long", field="name"), 400, "the name is too long", "name"),
        (ConflictError("it runs already"), 409, "it runs already", None),
        (Http404(), 404, "there is nothing here for you", None),
        (exceptions.ValidationError({"filter": {"ids": ["is no list"]}}), 400, "is no list", "filter.ids"),
        (exceptions.PermissionDenied(), 403, "You do not have permission", None),
        (ZeroDivisionError("password=hunter2"), 500, "stopped by a fault", None),
    ],
)
def test_another_shape_has_the_same_status_words_and_field(error: Exception, status: int, message: str, path: Any):
    answer = get(Theirs, error)
    (told,) = answer.data["errors"]
    assert (answer.status_code, told["path"]) == (status, path)
    assert told["message"].startswith(message)
    assert "hunter2" not in str(answer.data)


def test_what_a_view_does_not_take_is_refused_in_its_shape_too():
    answer = get(Theirs, UserError("never raised"), "?colour=red")
    assert (answer.status_code, answer.data["errors"][0]["path"]) == (400, "colour")


def test_headers_stay_and_a_refusal_is_told_whatever_its_shape():
    told: list[int] = []

    def listen(sender: Any, *, status: int, **_: Any) -> None:
        told.append(status)

    request_refused.connect(listen)
    try:
        assert get(Theirs, exceptions.Throttled(wait=7)).headers["Retry-After"] == "7"
        get(Theirs, HiddenError("no report 'x'"))
    finally:
        request_refused.disconnect(listen)
    assert told == [429, 404]
