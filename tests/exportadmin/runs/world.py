"""A supervised worker of its own, the console to ask it things, and the barriers at which its runs wait."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from tests.support.paths import ROOT
from tests.support.shell import Installation

Value = TypeVar("Value")
# seconds after which a test gives up; nothing is expected to take so long (a soak on a loaded machine is given more)
PATIENCE = float(os.environ.get("PATIENCE_SECONDS", "40"))
STUB = {
    "DJANGO_SETTINGS_MODULE": "tests.exportadmin.runs.stub_settings",
    "PYTHONPATH": str(ROOT),
    "EXPORTADMIN_LEASE_SECONDS": "2",
    "EXPORTADMIN_REAP_SECONDS": "1",
}
TERMINAL = {"completed", "partial", "failed", "errored", "cancelled"}


def until(look: Callable[[], Value], what: str, within: float = PATIENCE) -> Value:
    """The first true value that ``look`` returns."""
    deadline = time.monotonic() + within
    while not (value := look()):
        assert time.monotonic() < deadline, f"in vain waited for: {what}"
        time.sleep(0.02)  # between two looks, not for something to have happened
    return value


def parents() -> dict[int, int]:
    """Of every living process: its parent."""
    found = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
            if state != "Z":
                found[int(stat.parent.name)] = int(parent)
    return found


def descendants(pid: int) -> set[int]:
    """Living processes below ``pid``."""
    tree = parents()
    found: set[int] = set()
    more = {pid}
    while more:
        more = {child for child, parent in tree.items() if parent in more} - found
        found |= more
    return found


def survivors(pids: set[int]) -> set[int]:
    """Who of them still lives."""
    return pids & set(parents())


@dataclass
class Waiting:
    """A run that stands at a barrier."""

    name: str
    pk: int
    pid: int
    line: socket.socket

    def go(self) -> None:
        """Let it pass."""
        with self.line:
            self.line.sendall(b"g")


class World:
    """Use as a context: the console runs at once, the worker from :meth:`start` on."""

    def __init__(self, installation: Installation, console: str = "tests.exportadmin.runs.console") -> None:
        self.home = installation.home
        self.environment = installation.environment
        self.log = self.home / "log"
        self.supervisor: subprocess.Popen[bytes] | None = None
        self._forgotten = self._started_from = 0
        self._met: list[Waiting] = []
        self._barrier = socket.socket(socket.AF_UNIX)
        self._barrier.bind(str(self.home / "barrier"))
        self._barrier.listen(64)
        self._console = subprocess.Popen(
            [sys.executable, "-m", console],
            env=self.environment,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log.open("ab"),
            text=True,
        )

    def __enter__(self) -> World:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._console.communicate()
        self._barrier.close()

    # --- the worker ---------------------------------------------------------------------------------------------------

    def start(self, *command: str) -> None:
        """Start the supervised worker, or another command, and wait until its cluster reports."""
        self._started_from = self.log.stat().st_size
        command = command or (sys.executable, "-m", "tests.exportadmin.runs.supervised")
        self.supervisor = subprocess.Popen(
            command, env=self.environment, cwd=ROOT, stdout=self.log.open("ab"), stderr=self.log.open("ab")
        )
        self.cluster()

    def stop(self, number: int = signal.SIGTERM) -> int | None:
        """Stop it with a signal. Its exit code; ``None`` when it was not running."""
        if self.supervisor is None:
            return None
        self.supervisor.send_signal(number)
        code = self.supervisor.wait(timeout=PATIENCE)
        self.supervisor = None
        return code

    def cluster(self) -> dict[str, Any]:
        """Process ids by role: main, sentinel, workers, pusher, monitor, all of them alive."""
        return until(self.cluster_now, "a living cluster")

    def cluster_now(self) -> dict[str, Any] | None:
        """The same; ``None`` when it is not whole at the moment."""
        assert self.supervisor is not None and self.supervisor.poll() is None, self.log_text()
        found = self.ask("cluster")
        tree = parents()
        if not found or found["sentinel"] not in tree:
            return None
        every = {found["sentinel"], found["pusher"], found["monitor"], *found["workers"]}
        return {**found, "main": tree[found["sentinel"]]} if every <= set(tree) else None

    def log_text(self) -> str:
        """What its processes said; from the last :meth:`forget` on."""
        return self.log.read_bytes()[self._forgotten :].decode(errors="replace")

    def log_since_start(self) -> str:
        """What they said from the last :meth:`start` on."""
        return self.log.read_bytes()[self._started_from :].decode(errors="replace")

    def forget(self) -> None:
        """Have :meth:`log_text` begin here."""
        self._forgotten = self.log.stat().st_size

    # --- its runs -----------------------------------------------------------------------------------------------------

    def ask(self, verb: str, **arguments: Any) -> Any:
        """Through the console."""
        assert self._console.stdin is not None and self._console.stdout is not None
        self._console.stdin.write(json.dumps([verb, arguments]) + "\n")
        self._console.stdin.flush()
        answered = self._console.stdout.readline()
        assert answered, f"the console died\n{self.log_text()[-3000:]}"
        answer = json.loads(answered)
        return json.loads(self._console.stdout.readline()) if answer == "ready" else answer

    def request(self, *configs: dict[str, Any]) -> list[int]:
        """Queue reports."""
        return self.ask("request", configs=[{"rows": 10, **config} for config in configs])

    def look(self, pk: int) -> dict[str, Any]:
        """One report."""
        return self.ask("look", pks=[pk])[str(pk)]

    def ended(self, pk: int) -> dict[str, Any]:
        """One report, once it has ended."""
        return until(lambda: row if (row := self.look(pk))["status"] in TERMINAL else None, f"the end of report {pk}")

    def waiting(self, within: float = PATIENCE) -> Waiting:
        """The next run that comes to a barrier."""
        met = self.anybody_waiting(within)
        assert met is not None, f"nobody came to a barrier\n{self.log_text()}"
        return met

    def anybody_waiting(self, within: float) -> Waiting | None:
        """The same, or nobody."""
        if not select.select([self._barrier], [], [], within)[0]:
            return None
        line, _ = self._barrier.accept()
        met = Waiting(line=line, **json.loads(line.makefile().readline()))
        self._met.append(met)  # an end of the line lets the run go on
        return met

    def delivered(self, row: dict[str, Any]) -> bytes:
        """The delivery of a report."""
        return (self.home / "artifacts" / row["report_id"] / "data").read_bytes()

    def half_made(self) -> list[str]:
        """What lies about under temporary names, or visible without a manifest."""
        folders = [path for path in (self.home / "artifacts").glob("*") if path.is_dir()]
        folders += [path for path in (self.home / "artifacts").glob(".*") if path.is_dir()]
        return [path.name for path in folders if path.name[0] == "." or not (path / "manifest.json").exists()]

    def times_finished(self, pk: int) -> int:
        """How many attempts wrote the end ``completed``."""
        log = self.home / "artifacts" / "finished.log"
        return log.read_text().splitlines().count(f"{pk} True") if log.exists() else 0


def kill(pid: int) -> None:
    """kill -9."""
    os.kill(pid, signal.SIGKILL)


@contextlib.contextmanager
def new_world(installation: Installation) -> Iterator[World]:
    """A world on an installation that is migrated and empty."""
    installation.extra.update(STUB)
    with World(installation) as made:
        yield made
