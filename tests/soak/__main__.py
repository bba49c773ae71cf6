"""``make soak``: 200 kills on SQLite and 100 on PostgreSQL, every byte of a trail flipped, 10,000 of a delivery.

And on both databases 100 kills of deliveries into an S3 store.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.soak.driver import soak
from tests.support import postgres
from tests.support.paths import ROOT
from tests.support.shell import Installation


def say(line: str) -> None:
    """At once, also into a pipe."""
    print(line, flush=True)


def main() -> int:
    """Exit code 1 when anything was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="on SQLite (%(default)s)")
    parser.add_argument("--postgres-kills", type=int, default=100, help="on PostgreSQL (%(default)s)")
    parser.add_argument("--no-trail", action="store_true", help="leave out the flipping of the trail's bytes")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of the dice (the time)")
    parser.add_argument("--no-receipt", action="store_true", help="leave out the changing of a delivery's bytes")
    parser.add_argument("--no-s3", action="store_true", help="leave out the kills of deliveries into a store")
    asked = parser.parse_args()
    wrong = 0
    if asked.kills:
        wrong += once("SQLite", None, asked.kills, asked.seed)
    if asked.postgres_kills:
        with postgres.running() as url:
            wrong += once("PostgreSQL", url, asked.postgres_kills, asked.seed)
    if not asked.no_trail:
        wrong += sum(trail(database) for database in ("sqlite", "postgres"))
    if not asked.no_receipt:
        wrong += receipt()
    if not asked.no_s3:
        wrong += sum(s3(database) for database in ("sqlite", "postgres"))
    return 1 if wrong else 0


def s3(database: str) -> int:
    """100 kills between the first part of a delivery and the commit of the database. 1 when one left a trace."""
    say(f"=== S3 on {database}: 100 kills between the first part and the database's commit")
    return _test("tests/exports/delivery/test_s3_kills.py", "one_dataset", "kills:", database)


def trail(database: str) -> int:
    """Every byte of a trail of 1,000 entries, flipped one at a time. 1 when one of them was not found."""
    say(f"=== trail on {database}: every byte of 1,000 entries")
    return _test("tests/exportadmin/audit/test_tampering.py", "every_byte_of_every_entry", "flipped bytes", database)


def receipt() -> int:
    """10,000 bytes of files, manifest and signature, changed one at a time. 1 when ``verify.py`` missed one."""
    say("=== receipt: 10,000 bytes of a delivery")
    return _test("tests/exports/delivery/test_receipt.py", "every_single_byte_mutation", "mutated bytes", "sqlite")


def _test(path: str, name: str, told_by: str, database: str) -> int:
    """One test of the suite at its full length. 1 when it failed, or did not print its line with ``told_by``."""
    command = [sys.executable, "-m", "pytest", "-q", "-rP", "-p", "no:cacheprovider", "--no-header", path, "-k", name]
    environment = {**os.environ, "SOAK": "1", "EXPORTADMIN_TEST_DB": database}
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    told = [line for line in done.stdout.splitlines() if told_by in line]
    say("\n".join(told) if done.returncode == 0 else done.stdout[-3000:])
    return 0 if done.returncode == 0 and told else 1


def once(title: str, url: str | None, kills: int, seed: int) -> int:
    """One database. How much was wrong."""
    say(f"=== {title}: {kills} kills, seed {seed}")
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="exportadmin-soak-") as home:
        installation = Installation(Path(home), url)
        made = installation.run("migrate", "--verbosity", "0")
        assert made.returncode == 0, made.stderr
        outcome = soak(installation, kills=kills, seed=seed, say=say)
    for line in outcome.lines():
        say(line)
    say(f"=== {title}: {'WRONG' if outcome.wrong else 'all well'} after {time.monotonic() - begun:.0f} s")
    return len(outcome.wrong)


if __name__ == "__main__":
    sys.exit(main())
