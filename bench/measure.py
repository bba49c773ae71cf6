"""Runs processes one at a time and says what they cost; rounds interleave what is compared."""

from __future__ import annotations

import json
import os
import shlex
import signal
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
# Modules are compiled once, as those of an installed program are, and not at every start: some shells forbid Python to
# keep what it compiled, and then a start costs twice as much.
_BYTECODE = {
    "PYTHONDONTWRITEBYTECODE": "",
    "PYTHONPYCACHEPREFIX": str(Path(tempfile.gettempdir(), "exportadmin-bench-bytecode")),
}


class NotMeasured(Exception):  # noqa: N818 - a result, not a fault of the benchmark
    """The process failed or took too long; the message is one line."""


@dataclass(frozen=True, slots=True)
class Command:
    """What is run: arguments, additions to the environment, and a time limit in seconds."""

    arguments: Sequence[str | Path]
    env: Mapping[str, str] = field(default_factory=dict)
    limit_s: float = 600

    def command_line(self) -> str:
        """As one would type it in the repository."""
        names = [f"{key}={shlex.quote(value)}" for key, value in self.env.items()]
        text = " ".join([*names, *(shlex.quote(str(one)) for one in self.arguments)])
        return text.replace(f"{ROOT}/", "")


@dataclass(frozen=True, slots=True)
class Sample:
    """One process from start to end. ``inside`` is what it said of itself (:mod:`bench.child`), empty if nothing."""

    cpu_s: float
    wall_s: float
    inside: dict[str, Any]


def run(command: Command, *, server_cpu: Callable[[], float] | None = None) -> Sample:
    """Run to the end. ``cpu_s`` is user + system time, with that of the database server where ``server_cpu`` tells it.

    Raises :class:`NotMeasured` when it fails or exceeds its limit.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        server = server_cpu() if server_cpu else 0.0
        started = time.perf_counter()
        process = subprocess.Popen(
            [str(one) for one in command.arguments],
            env={**os.environ, **_BYTECODE, "EXPORTADMIN_LOG_LEVEL": "WARNING", **command.env},
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
        late = threading.Event()

        def stop() -> None:
            late.set()
            _kill(process)

        timer = threading.Timer(command.limit_s, stop)
        timer.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            _kill(process)
            process.wait()
            raise
        finally:
            timer.cancel()
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        cpu = usage.ru_utime + usage.ru_stime + (server_cpu() - server if server_cpu else 0.0)
        if late.is_set():
            raise NotMeasured(f"stopped after {command.limit_s:.0f} s")
        err.seek(0)
        out.seek(0)
        output = out.read().decode("utf-8", "replace")
        if process.returncode:
            message = err.read().decode("utf-8", "replace").strip() or output.strip() or "no word"
            raise NotMeasured(f"exit code {process.returncode}: {message.splitlines()[-1][:300]}")
    return Sample(cpu, wall, _last_json(output))


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End the process and what it started (it has a session of its own), nothing else."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _last_json(output: str) -> dict[str, Any]:
    lines = output.strip().splitlines()
    if not lines or not lines[-1].startswith('{"'):
        return {}
    try:
        found = json.loads(lines[-1])
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


@dataclass(slots=True)
class Candidate:
    """One of the things compared. ``before`` and ``after`` are not measured; ``rounds`` caps how often it runs."""

    name: str
    command: Command
    before: Callable[[], None] = lambda: None
    after: Callable[[], None] = lambda: None
    rounds: int = 1_000
    samples: list[Sample] = field(default_factory=list)
    trouble: str = ""


def interleave(candidates: Sequence[Candidate], rounds: int, *, server_cpu: Callable[[], float] | None = None) -> None:
    """Run every candidate once a round, every other round in reverse order.

    A candidate in trouble is left out from then on.
    """
    for number in range(rounds):
        for candidate in candidates if number % 2 == 0 else reversed(candidates):
            if candidate.trouble or number >= candidate.rounds:
                continue
            candidate.before()
            try:
                candidate.samples.append(run(candidate.command, server_cpu=server_cpu))
            except NotMeasured as error:
                candidate.trouble = str(error)
            finally:
                candidate.after()


@dataclass(frozen=True, slots=True)
class Spread:
    """Median, least and most of some figures."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Of at least one value."""
        return cls(statistics.median(values), min(values), max(values))


def ratio(over: Sequence[float], under: Sequence[float]) -> Spread | None:
    """Of what ran in the same round where both ran equally often, else of each with the other's median."""
    if not over or not under:
        return None
    if len(over) == len(under):
        return Spread.of([a / b for a, b in zip(over, under, strict=True) if b > 0])
    middle = statistics.median(under)
    if len(over) < len(under):
        return Spread.of([a / middle for a in over])
    middle = statistics.median(over)
    return Spread.of([middle / b for b in under])
