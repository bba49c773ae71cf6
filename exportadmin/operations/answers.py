"""Answers that are given before any view: in the shape that the caller reads, and without asking the database."""

from __future__ import annotations

from typing import Final

import orjson
from django.http import HttpRequest, HttpResponse

from exportadmin.lib.rest import TITLES

NO_STORE: Final = {"Cache-Control": "no-store"}


def is_script(request: HttpRequest) -> bool:
    """Somebody who reads JSON: by the address, or by what it says it accepts."""
    if request.path_info.startswith("/api/"):
        return True
    accepted = request.headers.get("Accept", "")
    return "json" in accepted and "html" not in accepted


def problem(request: HttpRequest, status: int, code: str, detail: str, headers: dict[str, str]) -> HttpResponse:
    """problem+json in the shape of :mod:`exportadmin.lib.rest`."""
    body = {"type": "about:blank", "title": TITLES[status], "status": status, "code": code, "detail": detail}
    if request_id := getattr(request, "request_id", ""):
        body["request_id"] = request_id
    content = orjson.dumps(body)
    return HttpResponse(content, status=status, content_type="application/problem+json", headers=headers)
