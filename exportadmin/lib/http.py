"""The one way out: every HTTP request that leaves this installation goes through a :class:`Guard`.

The guard checks each address that a name resolves to, connects to that very address and looks once more at whom the
socket is connected to, so a name that answers twice differently gains nothing. TLS is verified against the name.
:func:`session` gives a ``requests`` session through it; :mod:`exportadmin.lib.boto` puts the same guard under boto3.
Proxies from the environment are not used: behind one, nobody could tell what is being connected to.

Errors are :class:`TransientError` or :class:`PermanentError`. They name scheme, host and port of the other side; never
a path or query, in which secrets may stand, and nothing that it answered but the status.
"""

from __future__ import annotations

import contextlib
import ipaddress
import random
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from http.client import HTTPException
from http.cookiejar import DefaultCookiePolicy
from itertools import count
from time import monotonic, sleep
from typing import Any, ClassVar, Final
from urllib.parse import urljoin

import requests
from django.conf import settings
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, HTTPError, InvalidHeader, NameResolutionError, NewConnectionError
from urllib3.response import BaseHTTPResponse
from urllib3.util.retry import Retry

from exportadmin.lib import formatting
from exportadmin.lib.addresses import (
    ForbiddenAddressError,
    HostPort,
    Reach,
    check_host,
    check_url,
    parse_private_address,
    reach,
)
from exportadmin.lib.errors import PermanentError, TransientError

CONNECT_SECONDS: Final = 10.0
READ_SECONDS: Final = 60.0  # the longest silence
WHOLE_SECONDS: Final = 120.0  # a request with all its attempts, until the last byte of the answer
MAX_BODY: Final = 16 * 1024 * 1024
MAX_REFUSAL: Final = 64 * 1024  # what is kept of the body of a refusal, for whoever reads the platform's own code in it
MAX_REDIRECTS: Final = 5
ATTEMPTS: Final = 4
_CHUNK: Final = 64 * 1024
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 8.0  # seconds
LONGEST_RETRY_AFTER: Final = 3600.0  # whoever says more is looked at again in between
_TRANSIENT_STATUSES: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_end: ContextVar[float | None] = ContextVar("end of all requests", default=None)
_CREDENTIAL_HEADERS: Final = ("Authorization", "Cookie", "Proxy-Authorization")


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
        is_late = threading.Event()
        timer = threading.Timer(seconds + 1, _cut_off, (self.sock, is_late))
        timer.daemon = True
        timer.start()
        try:
            response = super().getresponse()  # type: ignore[misc]
        except (OSError, HTTPException):
            if is_late.is_set():
                raise TimeoutError("the head of the answer") from None
            raise
        finally:
            timer.cancel()
        if is_late.is_set():  # a head that ends early passes for a whole one
            raise TimeoutError("the head of the answer")
        return response


def _cut_off(connection: socket.socket | None, is_late: threading.Event) -> None:
    is_late.set()
    if connection is not None:
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
        """The body in pieces. Raises :class:`TooLargeError`, ``TransientError`` (too slow, broken off)."""
        read = 0
        while chunk := self._read(min(amt or _CHUNK, _CHUNK), decode_content):
            read += len(chunk)
            if read > self._max_bytes:
                self.close()
                raise TooLargeError(f"{self._place} answered with more than {self._max_bytes:,} bytes")
            if self._clock() > self._deadline:
                self.close()
                raise TransientError(f"{self._place} did not end its answer in time")
            yield chunk

    def _read(self, size: int, decode_content: bool | None) -> bytes:
        try:
            return self._raw.read1(size, decode_content=decode_content)
        except (HTTPError, OSError):
            self.close()
            raise TransientError(f"{self._place} broke off its answer") from None

    def close(self) -> None:
        """Let go of it and of the connection."""
        self._raw.close()

    def release_conn(self) -> None:
        """The connection may serve another request."""
        self._raw.release_conn()


class NotSentError(TransientError):
    """No connection came about: the other side knows nothing of the request. Any other trouble may follow one that
    was received."""


class TooLargeError(PermanentError):
    """The answer has more bytes than are taken; what it answers may have been done."""


class TransientStatusError(TransientError):
    """The other side answered with a ``status`` that may be another one later.

    ``body``: what it said, as far as that was to be kept (``refusal_bytes``); it is in no message.
    """

    def __init__(self, message: str, status: int, retry_after: float | None, body: bytes = b"") -> None:
        super().__init__(message, retry_after=retry_after)
        self.status = status
        self.body = body


class PermanentStatusError(PermanentError):
    """The other side answered with a ``status`` that will stay. ``body`` as in :class:`TransientStatusError`."""

    def __init__(self, message: str, status: int, body: bytes = b"") -> None:
        super().__init__(message)
        self.status = status
        self.body = body


Origin = tuple[str, str, int]


def origin(url: str) -> Origin:
    """Scheme, host, port. Raises :class:`ForbiddenAddressError`."""
    parts = check_url(url)
    return parts.scheme, parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def _place(url: str) -> str:
    parts = check_url(url)
    return f"{parts.scheme}://{parts.netloc}"


class _GuardedAdapter(HTTPAdapter):
    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **named: Any) -> None:
        super().init_poolmanager(*arguments, **named)
        self.poolmanager.pool_classes_by_scheme = {
            "http": guarded_pool(HTTPConnectionPool, self._guard),
            "https": guarded_pool(HTTPSConnectionPool, self._guard),
        }

    def proxy_manager_for(self, proxy: str, **_: Any) -> Any:
        raise ForbiddenAddressError("proxies are not used")


class OutboundSession(requests.Session):
    """See :func:`session`."""

    def __init__(
        self,
        guard: Guard,
        own_url: str,
        *,
        credentials: Mapping[str, str] | None = None,
        attempts: int = ATTEMPTS,
        pause: Callable[[float], None] = sleep,
    ) -> None:
        super().__init__()
        self.trust_env = False  # no proxy, no .netrc
        self.verify = guard.ca_bundle or True
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self.headers["User-Agent"] = "exportadmin"
        for scheme in ("http://", "https://"):
            self.mount(scheme, _GuardedAdapter(guard))
        self._own = origin(own_url)
        self._credentials = dict(credentials or {})
        self._attempts = attempts
        self._pause = pause

    def request(  # type: ignore[override]
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, Any] | None = None,
        data: Any = None,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        allow_redirects: bool = True,
        stream: bool = False,
        max_bytes: int = MAX_BODY,
        refusal_bytes: int = 0,
        whole_seconds: float = WHOLE_SECONDS,
        read_seconds: float = READ_SECONDS,
    ) -> requests.Response:
        """The answer, whose status is 2xx, with its body: in memory, or to be iterated over (``stream``, then closed).

        ``form`` is sent as ``multipart/form-data``. ``refusal_bytes``: how much is kept of what a refusal says.
        ``read_seconds``: the longest silence.
        Raises :class:`NotSentError`, ``TransientError`` (a ``TransientStatusError`` has the status), ``PermanentError``
        (likewise).
        """
        place = _place(url)
        try:
            made = self.prepare_request(
                requests.Request(
                    method.upper(),
                    url,
                    params=params,
                    data=data,
                    json=json,
                    files={name: (None, value) for name, value in form.items()} if form else None,
                    headers=dict(headers or {}),
                )
            )
        except (requests.RequestException, ValueError) as error:
            raise PermanentError(f"no request to {place} can be made of that: {type(error).__name__}") from None
        deadline = monotonic() + whole_seconds
        if (end := _end.get()) is not None:
            deadline = min(deadline, end)
        for attempt in count(1):
            try:
                response = self._follow(
                    made,
                    deadline,
                    max_bytes,
                    read_seconds=read_seconds,
                    refusal_bytes=refusal_bytes,
                    allow_redirects=allow_redirects,
                )
                if not stream:
                    response.content  # noqa: B018 - it is read now, within the deadline
            except TransientError as error:
                pause = max(error.retry_after or 0, _pause_after(attempt))
                is_last = attempt >= self._attempts or monotonic() + pause > deadline
                if is_last or made.method not in Retry.DEFAULT_ALLOWED_METHODS:
                    raise
                self._pause(pause)
            else:
                return response
        raise AssertionError("count() ends never")

    def _follow(
        self,
        made: requests.PreparedRequest,
        deadline: float,
        max_bytes: int,
        *,
        read_seconds: float,
        refusal_bytes: int,
        allow_redirects: bool,
    ) -> requests.Response:
        """Send it, then what it is redirected to; each of them is checked."""
        request = made.copy()
        if origin(str(request.url)) == self._own:
            request.headers.update(self._credentials)
        else:
            self._strip(request)
        for _ in range(MAX_REDIRECTS + 1):
            place = _place(str(request.url))
            response = self._send(request, place, deadline, max_bytes, read_seconds)
            target = self.get_redirect_target(response)
            if target is None or not allow_redirects:
                return _accepted(response, place, refusal_bytes)
            response.close()
            if request.method not in ("GET", "HEAD"):
                raise PermanentError(f"{place} redirects a {request.method} elsewhere: is its address right?")
            request = self._redirected(request, urljoin(str(request.url), target), place)
        raise PermanentError(f"{_place(str(made.url))} redirects more than {MAX_REDIRECTS} times")

    def _redirected(self, request: requests.PreparedRequest, target: str, place: str) -> requests.PreparedRequest:
        before = origin(str(request.url))
        try:
            after = origin(target)
        except ForbiddenAddressError as error:
            raise ForbiddenAddressError(f"{place} redirects to where nobody may go: {error}") from None
        if before[0] == "https" and after[0] != "https":
            raise ForbiddenAddressError(f"{place} redirects to an address without encryption")
        request = request.copy()
        request.prepare_url(target, None)
        if after != self._own:
            self._strip(request)  # and they do not come back if the way leads home again
        return request

    def _strip(self, request: requests.PreparedRequest) -> None:
        for name in (*_CREDENTIAL_HEADERS, *self._credentials):
            request.headers.pop(name, None)

    def _send(
        self, request: requests.PreparedRequest, place: str, deadline: float, max_bytes: int, read_seconds: float
    ) -> requests.Response:
        remaining = deadline - monotonic()
        if remaining <= 0:
            raise TransientError(f"{place} did not answer in time")
        timeout = (min(CONNECT_SECONDS, remaining), min(read_seconds, remaining))
        try:
            response = self.send(request, stream=True, timeout=timeout, allow_redirects=False, proxies={})
        except (requests.RequestException, HTTPError, OSError) as error:
            raise _in_words(error, place) from None
        body: Any = LimitedBody(response.raw, place, max_bytes=max_bytes, deadline=deadline)
        response.raw = body
        return response


@contextlib.contextmanager
def end_within(seconds: float) -> Iterator[None]:
    """All requests that are made within have so many seconds together: for a page that a person waits for."""
    token = _end.set(monotonic() + seconds)
    try:
        yield
    finally:
        _end.reset(token)


def session(
    guard: Guard, own_url: str, credentials: Mapping[str, str] | None = None, *, attempts: int = ATTEMPTS
) -> OutboundSession:
    """A ``requests`` session whose every connection ``guard`` opens.

    ``credentials`` are headers that go to the scheme, host and port of ``own_url`` and nowhere else. Answers have an
    end in time and size; GET and its like are tried again when that may help, as ``Retry-After`` says; redirects are
    followed for GET and HEAD, a few, each checked. Cookies are not kept. ``attempts=1``: for who tries again himself.
    """
    return OutboundSession(guard, own_url, credentials=credentials, attempts=attempts)


def _pause_after(attempt: int) -> float:
    longest = min(_FIRST_PAUSE * 2.0 ** (attempt - 1), _LONGEST_PAUSE)
    return random.uniform(longest / 2, longest)  # noqa: S311 - no secret


def _accepted(response: requests.Response, place: str, refusal_bytes: int) -> requests.Response:
    status = response.status_code
    if 200 <= status < 300:
        return response
    body = _beginning(response, refusal_bytes)
    told = f"{place} answered {formatting.status(status)}"
    if status in _TRANSIENT_STATUSES:
        raise TransientStatusError(told, status, retry_after(response.headers.get("Retry-After")), body)
    if status in (401, 403):
        raise PermanentStatusError(f"{told}: the credentials are wrong or not enough", status, body)
    raise PermanentStatusError(told, status, body)


def _beginning(response: requests.Response, size: int) -> bytes:
    """As much of the body, as far as it comes; and the answer is closed."""
    body = b""
    with contextlib.closing(response), contextlib.suppress(TransientError, PermanentError, requests.RequestException):
        while len(body) < size and (piece := next(response.iter_content(size), b"")):
            body += piece
    return body[:size]


def retry_after(value: object) -> float | None:
    """What a header ``Retry-After`` asks for, in seconds from now, :data:`LONGEST_RETRY_AFTER` at most; ``None``: it is
    not there, or says nothing that can be read.
    """
    if not isinstance(value, str):
        return None
    digits = value.strip()
    if digits.isascii() and digits.isdecimal():  # of any length: beyond what Python reads as a number, too
        short = digits.lstrip("0") or "0"
        return min(float(short), LONGEST_RETRY_AFTER) if len(short) < 10 else LONGEST_RETRY_AFTER
    try:
        return min(float(Retry(0).parse_retry_after(value)), LONGEST_RETRY_AFTER)
    except (InvalidHeader, ValueError, OverflowError):
        return None


def _in_words(error: BaseException, place: str) -> TransientError | PermanentError:
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return PermanentError(f"the certificate of {place} is not trusted: {cause.verify_message}")
        if isinstance(cause, socket.gaierror):
            if cause.errno == socket.EAI_AGAIN:
                return NotSentError(f"no name server says where {place} is")
            return PermanentError(f"there is no host of the name in {place}")
    if any(isinstance(cause, ConnectTimeoutError | NewConnectionError) for cause in causes):
        return NotSentError(f"no connection to {place}")
    if isinstance(error, requests.Timeout):
        return TransientError(f"{place} did not answer in time")
    if isinstance(error, requests.exceptions.SSLError):
        return TransientError(f"no encrypted connection to {place} came about")
    if isinstance(error, requests.ConnectionError | HTTPError | OSError) and not isinstance(error, ValueError):
        return TransientError(f"the connection to {place} broke off")
    return PermanentError(f"no request to {place} can be made of that: {type(error).__name__}")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error, what it was raised from, and what urllib3 and requests hold in their arguments, innermost last."""
    pending, seen = [error], set[int]()
    while pending:
        one = pending.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        inner = (one.__cause__, one.__context__, getattr(one, "reason", None), *one.args)
        pending.extend(each for each in inner if isinstance(each, BaseException))
