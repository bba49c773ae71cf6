#!/usr/bin/env python3
"""What ``make test`` runs: the linters, the suite on SQLite, on PostgreSQL what can differ there, then a plain summary.

``make test-platforms`` runs what needs real servers at length (marked ``platforms``), which ``make test`` leaves out.

    scripts/suite.py [lint] [sqlite] [postgres] [platforms] [-- pytest arguments]

Every step runs, also after one that failed. Exit code 0 means that all of them passed. With ``CI=true`` a step that
cannot run is a failure; elsewhere the summary says NOT RUN.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.support import postgres  # noqa: E402 - found only with the line above

RESULTS = ROOT / "test-results"
# A program that has to compile what it imports takes three times as long to start, and the steps start hundreds.
BYTECODE = ROOT / ".venv" / "bytecode"
TITLES = {
    "lint": "ruff, djLint and mypy",
    "sqlite": "suite on SQLite",
    "postgres": "suite on PostgreSQL",
    "platforms": "real servers",
}
STEP_LIMIT_SECONDS = 25 * 60  # a hung step must end before CI's own limit does, so that it is named
IN_CI = os.environ.get("CI") == "true"


@dataclass
class Outcome:
    """How a step ended; the counts are those of pytest."""

    title: str
    verdict: str  # "passed", "FAILED" or "NOT RUN"
    seconds: float = 0.0
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    remark: str = ""

    def line(self) -> str:
        """One line of the summary."""
        counts = f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"
        shown = counts if self.passed or self.failed or self.skipped else ""
        return f"  {self.title:<20} {self.verdict:<8} {self.seconds:6.0f} s   {self.remark or shown}".rstrip()


def say(line: str = "") -> None:
    """Print at once, so that our lines stand between those of the steps."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def run(command: list[str], environment: dict[str, str]) -> int:
    """Exit code of the command; it and its children are ended after the time limit or on Ctrl-C."""
    kept = {name: value for name, value in environment.items() if name != "PYTHONDONTWRITEBYTECODE"}
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**kept, "PYTHONPYCACHEPREFIX": str(BYTECODE)},
        start_new_session=True,
        stdin=subprocess.DEVNULL,
    )
    try:
        return process.wait(timeout=STEP_LIMIT_SECONDS)
    except subprocess.TimeoutExpired:
        say(f"*** still running after {STEP_LIMIT_SECONDS // 60} minutes: ended")
        return _end(process)
    except KeyboardInterrupt:
        _end(process)
        raise


def _end(process: subprocess.Popen[bytes]) -> int:
    for stop in (signal.SIGINT, signal.SIGKILL):
        try:
            os.killpg(process.pid, stop)
            process.wait(timeout=20)
        except ProcessLookupError:
            break
        except subprocess.TimeoutExpired:
            continue
    return 1


def lint() -> Outcome:
    """Ruff's rules, ruff's layout, mypy."""
    title, begun = TITLES["lint"], time.monotonic()
    environment = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL")}
    code = run(["make", "lint"], environment)
    return Outcome(title, "FAILED" if code else "passed", time.monotonic() - begun)


def suite(database: str, arguments: list[str]) -> Outcome:
    """Pytest on one database, three processes: on two cores one of them mostly waits for what it started.

    ``platforms``: the tests that bring servers of their own.
    """
    title, begun = TITLES[database], time.monotonic()
    if database in ("postgres", "platforms") and postgres.binaries() is None:
        remark = "no PostgreSQL server programs here: " + postgres.ADVICE
        return Outcome(title, "FAILED" if IN_CI else "NOT RUN", remark=remark)
    report = RESULTS / f"{database}.xml"
    report.unlink(missing_ok=True)
    command = [sys.executable, "-m", "pytest", "-n", "3", "--dist", "worksteal", "-p", "no:cacheprovider", "-q"]
    command += ["--junitxml", str(report), "--output", str(RESULTS / f"{database}-browser")]
    # ARGS="--tracing retain-on-failure" shows more of a failure, and takes a quarter longer for every page
    command += ["--screenshot", "only-on-failure", *arguments]
    command += ["-m", "platforms" if database == "platforms" else "not platforms"]
    code = run(command, {**os.environ, "EXPORTADMIN_TEST_DB": "sqlite" if database == "platforms" else database})
    outcome = Outcome(title, "FAILED" if code else "passed", time.monotonic() - begun)
    if report.exists():
        for counted in ET.parse(report).getroot().iter("testsuite"):  # noqa: S314 - written by the line above
            outcome.failed += int(counted.get("failures", 0)) + int(counted.get("errors", 0))
            outcome.skipped += int(counted.get("skipped", 0))
            outcome.passed += int(counted.get("tests", 0))
        outcome.passed -= outcome.failed + outcome.skipped
    return outcome


def main(arguments: list[str]) -> int:
    """Run the named steps and sum up."""
    cut = arguments.index("--") if "--" in arguments else len(arguments)
    steps, for_pytest = arguments[:cut] or ["lint", "sqlite", "postgres"], arguments[cut + 1 :]
    unknown = [step for step in steps if step not in TITLES]
    if unknown:
        say(f"unknown step {unknown[0]!r}; there are: {', '.join(TITLES)}")
        return 2
    RESULTS.mkdir(exist_ok=True)
    outcomes = []
    for step in steps:
        is_part = step == "postgres" and not os.environ.get("WHOLE")
        say(f"\n=== {TITLES[step]}{', of which `make test-postgres` runs all' if is_part else ''}")
        outcomes.append(lint() if step == "lint" else suite(step, for_pytest))
    say("\n=== summary")
    for outcome in outcomes:
        say(outcome.line())
    failed = [outcome for outcome in outcomes if outcome.verdict == "FAILED"]
    say("=== " + ("FAILED: " + ", ".join(outcome.title for outcome in failed) if failed else "all passed"))
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
