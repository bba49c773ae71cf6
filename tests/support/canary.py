"""A listener that nobody may reach: it counts who connects, and answers each with a text that must turn up nowhere."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Final

import pytest

TEXT: Final = "canary-3b1f6c0e9d"


BODY: Final = f"<Error><Code>{TEXT}</Code><Message>{TEXT}</Message></Error>".encode()


def response(status: int, body: bytes = b"", **headers: str) -> bytes:
    """A whole HTTP answer; ``Retry_After="5"`` is the header ``Retry-After``."""
    lines = [f"HTTP/1.1 {status} {TEXT}", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


class Canary:
    """Listens on loopback. What came before :meth:`connections` was asked is counted, for certain.

    ``answer``: what a connection gets for its request, in pieces: there may be no end of them.
    """

    def __init__(
        self, answer: Callable[[bytes], Iterable[bytes]] | None = None, family: socket.AddressFamily = socket.AF_INET
    ) -> None:
        self._answer = answer or (lambda _: [response(200, BODY)])
        self._listener = socket.create_server(
            ("127.0.0.1" if family == socket.AF_INET else "::1", 0), family=family, backlog=128
        )
        self.host, self.port = self._listener.getsockname()[:2]
        self.requests: list[bytes] = []
        self._seen = 0
        self._asked = threading.Event()
        self._asker: object = None
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, peer = self._listener.accept()
            except OSError:
                return
            with connection:
                if peer == self._asker:
                    self._asked.set()
                    continue
                self._seen += 1
                connection.settimeout(5)
                with contextlib.suppress(OSError):
                    request = connection.recv(65536)
                    self.requests.append(request)
                    for piece in self._answer(request):
                        connection.sendall(piece)

    @property
    def url(self) -> str:
        """``http://host:port``."""
        return f"http://{self.host}:{self.port}" if "." in self.host else f"http://[{self.host}]:{self.port}"

    def connections(self) -> int:
        """How many there were so far: all that stood before us in the queue were accepted when we are."""
        with socket.socket(self._listener.family) as probe:
            probe.bind((self.host, 0))
            self._asker = probe.getsockname()
            self._asked.clear()
            probe.connect((self.host, self.port))
            assert self._asked.wait(30)
        return self._seen

    def close(self) -> None:
        """Listen no more."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)


@pytest.fixture
def servers() -> Iterator[Callable[..., Canary]]:
    """Makes listeners on 127.0.0.1 with answers of their own; they end with the test."""
    with contextlib.ExitStack() as stack:

        def start(answer: Callable[[bytes], Iterable[bytes]] | None = None) -> Canary:
            one = Canary(answer)
            stack.callback(one.close)
            return one

        yield start


@pytest.fixture
def canary() -> Iterator[Canary]:
    """On 127.0.0.1."""
    one = Canary()
    yield one
    one.close()
