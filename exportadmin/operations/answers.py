"""Answers that are given before any view: in the shape that the caller reads, and without asking the database."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import orjson
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import resolve

from exportadmin.lib.rest import Problem
from exportadmin.lib.rest.problems import problem_json

NO_STORE: Final = {"Cache-Control": "no-store"}


def is_script(request: HttpRequest) -> bool:
    """Somebody who reads JSON: by the address, or by what it says it accepts."""
    if request.path_info.startswith("/api/") or _shape_of(request) is not None:
        return True
    accepted = request.headers.get("Accept", "")
    return "json" in accepted and "html" not in accepted


def problem(request: HttpRequest, status: int, code: str, detail: str, headers: dict[str, str]) -> HttpResponse:
    """In the shape of the address's view, which is that of another platform's API for some; else problem+json as
    :mod:`exportadmin.lib.rest` has it."""
    made = (_shape_of(request) or problem_json)(Problem(status, code, detail), request)
    kind = made.content_type or "application/json"
    headers = {**made.headers, **headers, "Content-Type": kind}
    return HttpResponse(orjson.dumps(made.data), status=made.status_code, headers=headers)


def _shape_of(request: HttpRequest) -> Callable[[Problem, Any], Any] | None:
    """How the view of the address says what is wrong; ``None``: it is a page, or there is no such address."""
    try:
        match = request.resolver_match or resolve(request.path_info)
    except Http404:
        return None
    return getattr(getattr(match.func, "cls", None), "error_response", None)
