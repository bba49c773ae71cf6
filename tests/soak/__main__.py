"""``make soak``: every kind of fault on both databases, and what came of it as a table.

1,000 kills on each database take an hour or two; ``--seconds`` bounds a piece of them, and ``--add-to FILE`` adds what
came of it to that of the pieces before: ``make soak ARGS='--kills 250 --only kills --add-to soak.json'``, four times.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# a machine that has other things to do is given more time; before the drivers are loaded, who read it
os.environ.setdefault("PATIENCE_SECONDS", "120")

from tests.outage.server import running
from tests.soak import faults, frozen, full_disk, trail
from tests.soak.barriers.apps import IN_TRANSACTION
from tests.soak.driver import Outcome, Soaked, soak
from tests.soak.faults import POSTGRES, SQLITE, Row
from tests.support.shell import Installation, migrate

PARTS = ("kills", "frozen", "disks", "trail", "tests")


def say(line: str) -> None:
    """At once, also into a pipe."""
    print(line, flush=True)


def main() -> int:
    """Exit code 1 when anything was wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.soak", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=1000, help="on SQLite (%(default)s)")
    parser.add_argument("--postgres-kills", type=int, default=1000, help="on PostgreSQL (%(default)s)")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="at most for the kills on each database")
    parser.add_argument("--add-to", type=Path, metavar="FILE", help="add the counts of the kills to those in a file")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of the dice (the time)")
    parser.add_argument("--entries", type=int, default=100_000, help="of the trail that is tampered with (%(default)s)")
    parser.add_argument("--only", choices=PARTS, action="append", help="not all parts; repeatable")
    parser.add_argument("--fault", default="", metavar="WORDS", help="of the tests only those in whose title this is")
    asked = parser.parse_args()
    parts = asked.only or PARTS
    rows: list[Row] = []
    for database, kills in ((SQLITE, asked.kills), (POSTGRES, asked.postgres_kills)):
        if "kills" in parts and kills:
            rows += kill(database, kills, asked)
        if "frozen" in parts:
            rows.append(freeze(database))
    if "disks" in parts:
        rows.append(fill_disks())
    if "trail" in parts:
        rows += tamper(asked.entries, asked.seed)
    if "tests" in parts:
        rows += faults.try_all(asked.fault)
    say("=== what was tried, and what came of it")
    for row in rows:
        say(faults.line(row))
    return 0 if all(row.is_green is not False for row in rows) else 1


@contextlib.contextmanager
def installed(database: str) -> Iterator[Installation]:
    """A new installation, migrated, on a server that keeps what it committed."""
    with contextlib.ExitStack() as stack:
        url = stack.enter_context(running()).url if database == POSTGRES else None
        home = stack.enter_context(tempfile.TemporaryDirectory(prefix="exportadmin-soak-"))
        installation = Installation(Path(home), url)
        migrate(installation)
        yield installation


def kill(database: str, kills: int, asked: argparse.Namespace) -> list[Row]:
    """A row for each kind of process, with all that was killed so far where pieces are added up."""
    say(f"=== {database}: {kills} kills, seed {asked.seed}")
    begun = time.monotonic()
    with installed(database) as installation:
        outcome = soak(installation, kills=kills, seed=asked.seed, say=say, seconds=asked.seconds)
    if asked.add_to:
        outcome = add(outcome, asked.add_to, database)
    for line in outcome.lines():
        say(line)
    say(f"=== {database}: {'WRONG' if outcome.wrong else 'all well'} after {time.monotonic() - begun:.0f} s")
    roles: Counter[str] = Counter()
    for (role, _), count in outcome.kills.items():
        roles[role] += count
    rows = [Row(f"kill -9: {role}", database, not outcome.wrong, f"{count} times") for role, count in roles.items()]
    if database == SQLITE:
        inside = sum(
            count for (role, place), count in outcome.kills.items() if role == "worker" and place in IN_TRANSACTION
        )
        rows.append(Row("kill -9: in SQLite's transaction", database, not outcome.wrong, f"{inside} of the workers"))
    words = (
        f"{outcome.kills.total()} kills, {outcome.reports} reports: {outcome.lost} lost, {outcome.doubled} doubled, "
        f"{outcome.half_visible} half-visible; {'; '.join(outcome.wrong) or 'all delivered'}"
    )
    return [*sorted(rows, key=lambda row: row.title), Row("kills in all", database, not outcome.wrong, words)]


def add(outcome: Outcome, file: Path, database: str) -> Outcome:
    """What came of this piece, and of those before it, which ``file`` keeps for each database."""
    kept: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    before = kept.get(database)
    if before:
        outcome.kills.update({(role, place): count for role, place, count in before["kills"]})
        outcome.attempts.update({int(number): count for number, count in before["attempts"].items()})
        for name in ("reports", "again", "looks", "lost", "doubled", "half_visible"):
            setattr(outcome, name, getattr(outcome, name) + before[name])
        outcome.wrong = before["wrong"] + outcome.wrong
    kept[database] = {
        **vars(outcome),
        "kills": [[*where, count] for where, count in outcome.kills.items()],
        "attempts": dict(outcome.attempts),
    }
    file.write_text(json.dumps(kept, indent=1) + "\n")
    return outcome


def freeze(database: str) -> Row:
    """At each barrier."""
    say(f"=== {database}: a worker frozen at each barrier")
    with installed(database) as installation, Soaked(installation) as soaked:
        wrong = frozen.freeze_everywhere(soaked, say)
    count = len(frozen.places(database == POSTGRES))
    return Row("frozen at each barrier", database, not wrong, "; ".join(wrong) or f"{count} barriers")


def tamper(entries: int, seed: int) -> Iterator[Row]:
    """With a long trail, on both databases."""
    with running() as server:
        for database, url in ((SQLITE, None), (POSTGRES, server.url)):
            say(f"=== {database}: a trail of {entries:,} entries, cut, set back, hashed anew, altered")
            wrong = trail.in_a_process(database, url, entries, seed)
            yield Row("a trail tampered with", database, not wrong, f"{entries:,} entries")


def fill_disks() -> Row:
    """Where we may mount one."""
    title = "a disk that is really full"
    if not full_disk.is_possible():
        return Row(title, SQLITE, None, "mounting a small disk needs root")
    with installed(SQLITE) as installation:
        made = installation.run("load_demo", "--no-exports")
        assert made.returncode == 0, made.stderr
        wrong = full_disk.fill_disks(installation)
    return Row(title, SQLITE, not wrong, "; ".join(wrong) or "files and spools")


if __name__ == "__main__":
    sys.exit(main())
