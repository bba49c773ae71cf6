"""Kills processes of a working cluster at named places and at random, and looks at what became of the reports."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.exportadmin.runs.world import PATIENCE, TERMINAL, Waiting, World
from tests.soak.barriers.apps import BARRIERS
from tests.support.paths import ROOT
from tests.support.shell import Installation

ROLES = ("worker", "idle worker", "pusher", "monitor", "sentinel", "main", "group")
FORMATS = ("json", "ndjson")
BATCH = 3
PATIENCE_FOR_A_BATCH = 3 * PATIENCE
ENVIRONMENT = {
    "DJANGO_SETTINGS_MODULE": "tests.soak.settings",
    "PYTHONPATH": str(ROOT),
    "EXPORTADMIN_LEASE_SECONDS": "2",
    "EXPORTADMIN_REAP_SECONDS": "1",
}


@dataclass
class Outcome:
    """What was done and what came of it."""

    kills: Counter[tuple[str, str]] = field(default_factory=Counter)  # (role, place)
    reports: int = 0
    attempts: Counter[int] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """For people."""
        places, roles = Counter[str](), Counter[str]()
        for (role, place), count in self.kills.items():
            roles[role] += count
            places[place] += count
        return [
            f"{self.kills.total()} kills; {self.reports} reports, all of them ended",
            "  of:       " + ", ".join(f"{role} {count}" for role, count in sorted(roles.items())),
            "  at:       " + ", ".join(f"{place} {count}" for place, count in sorted(places.items())),
            "  attempts: "
            + ", ".join(f"{count} reports in {number}" for number, count in sorted(self.attempts.items())),
            f"  wrong:    {len(self.wrong)}",
            *(f"    {line}" for line in self.wrong),
        ]


def soak(
    installation: Installation, *, kills: int, seed: int, say: Callable[[str], None] = lambda line: None
) -> Outcome:
    """Kill ``kills`` times. Every report has to complete, once, with the bytes of an undisturbed run."""
    installation.extra.update(ENVIRONMENT)
    made = installation.run("load_demo", "--no-exports")
    assert made.returncode == 0, made.stderr
    with World(installation, console="tests.soak.console") as world:
        world.start()
        return Driver(world, random.Random(seed), say).run(kills)


class Driver:
    """One soak. A report is disturbed in its first two attempts only, so that each has to complete."""

    def __init__(self, world: World, dice: random.Random, say: Callable[[str], None]) -> None:
        self._world = world
        self._dice = dice
        self._say = say
        self._outcome = Outcome()
        self._undisturbed: dict[str, list[str]] = {}

    def run(self, kills: int) -> Outcome:
        """Until so many were killed."""
        for name in FORMATS:
            (pk,) = self._world.ask("request", configs=[{"format": name, "places": {}}])
            self._world.ended(pk)
            found = self._world.ask("check", pk=pk)
            assert not found["wrong"], found
            self._undisturbed[name] = found["sha256"]
        while self._outcome.kills.total() < kills:
            self._batch()
            self._say(f"{self._outcome.kills.total()} of {kills} kills, {self._outcome.reports} reports ended")
            if self._outcome.wrong:
                break
        self._outcome.wrong += self._world.ask("trail")
        return self._outcome

    def _batch(self) -> None:
        configs = [
            {
                "format": self._dice.choice(FORMATS),
                "places": {str(attempt): self._dice.choice(BARRIERS) for attempt in (1, 2)},
            }
            for _ in range(BATCH)
        ]
        pks = self._world.ask("request", configs=configs)
        deadline = time.monotonic() + PATIENCE_FOR_A_BATCH
        while self._unfinished(pks):
            met = self._world.anybody_waiting(self._dice.uniform(0.05, 0.4))
            rows = self._unfinished(pks)  # anew: who stands at a barrier does not move on
            assert time.monotonic() < deadline, f"these do not end: {rows}\n{self._world.log_text()[-5000:]}"
            # whoever is in the second attempt may begin the last one at any moment, before a kill reaches it
            others_safe = all(row["attempts"] < 2 for pk, row in rows.items() if met is None or pk != met.pk)
            if met is not None and met.pk in rows and rows[met.pk]["attempts"] < 3:
                self._at_a_barrier(met, alone=not others_safe)
            elif met is not None:
                with contextlib.suppress(OSError):  # it may have died with its group
                    met.go()
            elif others_safe and self._dice.random() < 0.2:
                self._kill(self._dice.choice(ROLES[1:]), "at random", None)
        for pk, config in zip(pks, configs, strict=True):
            self._judge(pk, config)

    def _unfinished(self, pks: list[int]) -> dict[int, dict[str, Any]]:
        rows = self._world.ask("look", pks=pks)
        return {int(pk): row for pk, row in rows.items() if row["status"] not in TERMINAL}

    def _at_a_barrier(self, met: Waiting, *, alone: bool) -> None:
        # most of the time the run itself is hit; all others are hit beside it
        role = "worker" if alone or self._dice.random() < 0.5 else self._dice.choice(ROLES[1:])
        self._kill(role, met.name, met.pid)
        with contextlib.suppress(OSError):
            met.go()

    def _kill(self, role: str, place: str, running: int | None) -> None:
        pid = running if role == "worker" else self._pid_of(role, running)
        if pid is None:
            return
        try:
            os.killpg(pid, signal.SIGKILL) if role == "group" else os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        self._outcome.kills[role, place] += 1

    def _pid_of(self, role: str, running: int | None) -> int | None:
        cluster = self._world.cluster_now()
        if cluster is None:
            return None
        if role == "idle worker":
            others = [pid for pid in cluster["workers"] if pid != running]
            return self._dice.choice(others) if others else None
        return int(cluster["main" if role == "group" else role])

    def _judge(self, pk: int, config: dict[str, Any]) -> None:
        found = self._world.ask("check", pk=pk)
        self._outcome.reports += 1
        self._outcome.attempts[found["attempts"]] += 1
        self._outcome.wrong += [f"report {pk} ({config}): {words}" for words in found["wrong"]]
        if not found["wrong"] and found["sha256"] != self._undisturbed[config["format"]]:
            self._outcome.wrong.append(f"report {pk} ({config}): other bytes than an undisturbed run")
