"""A test that reaches for another machine fails, whatever the code under test does with the exception.

Covers Python's sockets. The browser and PostgreSQL's client library have their own; both are given loopback only.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator
from typing import Any

import pytest

_LOCAL_NAMES = {"localhost", "localhost.localdomain", "ip6-localhost", "testserver", "", None}
_reached: list[str] = []


class OutboundConnection(RuntimeError):
    """Not an :class:`OSError`: code that retries network errors must not swallow it."""


def _is_loopback(host: Any) -> bool:
    if isinstance(host, bytes):
        host = host.decode("ascii", "replace")
    if host in _LOCAL_NAMES:
        return True
    try:
        return ipaddress.ip_address(str(host).split("%")[0]).is_loopback
    except ValueError:
        return False


def _refuse(what: str) -> None:
    _reached.append(what)
    raise OutboundConnection(f"a test reached for the network: {what}")


def _guarded_socket_call(original: Any) -> Any:
    def call(self: socket.socket, *arguments: Any) -> Any:
        address = arguments[-1]
        if self.family in (socket.AF_INET, socket.AF_INET6) and not _is_loopback(address[0]):
            _refuse(f"{address[0]}:{address[1]}")
        return original(self, *arguments)

    return call


def _guarded_lookup(original: Any) -> Any:
    def getaddrinfo(host: Any, *arguments: Any, **named: Any) -> Any:
        name = host.decode("ascii", "replace") if isinstance(host, bytes) else host
        if name not in _LOCAL_NAMES and not _is_address(str(name)):
            _refuse(f"name {name}")
        return original(host, *arguments, **named)

    return getaddrinfo


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.split("%")[0])
    except ValueError:
        return False
    return True


@pytest.fixture(scope="session", autouse=True)
def _loopback_only() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for verb in ("connect", "connect_ex", "sendto"):
            patch.setattr(socket.socket, verb, _guarded_socket_call(getattr(socket.socket, verb)))
        patch.setattr(socket, "getaddrinfo", _guarded_lookup(socket.getaddrinfo))
        yield


@pytest.fixture(autouse=True)
def _no_other_machine_was_reached() -> Iterator[None]:
    _reached.clear()
    yield
    if _reached:
        pytest.fail(f"the test reached for the network: {', '.join(_reached)}", pytrace=False)


@pytest.fixture
def reached_network() -> list[str]:
    """What the guard refused in this test so far; a test that means it clears the list."""
    return _reached
