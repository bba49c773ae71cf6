"""gunicorn's threads, and nobody who is slow in one of them.

gunicorn's `gthread` gives a connection a thread from its first byte on: eight clients that send half a header, half a
form, or read slowly, stop the whole product. Here a thread works on requests that are there, and on nothing else:

* The event loop gathers a request, header and body, and hands it on when it is whole. Whoever takes too long, or sends
  too much, is answered 408 or 431 and let go. A body of more than ``GATHERED_BYTES`` (a file that is imported) or of
  unknown length is read by one of a few threads of its own, at no less than ``LEAST_RATE``.
* An answer that says of itself that it may take long (``may_take_long``: a download) is sent by a thread of its own, so
  that the one that made it is free. A client that takes no byte for ``IDLE_SECONDS`` is let go.
* ``/healthz`` and ``/readyz`` have a thread of their own.
* A connection is closed by the event loop, without waiting.

No TLS and no HTTP/2 here: a proxy does that.
"""

from __future__ import annotations

import contextlib
import contextvars
import errno
import logging
import re
import selectors
import socket
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from functools import partial
from typing import Any, Final

import orjson
from django.db import connections
from gunicorn import http
from gunicorn.http import wsgi
from gunicorn.http.unreader import SocketUnreader
from gunicorn.workers.gthread import STOP_KEEPALIVE_LINGER, TConn, ThreadWorker

from exportadmin.lib import env
from exportadmin.lib.header_names import may_pass
from exportadmin.lib.masking import scrub_text

log = logging.getLogger(__name__)

# of an answer: a thread of its own sends it
MAY_TAKE_LONG: Final = "may_take_long"

# from the first byte to the end of the header, and from then on to the end of a body that is gathered
HEADER_SECONDS: Final = env.number("WEB_REQUEST_SECONDS", 15, at_least=1)
BODY_SECONDS: Final = 2 * HEADER_SECONDS
# without a byte that comes or goes
IDLE_SECONDS: Final = 30.0
# bytes a second of a body that is read by a thread, over all of it, after the first IDLE_SECONDS
LEAST_RATE: Final = 1024
# a whole header; gunicorn's own limits (4,094 bytes for the first line, 8,190 for a field) come on top
HEADER_BYTES: Final = 65_536
# a body that is gathered: forms and JSON
GATHERED_BYTES: Final = 262_144
# all that is being gathered in this process
GATHERED_IN_ALL: Final = 64 * 2**20
UPLOADS_AT_ONCE: Final = 4
# how long a connection that was answered may still send, so that the answer is not lost to a reset
LINGER_SECONDS: Final = 2.0

_END_OF_HEADER: Final = b"\r\n\r\n"
_PROBE: Final = re.compile(rb"(?:GET|HEAD) /(?:healthz|readyz)[ ?]")
_LENGTH: Final = re.compile(rb"^content-length[ \t]*:[ \t]*([0-9]{1,18})[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
# the end of the body is found by reading it, or a thread has to say "go on" first
_READ_BY_THREAD: Final = re.compile(rb"^(?:transfer-encoding|expect)[ \t]*:", re.IGNORECASE | re.MULTILINE)
_SENDS_LATER: Final = object()
_GONE: Final = (errno.EPIPE, errno.ECONNRESET, errno.ENOTCONN)


def _refusal(status: str, text: str) -> bytes:
    """An answer that no view gave, in the shape of those that one does (problem+json)."""
    number, _, title = status.partition(" ")
    problem = {"type": "about:blank", "title": title, "status": int(number), "code": "not_read", "detail": text}
    body = orjson.dumps(problem)
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/problem+json\r\nContent-Length: {len(body)}\r\n"
    return f"{head}Connection: close\r\nCache-Control: no-store\r\n\r\n".encode() + body


class _Kept:
    """Takes gunicorn's own answer in the client's place."""

    def __init__(self) -> None:
        self.answer = b""

    def gettimeout(self) -> float:
        return 0.0

    def sendall(self, data: bytes) -> None:
        self.answer += data


_TOO_SLOW: Final = _refusal("408 Request Timeout", "The request did not arrive in time.")
_TOO_LONG: Final = _refusal("431 Request Header Fields Too Large", f"A header has at most {HEADER_BYTES:,} bytes.")
_BUSY: Final = _refusal("503 Service Unavailable", "Too many requests are arriving at once. Try again in a moment.")


class ClientSocket(socket.socket):
    """A socket whose "blocking" means: for at most ``IDLE_SECONDS``. Whoever is slower counts as gone."""

    def setblocking(self, flag: bool) -> None:
        """As gunicorn calls it."""
        self.settimeout(IDLE_SECONDS if flag else 0.0)

    def recv(self, *args: Any) -> bytes:
        """Raises ``ConnectionResetError`` after the time."""
        with _slow_is_gone():
            return super().recv(*args)

    def sendall(self, *args: Any) -> None:
        """One chunk; raises ``ConnectionResetError`` after the time."""
        with _slow_is_gone():
            super().sendall(*args)


@contextlib.contextmanager
def _slow_is_gone() -> Any:
    try:
        yield
    except TimeoutError:
        raise ConnectionResetError(errno.ECONNRESET, "the client was silent for too long") from None


class PacedReader(SocketUnreader):  # type: ignore[misc]  # gunicorn has no types
    """Reads a large body for a thread, and gives up one that comes drop by drop."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(sock)
        self.start_again()

    def start_again(self) -> None:
        """With a new request."""
        self._since = time.monotonic()
        self._bytes = 0

    def chunk(self, size_hint: int | None = None) -> bytes:
        """Raises ``ConnectionResetError``."""
        data: bytes = super().chunk(size_hint)
        self._bytes += len(data)
        seconds = time.monotonic() - self._since
        if seconds > IDLE_SECONDS and self._bytes < LEAST_RATE * (seconds - IDLE_SECONDS):
            raise ConnectionResetError(errno.ECONNRESET, "the body comes too slowly")
        return data


class Connection(TConn):  # type: ignore[misc]
    """A client. ``gathered``: what it has sent of its next request."""

    def __init__(self, cfg: Any, sock: socket.socket, client: Any, server: Any) -> None:
        super().__init__(cfg, sock, client, server)
        self.gathered = bytearray()
        self.header_end = -1
        self.whole_at = 0
        self.deadline = 0.0
        self.pool: ThreadPoolExecutor | None = None
        self.request: Any = None
        self.send: Callable[[], bool] = bool

    def begin(self, early: bytes, deadline: float) -> None:
        """A new request is expected."""
        self.gathered = bytearray(early)
        self.header_end, self.whole_at, self.deadline = -1, 0, deadline


class WebWorker(ThreadWorker):  # type: ignore[misc]
    """The class for gunicorn's setting ``worker_class``."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.alive: bool
        # by file descriptor, oldest first
        self.gathering: dict[int, Connection] = {}
        self.lingering: dict[int, Connection] = {}
        self.gathered_bytes = 0

    def init_process(self) -> None:
        """In the process of its own."""
        self.probes = ThreadPoolExecutor(1, "probe")
        self.uploads = ThreadPoolExecutor(UPLOADS_AT_ONCE, "upload")
        self.senders = ThreadPoolExecutor(env.number("WEB_DOWNLOADS", 200, at_least=1), "sender")
        super().init_process()

    # --- requests come in ---------------------------------------------------------------------------------------------

    def accept(self, listener: socket.socket) -> None:
        """A new connection: it is gathered, not worked on."""
        try:
            plain, address = listener.accept()
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):
                self._make_room()
            elif error.errno not in (errno.EAGAIN, errno.ECONNABORTED, errno.EWOULDBLOCK):
                raise
            return
        if self.nr_conns >= self.worker_connections - self.cfg.threads:
            self._make_room()
        client = ClientSocket(plain.family, plain.type, plain.proto, fileno=plain.detach())
        self.nr_conns += 1
        self._gather(Connection(self.cfg, client, address, listener.getsockname()))

    def _make_room(self) -> None:
        """Whoever has waited longest without a whole request goes, so that the next one is heard."""
        for conn in [*self.lingering.values()][:1]:
            self._stop_lingering(conn)
        for conn in [*self.gathering.values()][:1]:
            self._let_go(conn)

    def _gather(self, conn: Connection, early: bytes = b"") -> None:
        """Wait for the next request of a connection; ``early``: what is here of it."""
        conn.sock.setblocking(False)
        wait = HEADER_SECONDS if early else self.cfg.keepalive if self.alive else STOP_KEEPALIVE_LINGER
        conn.begin(early, time.monotonic() + wait)
        self.gathered_bytes += len(early)
        self.gathering[conn.sock.fileno()] = conn
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._on_bytes, conn))
        if early:
            self._look(conn)

    def _on_bytes(self, conn: Connection, sock: socket.socket) -> None:
        try:
            data = sock.recv(65_536)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if not data:
            self._let_go(conn)
            return
        if not conn.gathered:
            conn.deadline = time.monotonic() + HEADER_SECONDS
        conn.gathered += data
        self.gathered_bytes += len(data)
        self._look(conn)

    def _look(self, conn: Connection) -> None:
        """Is the request whole? Then on with it."""
        if conn.header_end < 0 and not self._header_is_whole(conn):
            return
        if len(conn.gathered) >= conn.whole_at:
            self._stop_gathering(conn)
            if conn.parser is None:
                conn.initialized = True
                conn.parser = http.get_parser(self.cfg, conn.sock, conn.client)
                conn.parser.unreader = PacedReader(conn.sock)
            conn.parser.unreader.start_again()
            conn.parser.unreader.unread(bytes(conn.gathered))
            conn.gathered = bytearray()
            self.enqueue_req(conn)
        elif self.gathered_bytes > GATHERED_IN_ALL:
            self._refuse(conn, _BUSY)

    def _header_is_whole(self, conn: Connection) -> bool:
        end = conn.gathered.find(_END_OF_HEADER)
        if end < 0:
            if len(conn.gathered) > HEADER_BYTES:
                self._refuse(conn, _TOO_LONG)
            return False
        conn.header_end = end + len(_END_OF_HEADER)
        conn.deadline = time.monotonic() + BODY_SECONDS
        header = bytes(conn.gathered[: end + 2])
        lengths = [int(length) for length in _LENGTH.findall(header)]
        conn.whole_at, conn.pool = conn.header_end, self.tpool
        if _PROBE.match(header):
            conn.pool = self.probes
        elif _READ_BY_THREAD.search(header) or max(lengths, default=0) > GATHERED_BYTES:
            conn.pool = self.uploads
        else:
            # two lengths: gunicorn refuses it, and must not wait for a body meanwhile
            conn.whole_at += lengths[0] if len(lengths) == 1 else 0
        return True

    def _stop_gathering(self, conn: Connection) -> None:
        self.gathering.pop(conn.sock.fileno(), None)
        self.gathered_bytes -= len(conn.gathered)
        with contextlib.suppress(OSError, KeyError, ValueError):
            self.poller.unregister(conn.sock)

    def _refuse(self, conn: Connection, answer: bytes) -> None:
        self._stop_gathering(conn)
        with contextlib.suppress(OSError):
            conn.sock.send(answer)  # it fits into the empty buffer of the socket, or is not worth waiting for
        self._linger(conn)

    def _let_go(self, conn: Connection) -> None:
        self._stop_gathering(conn)
        self._closed(conn)

    def _closed(self, conn: Connection) -> None:
        self.nr_conns -= 1
        conn.close()

    def enqueue_req(self, conn: Connection) -> None:
        """A request that is here, to the threads that it is for."""
        self._submit(conn.pool or self.tpool, conn, self.handle, conn)

    def _submit(self, pool: ThreadPoolExecutor, conn: Connection, work: Callable[..., Any], *args: Any) -> None:
        done = pool.submit(work, *args)
        done.add_done_callback(lambda future: self.method_queue.defer(self.finish_request, conn, future))

    # --- answers go out -----------------------------------------------------------------------------------------------

    def handle_request(self, req: Any, conn: Connection) -> Any:
        """Answer; what may take long to send is sent by a thread of its own (:meth:`finish_request` sees to it)."""
        begun = datetime.now()
        req.headers = [(name, value) for name, value in req.headers if may_pass(name)]
        self.cfg.pre_request(self, req)
        resp, environ = wsgi.create(req, conn.sock, conn.client, conn.server, self.cfg)
        environ["wsgi.multithread"] = True
        self.nr += 1
        if self.nr >= self.max_requests and self.alive:
            self.log.info("Autorestarting worker after current request.")
            self.alive = False
        if not self.alive or not self.cfg.keepalive or len(self.gathering) >= self.max_keepalived:
            resp.force_close()
        body = self.wsgi(environ, resp.start_response)
        send = partial(self._send, req, conn, resp, environ, body, begun)
        if not getattr(body, MAY_TAKE_LONG, False):
            return send()
        conn.send = partial(contextvars.copy_context().run, send)
        return _SENDS_LATER

    def _send(self, req: Any, conn: Connection, resp: Any, environ: Any, body: Any, begun: datetime) -> bool:
        """The answer. True: the connection is good for another request."""
        try:
            try:
                if isinstance(body, environ["wsgi.file_wrapper"]):
                    resp.write_file(body)
                else:
                    for item in body:
                        resp.write(item)
                resp.close()
            finally:
                self.log.access(resp, req, environ, datetime.now() - begun)
                if hasattr(body, "close"):
                    body.close()
        except OSError:
            raise
        except (Exception, SystemExit):
            if resp.headers_sent:
                # a second answer on the same connection would be taken for the rest of the first
                self.log.exception("Error handling request")
                raise StopIteration from None
            raise
        finally:
            self.cfg.post_request(self, req, environ, resp)
        return not resp.should_close()

    def handle(self, conn: Connection) -> Any:
        """In a thread: the request that was gathered."""
        return self._told(conn, self._answer, conn)

    def _answer(self, conn: Connection) -> Any:
        conn.sock.setblocking(True)
        conn.request = next(conn.parser)
        if not conn.request:
            return False
        return self._keepalive_after(conn, self.handle_request(conn.request, conn))

    def _send_later(self, conn: Connection) -> Any:
        try:
            return self._told(conn, conn.send)
        finally:
            connections.close_all()  # hundreds of these threads must not keep one each

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """What could not be parsed (400, 414, 431 …) or failed (500): gunicorn says which, in our shape."""
        kept = _Kept()
        super().handle_error(req, kept, addr, exc)
        status = kept.answer.partition(b"\r\n")[0].decode("latin-1").partition(" ")[2] or "500 Internal Server Error"
        fault = "stopped by a fault in Export Admin; its log has the details"
        with contextlib.suppress(OSError):
            client.sendall(_refusal(status, fault if status.startswith("5") else scrub_text(str(exc))[:500]))

    def _told(self, conn: Connection, work: Callable[..., Any], *args: Any) -> Any:
        """What ``work`` says, or False and the reason in the log. A client that has gone is none of our business."""
        try:
            return work(*args)
        except (http.errors.NoMoreData, StopIteration):
            pass
        except OSError as error:
            if error.errno not in _GONE:
                self.log.exception("Socket error processing request.")
        except Exception as error:
            self.handle_error(conn.request, conn.sock, conn.client, error)
        return False

    def _keepalive_after(self, conn: Connection, keepalive: Any) -> Any:
        return keepalive if keepalive is _SENDS_LATER else super()._keepalive_after(conn, keepalive)

    def finish_request(self, conn: Connection, done: Future[Any]) -> None:
        """On the event loop: the connection goes on, or ends."""
        try:
            result = done.result() if not done.cancelled() else False
        except Exception:
            log.exception("a request ended badly")
            self._closed(conn)
            return
        if result is _SENDS_LATER:
            self._submit(self.senders, conn, self._send_later, conn)
        elif result:
            self._gather(conn, conn.parser.unreader.take_buffered())
        else:
            self._linger(conn)

    def _linger(self, conn: Connection) -> None:
        """Close without a reset, and without waiting for it (RFC 9112, section 9.6)."""
        try:
            conn.sock.setblocking(False)
            conn.sock.shutdown(socket.SHUT_WR)
            self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._on_late_bytes, conn))
        except (OSError, KeyError, ValueError):
            self._closed(conn)
            return
        conn.deadline = time.monotonic() + LINGER_SECONDS
        self.lingering[conn.sock.fileno()] = conn

    def _on_late_bytes(self, conn: Connection, sock: socket.socket) -> None:
        try:
            if sock.recv(65_536):
                return
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            pass
        self._stop_lingering(conn)

    def _stop_lingering(self, conn: Connection) -> None:
        self.lingering.pop(conn.sock.fileno(), None)
        with contextlib.suppress(OSError, KeyError, ValueError):
            self.poller.unregister(conn.sock)
        self._closed(conn)

    # --- time ---------------------------------------------------------------------------------------------------------

    def murder_pending(self) -> None:
        """Every second: whoever is over the time."""
        now = time.monotonic()
        for conn in [conn for conn in self.gathering.values() if conn.deadline <= now]:
            if conn.gathered:
                self._refuse(conn, _TOO_SLOW)
            else:  # it never began
                self._let_go(conn)
        for conn in [conn for conn in self.lingering.values() if conn.deadline <= now]:
            self._stop_lingering(conn)

    def _cap_keepalive(self, deadline: float) -> None:
        """The worker stops: connections without a request wait no longer than this."""
        for conn in self.gathering.values():
            if not conn.gathered:
                conn.deadline = min(conn.deadline, deadline)
