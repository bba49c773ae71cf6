"""``exportadmin up``: web and worker under one supervisor. Ctrl-C or SIGTERM ends both."""

from __future__ import annotations

import contextlib
import errno
import http.client
import os
import socket
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError

from exportadmin.lib.command import WRONG_USE, AppCommand
from exportadmin.lib.processes import Child, Supervisor
from exports.management.commands._ready import refuse_unless_migrated


class Command(AppCommand):
    """The whole product in one terminal or one service unit."""

    help = "Serve the web pages and run exports, until Ctrl-C or SIGTERM."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Where to listen."""
        parser.add_argument("--bind", default="127.0.0.1:8000", metavar="HOST:PORT", help="default %(default)s")

    def handle(self, *args: Any, **options: Any) -> None:
        """Until told to stop; then everything is gone within 15 seconds."""
        listener = listen(options["bind"])
        with listener:
            refuse_unless_migrated()
            environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(settings.BASE_DIR), *_python_path()])}
            here = [sys.executable, "-m", "django"]
            bind = f"fd://{listener.fileno()}"
            web = Child("web", [*here, "web", "--bind", bind], environment, pass_fds=[listener.fileno()])
            worker = Child("worker", [*here, "worker"], environment)
            Supervisor([web, worker]).run(lambda: self._say_when_it_answers(listener))

    def _say_when_it_answers(self, listener: socket.socket) -> bool:
        host, port = listener.getsockname()[:2]
        reached = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
        probe = http.client.HTTPConnection(reached, port, timeout=1)
        try:
            probe.request("HEAD", "/")
            probe.getresponse()
        except (OSError, http.client.HTTPException):
            return False
        finally:
            probe.close()
        shown = f"[{reached}]" if ":" in reached else reached
        self.stdout.write(f"Export Admin is at http://{shown}:{port}/ (Ctrl-C ends it)")
        self.stdout.flush()
        return True


def _python_path() -> list[str]:
    return [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]


def listen(bind: str) -> socket.socket:
    """The listening socket; the web server inherits it, so that a restart of the web server refuses nobody."""
    host, colon, port = bind.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not host or not port.isdecimal() or int(port) > 65535:
        raise CommandError(f"--bind {bind!r}: expected HOST:PORT, such as 127.0.0.1:8000", returncode=WRONG_USE)
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)[0]
        with contextlib.ExitStack() as undo:
            listener = undo.enter_context(socket.socket(family, kind, protocol))
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(2048)
            undo.pop_all()
    except OSError as error:
        in_use = error.errno == errno.EADDRINUSE
        reason = "something else listens there; name another with --bind" if in_use else (error.strerror or str(error))
        raise CommandError(f"cannot listen at {bind}: {reason}") from error
    return listener
