"""What servers of the tests that stand for a platform share: answers instead of their own, and calls that came."""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import ThreadingHTTPServer
from typing import Any

import orjson


@dataclass
class Answer:
    """Sent instead of the server's own. ``is_done``: what was asked for is done all the same, its answer is not sent.

    ``wait``: only when that is set. ``status`` 0: no answer, the connection is closed.
    """

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    is_done: bool = False
    wait: threading.Event | None = None


def page(status: int = 200) -> Answer:
    """What a proxy or a sign-in page answers."""
    return Answer(status, b"<!DOCTYPE html><html><body>Sign in</body></html>", {"Content-Type": "text/html"})


def redirect(location: str, status: int = 302) -> Answer:
    """Elsewhere."""
    return Answer(status, b"", {"Location": location})


def silence(*, is_done: bool, until: threading.Event | None = None) -> Answer:
    """The connection ends without an answer: at once, or when ``until`` is set."""
    return Answer(0, is_done=is_done, wait=until)


@dataclass
class Call:
    """One request as it came."""

    route: str
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def sent(self) -> Any:
        """Its JSON."""
        return orjson.loads(self.body)


class Listening(ThreadingHTTPServer):
    """On loopback, a thread a request."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Who asked may have gone: that is no trouble of ours."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def nothing() -> None:
    """What is done when nobody wants anything done."""
