"""The ``exportadmin`` program, started from a process that has its libraries loaded already.

A start of the program is some two seconds of imports, most of it Django, REST framework and numpy; the suite makes
hundreds of starts. :func:`run` keeps one process per test session in which these libraries (nothing of ours, no
settings) are imported. Each call forks it, and the child becomes the program: with its own arguments, environment,
folder and output files, through the same :func:`exportadmin.cli.main`. The real program is what ``test_up``, the kills
and the README's commands start.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path

from tests.support.paths import ROOT

# third-party modules that the program loads in most of its commands; none reads our settings while it is imported
LIBRARIES = (
    "django.contrib.admin.apps",
    "django.core.management.commands.check",
    "django.db.backends.sqlite3.base",
    "django.db.models",
    "django.forms",
    "django.http",
    "django.template",
    "django.urls",
    "numpy",
    "orjson",
    "PIL.Image",
    "structlog",
)

_server: subprocess.Popen[str] | None = None


def run(
    arguments: list[str], *, environment: dict[str, str], folder: Path, timeout: float
) -> subprocess.CompletedProcess[str]:
    """As ``subprocess.run`` of the program with captured text. Raises ``subprocess.TimeoutExpired``."""
    server = _started()
    assert server.stdin is not None and server.stdout is not None
    with tempfile.TemporaryDirectory() as kept:
        out, err = Path(kept) / "out", Path(kept) / "err"
        order = {
            "arguments": arguments,
            "environment": environment,
            "folder": str(folder),
            "out": str(out),
            "err": str(err),
            "timeout": timeout,
        }
        server.stdin.write(json.dumps(order) + "\n")
        server.stdin.flush()
        code = json.loads(server.stdout.readline())
        if code is None:
            raise subprocess.TimeoutExpired(["exportadmin", *arguments], timeout, out.read_bytes(), err.read_bytes())
        return subprocess.CompletedProcess(["exportadmin", *arguments], code, out.read_text(), err.read_text())


def _started() -> subprocess.Popen[str]:
    global _server
    if _server is None or _server.poll() is not None:
        _server = subprocess.Popen(
            [sys.executable, "-m", "tests.support.warm_program"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        atexit.register(_server.kill)
    return _server


def _serve() -> None:
    """An order a line on stdin, the exit code (``null``: it ran out of time) a line on stdout."""
    for name in LIBRARIES:
        with contextlib.suppress(ImportError):
            __import__(name)
    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if child == 0:
            _become(order)
        sys.stdout.write(json.dumps(_wait(child, order["timeout"])) + "\n")
        sys.stdout.flush()


def _become(order: dict[str, object]) -> None:
    code = 1
    try:
        os.setsid()
        null = os.open(os.devnull, os.O_RDONLY)
        files = [null] + [os.open(str(order[name]), os.O_WRONLY | os.O_CREAT, 0o600) for name in ("out", "err")]
        for target, file in enumerate(files):
            os.dup2(file, target)
            os.close(file)
        os.environ.clear()
        os.environ.update(order["environment"])  # type: ignore[call-overload]
        os.chdir(str(order["folder"]))
        sys.argv = ["exportadmin", *order["arguments"]]  # type: ignore[misc]
        sys.stdin, sys.stdout, sys.stderr = (os.fdopen(fd, mode) for fd, mode in ((0, "r"), (1, "w"), (2, "w")))
        from exportadmin.cli import main

        try:
            main()
            code = 0
        except SystemExit as end:
            if isinstance(end.code, str):
                sys.stderr.write(end.code + "\n")
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
        except KeyboardInterrupt:
            code = 130
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(BaseException):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _wait(child: int, timeout: float) -> int | None:
    """Its exit code as ``subprocess`` gives it; ``None`` after ``timeout`` seconds, when it has been killed."""
    watch = os.pidfd_open(child)
    try:
        ended, _, _ = select.select([watch], [], [], timeout)
        if not ended:
            os.killpg(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        return os.waitstatus_to_exitcode(status) if ended else None
    finally:
        os.close(watch)


if __name__ == "__main__":
    _serve()
