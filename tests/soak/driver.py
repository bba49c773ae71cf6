"""Kills processes of a working installation at named places and at random, and looks at what became of the reports."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.exportadmin.runs.world import PATIENCE, TERMINAL, Waiting, World, descendants, parents, until
from tests.soak.barriers.apps import BARRIERS, IN_TRANSACTION
from tests.soak.visitor import Visitor
from tests.support.paths import ROOT
from tests.support.shell import Installation

# what is killed, and how often of a hundred times. "worker": the very process that carries out the run at a barrier;
# "database": the server's side of a connection (PostgreSQL takes all of them along then, and recovers)
AT_A_BARRIER = {
    "worker": 60,
    "web": 8,
    "database": 10,
    "supervisor": 4,
    "idle worker": 4,
    "pusher": 3,
    "monitor": 3,
    "sentinel": 3,
    "main": 3,
    "group": 2,
}
AT_RANDOM = {"any worker": 30, "web": 25, "database": 25, "supervisor": 8, "sentinel": 4, "main": 4, "group": 4}
FORMATS = ("json", "ndjson")
BATCH = 12
WORKERS = 6
PATIENCE_FOR_A_BATCH = 6 * PATIENCE
LOOK_SECONDS = 0.02
ENVIRONMENT = {
    "DJANGO_SETTINGS_MODULE": "tests.soak.settings",
    "PYTHONPATH": str(ROOT),
    # the process that holds SQLite's lock stands still while another is killed: the others cannot renew their leases
    "EXPORTADMIN_LEASE_SECONDS": "8",
    "EXPORTADMIN_REAP_SECONDS": "1",
    "EXPORTADMIN_WORKERS": str(WORKERS),
    "EXPORTADMIN_THROTTLE_USER": "100000/min",
}


@dataclass
class Outcome:
    """What was done and what came of it. ``wrong`` are sentences; the counts say of which kind they are."""

    kills: Counter[tuple[str, str]] = field(default_factory=Counter)  # (role, place)
    reports: int = 0
    attempts: Counter[int] = field(default_factory=Counter)
    again: int = 0
    looks: int = 0
    lost: int = 0
    doubled: int = 0
    half_visible: int = 0
    wrong: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """For people."""
        places, roles = Counter[str](), Counter[str]()
        for (role, place), count in self.kills.items():
            roles[role] += count
            places[place] += count
        return [
            f"{self.kills.total()} kills; {self.reports} reports, all of them ended: {self.lost} lost, {self.doubled} "
            f"doubled, {self.half_visible} half-visible in {self.looks:,} looks",
            "  of:       " + ", ".join(f"{role} {count}" for role, count in sorted(roles.items())),
            "  at:       " + ", ".join(f"{place} {count}" for place, count in sorted(places.items())),
            "  attempts: "
            + ", ".join(f"{count} reports in {number}" for number, count in sorted(self.attempts.items())),
            f"  answers that did not come, or said to come back: {self.again}",
            f"  wrong:    {len(self.wrong)}",
            *(f"    {line}" for line in self.wrong),
        ]


class Watcher(threading.Thread):
    """Looks at the artifacts all the time: what is visible has its manifest, from the first moment on."""

    def __init__(self, artifacts: Path) -> None:
        super().__init__(daemon=True)
        self._artifacts = artifacts
        self._whole: set[str] = set()
        self._ended = threading.Event()
        self.looks = 0
        self.half: set[str] = set()

    def run(self) -> None:
        """Until :meth:`end`."""
        while not self._ended.wait(LOOK_SECONDS):
            self.looks += 1
            for project in self._folders(self._artifacts):
                for delivery in self._folders(project):
                    self._look_at(delivery)

    def end(self) -> None:
        """And wait for it."""
        self._ended.set()
        self.join()

    def _folders(self, parent: Path) -> list[Path]:
        with contextlib.suppress(FileNotFoundError):
            return [Path(one.path) for one in os.scandir(parent) if one.is_dir() and not one.name.startswith(".")]
        return []

    def _look_at(self, delivery: Path) -> None:
        if delivery.name in self._whole:
            return
        if (delivery / "manifest.json").exists():
            self._whole.add(delivery.name)
        elif delivery.exists():  # else it was taken away this moment
            self.half.add(delivery.name)


class Soaked:
    """A running installation with a script that asks it for exports. Use as a context."""

    def __init__(self, installation: Installation) -> None:
        installation.extra.update(ENVIRONMENT)
        made = installation.run("load_demo", "--no-exports")
        assert made.returncode == 0, made.stderr
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.bind = f"127.0.0.1:{free.getsockname()[1]}"
        self.world = World(installation, console="tests.soak.console")
        self.project, key = self.world.ask("token")
        self.visitor = Visitor(f"http://{self.bind}", key)
        self._asked = 0

    def __enter__(self) -> Soaked:
        self.start()
        return self

    def __exit__(self, *error: Any) -> None:
        self.world.__exit__(*error)

    def start(self) -> None:
        """Supervisor, web, worker; returns when the worker reports. (The web server's socket is there by then.)"""
        self.world.start(sys.executable, "-m", "tests.soak.supervised", self.bind)

    def kill_supervisor(self) -> None:
        """All that it started goes with it; then it is started again."""
        supervisor = self.world.supervisor
        assert supervisor is not None
        below = descendants(supervisor.pid)
        supervisor.kill()
        supervisor.wait()
        self.world.supervisor = None
        until(lambda: not below & set(parents()), "the end of all that the supervisor started")
        self.start()

    def web_pids(self) -> list[int]:
        """The web server's main process first, then its processes."""
        assert self.world.supervisor is not None
        for pid, parent in parents().items():
            if parent == self.world.supervisor.pid and b"--bind" in _command(pid):
                return [pid, *descendants(pid)]
        return []

    def request(
        self, configs: Sequence[dict[str, Any]], meanwhile: Callable[[Callable[[], bool]], None] = lambda done: None
    ) -> dict[str, str]:
        """All at once, through the web. Report id by key. ``meanwhile`` is told how to ask whether all were given."""
        keys = [f"soak-{os.getpid()}-{self._asked + number}" for number in range(len(configs))]
        self._asked += len(configs)
        with ThreadPoolExecutor(len(configs)) as pool:
            asked = {
                key: pool.submit(
                    self.visitor.request_export, self.project, config["format"], json.dumps(config["places"]), key
                )
                for key, config in zip(keys, configs, strict=True)
            }
            meanwhile(lambda: all(one.done() for one in asked.values()))
        return {key: one.result() for key, one in asked.items()}


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def soak(
    installation: Installation,
    *,
    kills: int,
    seed: int,
    say: Callable[[str], None] = lambda line: None,
    seconds: float = float("inf"),
    batch: int = BATCH,
) -> Outcome:
    """Kill ``kills`` times, or for so many seconds; ``batch`` reports at a time. Every report has to complete, once,
    with the bytes of an undisturbed run.
    """
    with Soaked(installation) as soaked:
        return Driver(soaked, random.Random(seed), say, batch).run(kills, seconds)


class Driver:
    """One soak. A report is disturbed in its first two attempts only, so that each has to complete."""

    def __init__(self, soaked: Soaked, dice: random.Random, say: Callable[[str], None], batch: int) -> None:
        self._soaked = soaked
        self._world = soaked.world
        self._dice = dice
        self._say = say
        self._size = batch
        self._outcome = Outcome()
        self._undisturbed: dict[str, list[str]] = {}
        self._held: list[Waiting] = []  # who came to a barrier while exports were asked for

    def run(self, kills: int, seconds: float) -> Outcome:
        """Until so many were killed, or the time is over."""
        deadline = time.monotonic() + seconds
        watcher = Watcher(self._world.home / "artifacts")
        watcher.start()
        for name in FORMATS:
            (pk,) = self._accepted([{"format": name, "places": {}}])
            self._world.ended(pk)
            found = self._world.ask("check", pk=pk)
            assert not found["wrong"], found
            self._undisturbed[name] = found["sha256"]
        while self._outcome.kills.total() < kills and time.monotonic() < deadline and not self._outcome.wrong:
            self._batch()
            self._say(f"{self._outcome.kills.total()} of {kills} kills, {self._outcome.reports} reports ended")
        watcher.end()
        self._outcome.looks, self._outcome.half_visible = watcher.looks, len(watcher.half)
        self._outcome.wrong += [f"{name} was visible without a manifest" for name in sorted(watcher.half)]
        self._outcome.again = self._soaked.visitor.again
        self._outcome.wrong += self._world.ask("trail")
        return self._outcome

    def _batch(self) -> None:
        configs = [
            {
                "format": self._dice.choice(FORMATS),
                "places": {str(attempt): self._dice.choice(BARRIERS) for attempt in (1, 2)},
            }
            for _ in range(self._size)
        ]
        pks = self._accepted(configs)
        deadline = time.monotonic() + PATIENCE_FOR_A_BATCH
        while self._unfinished(pks):
            met = self._held.pop(0) if self._held else self._world.anybody_waiting(self._dice.uniform(0.05, 0.4))
            rows = self._unfinished(pks)  # anew: who stands at a barrier does not move on
            assert time.monotonic() < deadline, f"these do not end: {rows}\n{self._world.log_text()[-5000:]}"
            # whoever is in the second attempt may begin the last one at any moment, before a kill reaches it
            others_safe = all(row["attempts"] < 2 for pk, row in rows.items() if met is None or pk != met.pk)
            if met is not None and met.pk in rows and rows[met.pk]["attempts"] < 3:
                self._at_a_barrier(met, alone=not others_safe)
            elif met is not None:
                with contextlib.suppress(OSError):  # it may have died with its group
                    met.go()
            elif others_safe and self._dice.random() < 0.3:
                self._kill(self._one_of(AT_RANDOM), "at random", None)
        for pk, config in zip(pks, configs, strict=True):
            self._judge(pk, config)

    def _accepted(self, configs: list[dict[str, Any]]) -> list[int]:
        """Ask for them, with a kill in the middle now and then, and see that each is there once."""

        def meanwhile(all_given: Callable[[], bool]) -> None:
            if self._outcome.reports and self._dice.random() < 0.3:
                time.sleep(self._dice.uniform(0.0, 0.1))
                self._kill(self._dice.choice(("web", "database")), "while it was asked", None)
            while not all_given():
                met = self._world.anybody_waiting(0.05)
                if met is not None and met.name in IN_TRANSACTION:  # with the one lock of SQLite in its hand
                    self._kill("worker", met.name, met.pid)
                elif met is not None:
                    self._held.append(met)

        given = self._soaked.request(configs, meanwhile)
        made = self._world.ask("made_by", keys=list(given))
        for key, report_id in given.items():
            self._outcome.lost += report_id not in [one for _, one in made[key]]
            self._outcome.doubled += len(made[key]) > 1
            if [one for _, one in made[key]] != [report_id]:
                self._outcome.wrong.append(f"{key} was accepted as {report_id}, and made {made[key]}")
        return [made[key][0][0] for key in given if made[key]]

    def _unfinished(self, pks: list[int]) -> dict[int, dict[str, Any]]:
        rows = self._world.ask("look", pks=pks)
        return {int(pk): row for pk, row in rows.items() if row["status"] not in TERMINAL}

    def _one_of(self, weights: dict[str, int]) -> str:
        return self._dice.choices(list(weights), list(weights.values()))[0]

    def _at_a_barrier(self, met: Waiting, *, alone: bool) -> None:
        # most of the time the run itself is hit; all others are hit beside it
        self._kill("worker" if alone else self._one_of(AT_A_BARRIER), met.name, met.pid)
        with contextlib.suppress(OSError):
            met.go()

    def _kill(self, role: str, place: str, running: int | None) -> None:
        if role == "supervisor":
            self._soaked.kill_supervisor()
        elif (pid := running if role == "worker" else self._pid_of(role, running)) is None:
            return
        elif role == "database" and self._dice.random() < 0.5:
            role = "database connection"
            self._world.ask("part_with", pid=pid)
        else:
            try:
                os.killpg(pid, signal.SIGKILL) if role == "group" else os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                return
        self._outcome.kills[role, place] += 1

    def _pid_of(self, role: str, running: int | None) -> int | None:
        if role in ("web", "database"):
            found = self._soaked.web_pids() if role == "web" else self._world.ask("backends")
            return self._dice.choice(found) if found else None
        cluster = self._world.cluster_now()
        if cluster is None:
            return None
        if role in ("idle worker", "any worker"):
            others = [pid for pid in cluster["workers"] if pid != running]
            return self._dice.choice(others) if others else None
        return int(cluster["main" if role == "group" else role])

    def _judge(self, pk: int, config: dict[str, Any]) -> None:
        found = self._world.ask("check", pk=pk)
        self._outcome.reports += 1
        self._outcome.attempts[found["attempts"]] += 1
        self._outcome.doubled += any("lines in the trail about its end" in words for words in found["wrong"])
        self._outcome.half_visible += any("half-made" in words for words in found["wrong"])
        self._outcome.wrong += [f"report {pk} ({config}): {words}" for words in found["wrong"]]
        if found["wrong"]:
            return
        if found["sha256"] != self._undisturbed[config["format"]]:
            self._outcome.wrong.append(f"report {pk} ({config}): other bytes than an undisturbed run")
        elif self._downloaded(pk) != found["sha256"]:
            self._outcome.wrong.append(f"report {pk} ({config}): other bytes come out of a download")

    def _downloaded(self, pk: int) -> list[str]:
        """Through the web, with a kill in the middle now and then."""
        report_id = self._world.look(pk)["report_id"]
        with ThreadPoolExecutor(1) as pool:
            coming = pool.submit(self._soaked.visitor.sha256s, report_id)
            if self._dice.random() < 0.1:
                time.sleep(self._dice.uniform(0.0, 0.05))
                self._kill("web", "while a file was handed out", None)
            return coming.result()
