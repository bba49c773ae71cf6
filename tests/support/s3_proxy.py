"""A proxy before an S3 store that does to chosen requests what networks and stores do.

A *fault* is called with each :class:`Request` and says what becomes of it: ``None`` (it is passed on), or one of the
classes below. Signatures stay right, as the proxy changes no header.
"""

from __future__ import annotations

import contextlib
import http.client
import re
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

CHUNK: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Request:
    """``number`` counts from 1 those that came. ``action`` is the name that boto3's client has for it."""

    number: int
    method: str
    path: str
    headers: Any

    @property
    def key(self) -> str:
        return urlsplit(self.path).path.lstrip("/").partition("/")[2]

    @property
    def is_marker(self) -> bool:
        """Of a draft: ``.<report id>.<attempt>.part``."""
        return self.key.endswith(".part")

    @property
    def action(self) -> str:
        query = parse_qs(urlsplit(self.path).query, keep_blank_values=True)
        match self.method:
            case "PUT":
                return "upload_part" if "partNumber" in query else "put_object"
            case "POST":
                return "create_multipart_upload" if "uploads" in query else "complete_multipart_upload"
            case "DELETE":
                return "abort_multipart_upload" if "uploadId" in query else "delete_object"
            case "HEAD":
                return "head_object" if self.key else "head_bucket"
        if self.key:
            return "get_object"
        return "list_multipart_uploads" if "uploads" in query else "list_objects_v2"


@dataclass(frozen=True, slots=True)
class Answer:
    """Refused with a status and a code. ``after``: the store did it all the same, and this is what is told of it."""

    status: int
    code: str
    after: bool = False
    headers: dict[str, str] = field(default_factory=dict)


class Hang:
    """It arrives, and nothing ever comes back."""


class Reset:
    """The connection breaks in the middle of its body."""


class Corrupt:
    """A byte of the body is another one when it arrives."""


class CorruptAnswer:
    """The store tells of another checksum than that of what it was sent."""


class Slow:
    """Both bodies come in small pieces, with pauses."""


@dataclass(frozen=True, slots=True)
class Unconditional:
    """The store pays no heed to ``If-None-Match``: what is there, ``remove`` takes away first."""

    remove: Callable[[str], Any]


Fault = Callable[[Request], Any]


class Proxy:
    """Before ``upstream`` (``http://host:port``). ``fault`` may be set at any time; ``seen`` lists what came."""

    def __init__(self, upstream: str) -> None:
        self.fault: Fault = lambda request: None
        self.seen: list[Request] = []
        self._upstream = upstream.removeprefix("http://")
        self._lock = threading.Lock()
        self._released = threading.Event()
        proxy = self

        class Handler(_Handler):
            owner = proxy

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def actions(self) -> list[str]:
        """What came, by name."""
        return [request.action for request in self.seen]

    def close(self) -> None:
        self._released.set()
        self._server.shutdown()
        self._server.server_close()


@contextlib.contextmanager
def before(upstream: str) -> Iterator[Proxy]:
    """A proxy for the length of the block."""
    proxy = Proxy(upstream)
    try:
        yield proxy
    finally:
        proxy.close()


class _Handler(BaseHTTPRequestHandler):
    owner: Proxy
    protocol_version = "HTTP/1.1"

    def _handle(self) -> None:
        owner = self.owner
        with owner._lock:
            request = Request(len(owner.seen) + 1, self.command, self.path, self.headers)
            owner.seen.append(request)
            fault = owner.fault(request)
        length = int(self.headers.get("Content-Length") or 0)
        if isinstance(fault, Reset):
            self.rfile.read(length // 2)
            self._reset()
            return
        body = self.rfile.read(length)
        if isinstance(fault, Hang):
            owner._released.wait()
            self._reset()
            return
        if isinstance(fault, Answer) and not fault.after:
            self._refuse(fault)
            return
        if isinstance(fault, Unconditional) and "If-None-Match" in self.headers:
            fault.remove(request.key)
        if isinstance(fault, Corrupt) and body:
            body = bytes([body[0] ^ 1]) + body[1:]
        status, headers, answer = self._forward(body, fault)
        if isinstance(fault, Answer):
            self._refuse(fault)
            return
        if isinstance(fault, CorruptAnswer):
            headers = [
                (name, "A" * 43 + "=" if name.lower() == "x-amz-checksum-sha256" else value) for name, value in headers
            ]
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self._write(answer, fault)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _handle

    def _forward(self, body: bytes, fault: Any) -> tuple[int, list[tuple[str, str]], bytes]:
        upstream = http.client.HTTPConnection(self.owner._upstream, timeout=60)
        try:
            upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in ("expect", "connection"):
                    upstream.putheader(name, value)
            upstream.endheaders()
            for place in range(0, len(body), CHUNK):
                self._pause(fault)
                upstream.send(body[place : place + CHUNK])
            got = upstream.getresponse()
            answer = got.read()
            headers = [(name, value) for name, value in got.getheaders() if name.lower() != "transfer-encoding"]
            if "content-length" not in {name.lower() for name, _ in headers}:
                headers.append(("Content-Length", str(len(answer))))
            return got.status, headers, answer
        finally:
            upstream.close()

    def _write(self, answer: bytes, fault: Any) -> None:
        with contextlib.suppress(OSError):  # who asked may have gone away
            for place in range(0, len(answer), CHUNK):
                self._pause(fault)
                self.wfile.write(answer[place : place + CHUNK])

    def _pause(self, fault: Any) -> None:
        if isinstance(fault, Slow):
            self.owner._released.wait(0.01)

    def _refuse(self, fault: Answer) -> None:
        body = f"<Error><Code>{fault.code}</Code><Message>secret words of the store</Message></Error>".encode()
        self.send_response(fault.status)
        for name, value in fault.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self._write(body, None)

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def finish(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            super().finish()

    def log_message(self, *arguments: Any) -> None:
        return


def every(number: int, of: Fault) -> Fault:
    """``of``, for each so-manieth request; the others pass."""
    return lambda request: of(request) if request.number % number == 0 else None


class on:
    """``what`` for requests whose action matches, from the ``first`` (counted from 0) on, so many ``times``.

    ``hits``: how many met it.
    """

    def __init__(self, pattern: str, what: Any, *, first: int = 0, times: int | None = None) -> None:
        self.hits = 0
        self._pattern, self._what, self._first, self._times = pattern, what, first, times
        self._count = iter(range(1 << 30))

    def __call__(self, request: Request) -> Any:
        if not re.fullmatch(self._pattern, request.action) or request.is_marker:
            return None
        place = next(self._count)
        if self._first > place or (self._times is not None and place >= self._first + self._times):
            return None
        self.hits += 1
        return self._what
