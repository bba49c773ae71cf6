"""Machines of one installation: homes of their own, and nothing in common but a database, a store and the keys."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from tests.support.paths import ROOT
from tests.support.shell import PLAIN_STATIC_FILES, Installation

PATIENCE_SECONDS = 120
WITH_BARRIERS = {"DJANGO_SETTINGS_MODULE": "tests.soak.settings", "PYTHONPATH": str(ROOT)}


def until(is_so: Any, what: str) -> Any:
    """What ``is_so`` gives, once it is true."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (found := is_so()):
        assert time.monotonic() < deadline, f"not so after {PATIENCE_SECONDS} s: {what}"
        time.sleep(0.1)
    return found


@dataclass
class Machine:
    """``home`` is its own disk; its processes know of no other."""

    home: Path
    database_url: str
    variables: dict[str, str]
    port: int = 0
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def shell(self) -> Installation:
        """Its programs."""
        return Installation(self.home, self.database_url, self.variables)

    def run(self, *arguments: str) -> str:
        """``exportadmin ARGUMENTS…``: what it prints."""
        done = self.shell.run(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def start_web(self) -> None:
        """It answers when the call returns."""
        with socket.socket() as held:
            held.bind(("127.0.0.1", 0))
            self.port = held.getsockname()[1]
        self._start("web", PLAIN_STATIC_FILES, "--bind", f"127.0.0.1:{self.port}")
        until(self._answers, f"web of {self.home.name}")

    def _answers(self) -> bool:
        with contextlib.suppress(requests.ConnectionError):
            return self.get("/healthz").ok
        return False

    def start_worker(self) -> None:
        """It may take a while to begin."""
        self._start("worker", WITH_BARRIERS)

    def _start(self, command: str, settings: dict[str, str], *arguments: str) -> None:
        environment = {**self.shell.environment, **settings}
        log = (self.home / f"{command}.log").open("ab")
        with log:
            self.processes[command] = subprocess.Popen(
                [sys.executable, "-m", "django", command, *arguments],
                env=environment,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def kill(self, *commands: str) -> None:
        """As a power cut does: all of its processes, or those of some commands, at once."""
        for command in commands or tuple(self.processes):
            process = self.processes.pop(command, None)
            if process is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def get(self, path: str, key: str = "", **options: Any) -> requests.Response:
        """Of its web server."""
        return requests.get(f"http://127.0.0.1:{self.port}{path}", headers=_authorization(key), timeout=60, **options)

    def post(self, path: str, key: str, body: dict[str, Any]) -> Any:
        """Its answer, which says that all went well."""
        address = f"http://127.0.0.1:{self.port}/api/v1/{path}"
        answer = requests.post(address, json=body, headers=_authorization(key), timeout=60)
        assert answer.ok, answer.text
        return answer.json()

    def report(self, report_id: str, key: str) -> dict[str, Any]:
        """As REST shows it."""
        answer = self.get(f"/api/v1/reports/{report_id}/", key)
        assert answer.ok, answer.text
        return dict(answer.json())

    def files(self) -> list[str]:
        """What lies on its disk but logs, and what it makes anew wherever it is started."""
        kept = (path.relative_to(self.home) for path in self.home.rglob("*") if path.is_file())
        anew = ("static", "cache", "artifacts/.installation.json")
        return sorted(str(path) for path in kept if not str(path).startswith(anew) and path.suffix != ".log")


def _authorization(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"} if key else {}


@contextlib.contextmanager
def barrier(machines: list[Machine]) -> Iterator[Any]:
    """Listens on every machine for runs that reach the place that their report's name tells.

    Gives a function that waits for one, and gives the machine that it is on.
    """
    with contextlib.ExitStack() as stack:
        listeners = {}
        for machine in machines:
            listener = stack.enter_context(socket.socket(socket.AF_UNIX))
            listener.bind(str(machine.home / "barrier"))
            listener.listen(8)
            listener.setblocking(False)
            listeners[machine.home] = listener

        def met() -> Machine | None:
            for machine in machines:
                with contextlib.suppress(BlockingIOError):
                    connection, _ = listeners[machine.home].accept()
                    stack.enter_context(connection)  # it is held until the end: the run goes no further
                    connection.setblocking(True)
                    json.loads(connection.recv(4096))
                    return machine
            return None

        yield lambda: until(met, "a run at its barrier")
