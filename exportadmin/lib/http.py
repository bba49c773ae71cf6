"""The one way out: every HTTP request that leaves this installation goes through a :class:`Guard`.

The guard checks each address that a name resolves to, connects to that very address and looks once more at whom the
socket is connected to, so a name that answers twice differently gains nothing. TLS is verified against the name.
:mod:`exportadmin.lib.boto` puts the same guard under boto3. Proxies from the environment are not used: behind one,
nobody could tell what is being connected to.
"""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from time import monotonic
from typing import Any, ClassVar, Final

from django.conf import settings
from urllib3 import HTTPConnectionPool
from urllib3.connection import HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.response import BaseHTTPResponse

from exportadmin.lib.addresses import ForbiddenAddressError, HostPort, Reach, check_host, parse_private_address, reach
from exportadmin.lib.errors import PermanentError, TransientError

CONNECT_SECONDS: Final = 10.0
READ_SECONDS: Final = 60.0  # the longest silence
WHOLE_SECONDS: Final = 120.0  # one answer that is kept in memory, from the first byte to the last
MAX_BODY: Final = 16 * 1024 * 1024
_CHUNK: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Guard:
    """Which hosts may be reached. ``private``: the private ones among them.

    ``allow_http``: also public hosts without TLS (private ones may always be reached so). ``ca_bundle``: a file of
    certificates that are trusted, instead of the usual ones.
    """

    private: tuple[HostPort, ...] = ()
    allow_http: bool = False
    ca_bundle: str | None = None

    def resolve(self, host: str, port: int, *, has_tls: bool) -> list[tuple[socket.AddressFamily, Any]]:
        """The socket addresses behind ``host``, each of them checked.

        Raises :class:`ForbiddenAddressError` when one of them may not be reached, ``socket.gaierror``.
        """
        name = check_host(host.strip("[]"))
        found: list[tuple[socket.AddressFamily, Any]] = [
            (family, socket_address)
            for family, _, _, _, socket_address in socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
            if family in (socket.AF_INET, socket.AF_INET6)
        ]
        for _, socket_address in found:
            self.check(name, port, str(socket_address[0]), has_tls=has_tls)
        return found

    def check(self, host: str, port: int, address: str, *, has_tls: bool) -> None:
        """May ``address``, which ``host`` led to, be reached at ``port``? Raises :class:`ForbiddenAddressError`."""
        parsed = ipaddress.ip_address(address)
        kind, words = reach(parsed)
        leads = f"{host} is" if str(parsed) == host else f"{host} leads to"
        if kind is Reach.NEVER:
            raise ForbiddenAddressError(f"{leads} {words}, which is never connected to")
        if kind is Reach.PERMITTED and not any(one.permits(host, port, parsed) for one in self.private):
            raise ForbiddenAddressError(
                f"{leads} {words}: a superuser can permit {HostPort(host, port)} for this connection, if that is meant"
            )
        if kind is Reach.PUBLIC and not has_tls and not self.allow_http:
            raise ForbiddenAddressError(
                f"{host} would be reached without encryption: use https:// (EXPORTADMIN_OUTBOUND_HTTP=yes permits http)"
            )

    def connect(
        self,
        host: str,
        port: int,
        *,
        has_tls: bool,
        timeout: float | None = CONNECT_SECONDS,
        options: Any = (),
    ) -> socket.socket:
        """A connected TCP socket to one of the checked addresses.

        Raises :class:`ForbiddenAddressError`, ``socket.gaierror``, ``OSError``.
        """
        last_error: OSError | None = None
        for family, socket_address in self.resolve(host, port, has_tls=has_tls):
            connection = socket.socket(family, socket.SOCK_STREAM)
            try:
                for option in options or ():
                    connection.setsockopt(*option)
                connection.settimeout(timeout)
                connection.connect(socket_address)
                self.check(host.strip("[]").lower(), port, str(connection.getpeername()[0]), has_tls=has_tls)
            except OSError as error:
                connection.close()
                last_error = error
            except BaseException:
                connection.close()
                raise
            else:
                return connection
        raise last_error or socket.gaierror(socket.EAI_NONAME, "no address")


def guard_for(private_address: str = "") -> Guard:
    """The guard of this installation's settings, with a connection's permission (``host:port``; empty: none)."""
    return Guard(
        private=(parse_private_address(private_address),) if private_address else (),
        allow_http=settings.OUTBOUND_HTTP,
        ca_bundle=settings.OUTBOUND_CA_BUNDLE or None,
    )


class _GuardedConnection:
    """Before urllib3's connection classes: whom they connect to says the guard, and an answer's head has an end."""

    guard: ClassVar[Guard]
    host: str
    port: int
    timeout: Any
    sock: socket.socket | None
    socket_options: Any
    _dns_host: str

    def _new_conn(self) -> socket.socket:
        connection: Any = self
        has_tls = isinstance(self, HTTPSConnection)
        try:
            return self.guard.connect(
                self._dns_host, self.port, has_tls=has_tls, timeout=self.timeout, options=self.socket_options
            )
        except socket.gaierror as error:
            raise NameResolutionError(self.host, connection, error) from error
        except TimeoutError as error:
            raise ConnectTimeoutError(connection, f"no connection to {self.host} in {self.timeout} s") from error
        except OSError as error:
            raise NewConnectionError(connection, f"no connection to {self.host}: {error.strerror}") from error

    def getresponse(self) -> Any:
        """As urllib3 does, but who sends the head byte by byte is cut off: a socket's timeout begins anew at each."""
        seconds = self.timeout if isinstance(self.timeout, int | float) else READ_SECONDS
        timer = threading.Timer(seconds + 1, _shut_down, (self.sock,))
        timer.daemon = True
        timer.start()
        try:
            return super().getresponse()  # type: ignore[misc]
        finally:
            timer.cancel()


def _shut_down(connection: socket.socket | None) -> None:
    if connection is None:
        return
    with contextlib.suppress(OSError):
        # not the TLS socket's own method, which would take its state away under the reading thread
        socket.socket.shutdown(connection, socket.SHUT_RDWR)


def guarded_pool(pool_class: type[HTTPConnectionPool], guard: Guard) -> type[HTTPConnectionPool]:
    """``pool_class``, of urllib3 or derived from it, whose connections ``guard`` opens."""
    base: Any = pool_class.ConnectionCls
    connection = type(f"Guarded{base.__name__}", (_GuardedConnection, base), {"guard": guard})
    return type(f"Guarded{pool_class.__name__}", (pool_class,), {"ConnectionCls": connection})


class LimitedBody:
    """An answer's body that has an end: so many bytes, so many seconds. Stands where ``requests`` and botocore have
    urllib3's response. ``place`` names the other side in errors."""

    def __init__(
        self,
        raw: BaseHTTPResponse,
        place: str,
        *,
        max_bytes: int,
        deadline: float,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._raw = raw
        self._place = place
        self._max_bytes = max_bytes
        self._deadline = deadline
        self._clock = clock

    def stream(self, amt: int | None = _CHUNK, decode_content: bool | None = None) -> Iterator[bytes]:
        """The body in pieces. Raises ``PermanentError`` (too large), ``TransientError`` (too slow), urllib3's."""
        read = 0
        size = min(amt or _CHUNK, _CHUNK)
        while chunk := self._raw.read1(size, decode_content=decode_content):
            read += len(chunk)
            if read > self._max_bytes:
                self.close()
                raise PermanentError(f"{self._place} answered with more than {self._max_bytes:,} bytes")
            if self._clock() > self._deadline:
                self.close()
                raise TransientError(f"{self._place} did not end its answer in time")
            yield chunk

    def close(self) -> None:
        """Let go of it and of the connection."""
        self._raw.close()

    def release_conn(self) -> None:
        """The connection may serve another request."""
        self._raw.release_conn()
