"""What servers of the tests that stand for a platform share: answers instead of their own, and calls that came."""

from __future__ import annotations

import contextlib
import re
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, unquote, urlsplit

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


class Handler(BaseHTTPRequestHandler):
    """Routes a request to :meth:`own`, unless its server has another answer waiting for that route.

    ``routes``: (method, pattern of the path, name). ``owner`` has ``calls``, ``answers`` and ``on`` (what is done
    before and after a route) by name, and ``clock_ms``.
    """

    protocol_version = "HTTP/1.1"
    owner: Any
    routes: ClassVar[Sequence[tuple[str, str, str]]]

    def do_GET(self) -> None:
        self._answer()

    do_POST = do_GET
    do_DELETE = do_GET

    def log_message(self, *_: Any) -> None:
        """In silence."""

    def date_time_string(self, timestamp: float | None = None) -> str:
        """The server's clock, which tests may set."""
        return formatdate(self.owner.clock_ms() / 1000, usegmt=True)

    def unknown(self) -> Answer:
        """To an address that it does not have."""
        raise NotImplementedError

    def own(self, call: Call, named: dict[str, str]) -> Answer | None:
        """The server's own answer; ``None``: it was sent. ``named``: what the pattern names of the path."""
        raise NotImplementedError

    def _answer(self) -> None:
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        found = next(
            (
                (name, at)
                for verb, path, name in self.routes
                if verb == self.command and (at := re.fullmatch(path, parts.path))
            ),
            None,
        )
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        headers = {name.lower(): value for name, value in self.headers.items()}
        call = Call(found[0] if found else "", self.command, parts.path, query, headers, body)
        self.owner.calls.append(call)
        with contextlib.suppress(ConnectionError):
            if found is None:
                self.send(self.unknown())
            else:
                self._carry_out(call, {name: unquote(value) for name, value in found[1].groupdict().items()})

    def _carry_out(self, call: Call, named: dict[str, str]) -> None:
        self.owner.on.get((call.route, "before"), nothing)()
        waiting = self.owner.answers[call.route]
        instead = waiting.pop(0) if waiting else None
        if instead is not None and not instead.is_done:
            self.send(instead)
            return
        if (answer := self.own(call, named)) is not None:
            self.owner.on.get((call.route, "after"), nothing)()
            self.send(instead or answer)

    def send(self, answer: Answer) -> None:
        """Once it may be."""
        if answer.wait is not None:
            answer.wait.wait(60)
        if not answer.status:
            self.close_connection = True
            return
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.status != 204:
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)


def nothing() -> None:
    """What is done when nobody wants anything done."""
