"""What the tests of downloads and links share: plain sockets, and waiting for the end of a download."""

from __future__ import annotations

import hashlib
import http.client
import socket
import threading
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from exportadmin.audit.models import AuditEntry
from exportadmin.lib.actor import USER, Actor
from exports.links import downloads, tokens
from exports.models import Artifact, Download, Link

# more than the buffers of both ends of a connection hold: a client that stops reading stops the server
BIG = 24 << 20


def actor(user: Any, channel: str = "web") -> Actor:
    return Actor(USER, user.username, channel, user_id=user.pk)


def issue(artifact: Artifact, user: Any, **more: Any) -> tuple[Link, str]:
    given = {"seconds": 3600, "one_time": False, "for_user": None, **more}
    return tokens.issue(artifact, actor=actor(user), **given)


def file_path(token: str) -> str:
    return f"/exports/l/{token}/file"


class Connection:
    """One HTTP connection that reads no more than it is told to."""

    def __init__(self, base: str) -> None:
        address = urlsplit(base)
        assert address.hostname
        self.http = http.client.HTTPConnection(address.hostname, address.port, timeout=60)
        self.http.sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.http.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        self.http.sock.settimeout(60)
        self.http.sock.connect((address.hostname, address.port))

    def ask(self, path: str, method: str = "GET", **headers: str) -> http.client.HTTPResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.http.request(method, path, headers={"Connection": "close", **named})
        self.answer = self.http.getresponse()
        return self.answer

    def break_off(self) -> None:
        """Close with bytes unread: the other side gets a reset."""
        self.answer.close()
        self.http.close()


@contextmanager
def asking(base: str, path: str, method: str = "GET", **headers: str):
    connection = Connection(base)
    try:
        yield connection.ask(path, method, **headers)
    finally:
        connection.http.close()


def fetch(base: str, path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
    with asking(base, path, method, **headers) as answer:
        return answer.status, dict(answer.getheaders()), answer.read()


class Endings:
    """Lets a test wait until the server has written down the end of a download."""

    def __init__(self, monkeypatch: Any) -> None:
        self._ended = threading.Semaphore(0)
        real = downloads.Body.close

        def close(body: downloads.Body) -> None:
            real(body)
            self._ended.release()

        monkeypatch.setattr(downloads.Body, "close", close)

    def wait(self) -> Download:
        assert self._ended.acquire(timeout=60), "the download did not end"
        return Download.objects.latest("pk")


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def trail(event: str) -> list[AuditEntry]:
    return list(AuditEntry.objects.filter(event=event).order_by("sequence"))
