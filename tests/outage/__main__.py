"""``python -m tests.outage --seconds 20``: one outage of a private PostgreSQL under load, with the counts."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from tests.outage.driver import Plan, outage
from tests.outage.server import running
from tests.support.postgres import PostgresUnavailable


def say(line: str) -> None:
    """At once, also into a pipe."""
    print(line, flush=True)


def main() -> int:
    """Exit code 1 when anything was wrong, 3 when there is no PostgreSQL on this machine."""
    parser = argparse.ArgumentParser(prog="python -m tests.outage", description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0, help="how long the server is away (%(default)s)")
    parser.add_argument("--lease", type=int, default=Plan.lease, help="EXPORTADMIN_LEASE_SECONDS (%(default)s)")
    parser.add_argument("--log", type=Path, help="keep what the processes said in this file")
    asked = parser.parse_args()
    begun = time.monotonic()
    say(f"=== PostgreSQL away for {asked.seconds:g} s; load of the machine before: {os.getloadavg()[0]:.1f}")
    try:
        with running() as server, tempfile.TemporaryDirectory(prefix="exportadmin-outage-") as home:
            try:
                outcome = outage(server, Path(home), Plan(seconds=asked.seconds, lease=asked.lease), say)
            finally:
                if asked.log:
                    asked.log.write_bytes((Path(home) / "log").read_bytes())
    except PostgresUnavailable as error:
        say(f"NOT RUN: {error}")
        return 3
    for line in outcome.lines():
        say(line)
    verdict = "WRONG" if outcome.wrong else "all well"
    say(f"=== {verdict} after {time.monotonic() - begun:.0f} s; load of the machine: {os.getloadavg()[0]:.1f}")
    return 1 if outcome.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
