"""How long a body may be, asked before its first byte is read.

Looking for the CSRF token reads a form, so that the check stands before it: whoever sends 600 MB to the sign-in page is
told so, and nothing of it is read. A file is taken by the views that say so, from people who have signed in and from
scripts with a key (which is looked at before the body, too).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import orjson
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render

from exportadmin.lib.rest import Problem, RestView
from exportadmin.lib.uploads import view_takes_files
from exportadmin.operations.answers import NO_STORE, is_script, problem

# of the form around a file: names, types, a token
AROUND_FILE: Final = 65_536


class BodyLimitsMiddleware:
    """Stands before whatever reads a body. 411 or 413."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Pass the request on. A server reads all of the answer to HEAD, to drop it."""
        response = self.get_response(request)
        if request.method == "HEAD" and isinstance(response, StreamingHttpResponse):
            response.streaming_content = ()
        return response

    def process_view(self, request: HttpRequest, view: Any, *_: Any) -> HttpResponse | None:
        """``None``: the body may be read."""
        limit: int = settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 2_621_440
        stranger = False
        if view_takes_files(view):
            stranger = not (
                request.headers.get("Authorization") or _bytes(request) <= limit or request.user.is_authenticated
            )
            limit = limit if stranger else settings.IMPORT_MAX_BYTES + AROUND_FILE
        if request.headers.get("Transfer-Encoding"):
            detail = "say how long the body is: Content-Length is missing"
            return _refused(request, view, 411, "length_required", detail)
        if _bytes(request) <= limit:
            return None
        whose = " of somebody who has not signed in" if stranger else ""
        detail = f"the body has {_bytes(request):,} bytes; {limit:,}{whose} are read here"
        return _refused(request, view, 413, "too_large", detail)


def _bytes(request: HttpRequest) -> int:
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return 0


def _refused(request: HttpRequest, view: Any, status: int, code: str, detail: str) -> HttpResponse:
    """In the shape of the view's errors, where it is one of REST; else as the caller reads it."""
    if (rest := getattr(view, "cls", None)) is not None and issubclass(rest, RestView):
        shaped = rest.error_response(Problem(status, code, detail), request)
        kind = shaped.content_type or "application/json"
        headers = {**shaped.headers, **NO_STORE, "Content-Type": kind}
        return HttpResponse(orjson.dumps(shaped.data), status=shaped.status_code, headers=headers)
    if is_script(request):
        return problem(request, status, code, detail, NO_STORE)
    context = {"status": status, "heading": "This is not read", "message": detail}
    answer = render(request, "refused.html", context, status=status)
    answer["Cache-Control"] = NO_STORE["Cache-Control"]
    return answer
