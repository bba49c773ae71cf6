"""A long trail, cut, set back, hashed anew, and altered as a file: all of it has to be found, by kind and entry.

``python -m tests.soak.trail --entries 100000``. A trail is written, with checkpoints at odd intervals, and exported.
Then, without the database: it is cut by every length from 1 to 50; set back to every checkpoint, as it stands and
continued; hashed anew from random entries; and lines of the export are changed, dropped, swapped and repeated. Of each
some are done to the database too. What is to be found is known beforehand: kind and entry have to be that.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from tests.support import postgres
from tests.support.paths import ROOT

LONGEST_CUT: Final = 50
# of entries: how many the trail is hashed anew from; altered lines of each way
REHASHED, ALTERED = 100, 20
# of each, in the database; a trail that is short enough has all of them done there
IN_DATABASE, SHORT = 3, 1_000


def main() -> int:
    """Exit code 1 when anything was not found, or called by another name."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak.trail", description=__doc__)
    parser.add_argument("--entries", type=int, default=100_000)
    parser.add_argument("--database", choices=["sqlite", "postgres", "both"], default="sqlite")
    parser.add_argument("--seed", type=int, default=1, help="of the dice")
    asked = parser.parse_args()
    wrong = 0
    if asked.database != "postgres":
        wrong += in_a_process("SQLite", None, asked.entries, asked.seed)
    if asked.database != "sqlite":
        with postgres.running() as url:
            wrong += in_a_process("PostgreSQL", url, asked.entries, asked.seed)
    return 1 if wrong else 0


def in_a_process(title: str, url: str | None, entries: int, seed: int) -> int:
    """Settings are of a process: one a database. 1 when anything was wrong."""
    with tempfile.TemporaryDirectory(prefix="exportadmin-trail-") as home:
        environment = {key: value for key, value in os.environ.items() if not key.startswith("EXPORTADMIN_")}
        environment |= {"EXPORTADMIN_HOME": home, "DJANGO_SETTINGS_MODULE": "exportadmin.settings"}
        if url is not None:
            environment["EXPORTADMIN_DATABASE_URL"] = url
        code = f"from tests.soak import trail; trail.here({title!r}, {entries}, {seed})"
        return int(subprocess.run([sys.executable, "-c", code], env=environment, cwd=ROOT, check=False).returncode != 0)


def here(title: str, entries: int, seed: int) -> None:
    """All of it on the database of this process' settings; exits with 1 when anything was wrong."""
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    dice = random.Random(seed)
    begun = time.monotonic()
    _write(entries, dice)
    found = Found(title)
    found.say(f"{entries:,} entries, {len(checkpoints())} checkpoints after {time.monotonic() - begun:.0f} s")
    exported = _Exported()
    for what in (cut, set_back, continued, hashed_anew, altered):
        what(exported, dice, found)
    how_many = entries if entries <= SHORT else IN_DATABASE
    _in_the_database(dice, found, how_many)
    found.say(f"{sum(found.tried.values()):,} tried, {found.wrong:,} not found or called otherwise")
    sys.exit(1 if found.wrong or not found.tried else 0)


class Found:
    """What was tried of each way, and what was not found as what it is."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._begun = time.monotonic()
        self.tried: Counter[str] = Counter()
        self.wrong = 0

    def check(self, what: str, verdict: Any, kinds: Sequence[str], entries: Sequence[int]) -> None:
        """The verdict has to be one of these kinds, at one of these entries."""
        self.tried[what] += 1
        if verdict.kind not in kinds or verdict.sequence not in entries:
            self.wrong += 1
            self.say(f"WRONG: {what} at {entries}: {verdict.summary}")

    def say(self, line: str) -> None:
        """At once, with the time."""
        print(f"{self._title} {time.monotonic() - self._begun:6.0f} s  {line}", flush=True)

    def done(self, what: str) -> None:
        """All of one way."""
        self.say(f"{what}: {self.tried[what]:,} tried")


def _write(entries: int, dice: random.Random) -> None:
    from exportadmin.audit.checkpoints.form import INTERVAL
    from exportadmin.audit.checkpoints.taking import take
    from tests.exportadmin.audit.support import fill

    left, most = entries, max(2, entries // 60)
    while left:
        step = min(left, dice.randint(1, most))
        fill(step)
        take(INTERVAL)
        left -= step


def checkpoints() -> list[int]:
    """The entries at which they end."""
    from django.conf import settings

    from exportadmin.audit.checkpoints.file import lines
    from exportadmin.audit.checkpoints.form import parse

    return [parse(raw).sequence for raw in lines(settings.CHECKPOINTS_FILE)]


# --- without the database --------------------------------------------------------------------------------------------


class _Exported:
    """The exported file, oldest entry first, which is changed and put right again."""

    def __init__(self) -> None:
        from django.conf import settings

        from exportadmin.audit import serialize
        from exportadmin.audit.models import AuditEntry

        self.checkpoints: Path = settings.CHECKPOINTS_FILE
        self.path: Path = settings.EXPORTADMIN_HOME / "exported.ndjson"
        self.lines = [line.rstrip(b"\n") for line in serialize.ndjson(AuditEntry.objects.order_by("sequence"))]
        self.offsets = [0]
        for line in self.lines:
            self.offsets.append(self.offsets[-1] + len(line) + 1)
        self.path.write_bytes(b"".join(line + b"\n" for line in self.lines))

    def verdict(self, first: int, lines: Sequence[bytes]) -> Any:
        """With these lines in place of all from entry ``first`` on."""
        from exportadmin.audit.checkpoints.comparing import verify_file
        from exportadmin.audit.trails import ExportedTrail

        at = self.offsets[first - 1]
        with self.path.open("r+b") as file:
            file.truncate(at)
            file.seek(at)
            file.writelines(line + b"\n" for line in lines)
        try:
            return verify_file(self.checkpoints, trail=ExportedTrail(self.path))
        finally:
            with self.path.open("r+b") as file:
                file.truncate(at)
                file.seek(at)
                file.writelines(line + b"\n" for line in self.lines[first - 1 :])


def anew(line: bytes, previous: str | None, **changed: Any) -> tuple[bytes, str]:
    """An entry's line with its hash made anew, and that hash."""
    from exportadmin.audit.canonical import canonical

    document = json.loads(line)
    del document["hash"]
    document |= changed | ({} if previous is None else {"previous_hash": previous})
    hashed = hashlib.sha256(canonical(document)).hexdigest()
    return canonical({**document, "hash": hashed}), hashed


def cut(exported: _Exported, dice: random.Random, found: Found) -> None:
    """By every length."""
    last = len(exported.lines)
    for length in range(1, min(LONGEST_CUT, last - 1) + 1):
        found.check("cut at its end", exported.verdict(last - length + 1, ()), ["truncated"], [last - length + 1])
    found.done("cut at its end")


def set_back(exported: _Exported, dice: random.Random, found: Found) -> None:
    """To every checkpoint but the last. A file alone cannot tell that from a cut."""
    for sequence in checkpoints()[:-1]:
        found.check("set back to a checkpoint", exported.verdict(sequence + 1, ()), ["truncated"], [sequence + 1])
    found.done("set back to a checkpoint")


def continued(exported: _Exported, dice: random.Random, found: Found) -> None:
    """To every checkpoint but the last, and then others came."""
    from exportadmin.lib import times

    for sequence in checkpoints()[:-1]:
        previous = json.loads(exported.lines[sequence - 1])["hash"]
        lines = []
        for number in range(sequence + 1, sequence + 4):
            line, previous = anew(exported.lines[0], previous, sequence=number, at_ms=times.now_ms() + 1_000)
            lines.append(line)
        verdict = exported.verdict(sequence + 1, lines)
        found.check("set back and continued", verdict, ["rolled back"], [sequence + 1])
    found.done("set back and continued")


def hashed_anew(exported: _Exported, dice: random.Random, found: Found) -> None:
    """From random entries on, to the end."""
    last = len(exported.lines)
    for first in dice.sample(range(1, last + 1), min(REHASHED, last)):
        line, previous = anew(exported.lines[first - 1], None, actor_name="mallory")
        lines = [line]
        for line in exported.lines[first:]:
            line, previous = anew(line, previous)
            lines.append(line)
        found.check("hashed anew", exported.verdict(first, lines), ["rewritten"], [first])
    found.done("hashed anew")


def altered(exported: _Exported, dice: random.Random, found: Found) -> None:
    """Lines of the file: a byte flipped, dropped, swapped with the next, repeated, with another number."""
    last = len(exported.lines)
    for first in dice.sample(range(2, last), min(ALTERED, last - 2)):
        line, rest = exported.lines[first - 1], exported.lines[first:]
        at = dice.randrange(line.rindex(b'"sequence":'))
        flipped = line[:at] + bytes([line[at] ^ 1 << dice.randrange(7)]) + line[at + 1 :]
        if b"\n" not in flipped:
            found.check("a flipped byte", exported.verdict(first, [flipped, *rest]), ["altered"], [first])
        found.check("a dropped line", exported.verdict(first, rest), ["missing"], [first])
        swapped = exported.verdict(first, [rest[0], line, *rest[1:]])
        found.check("swapped lines", swapped, ["reordered"], [first, first + 1])
        found.check("a repeated line", exported.verdict(first, [line, line, *rest]), ["reordered"], [first])
        other = line.replace(b'"sequence":%d}' % first, b'"sequence":%d}' % (last + 7))
        found.check(
            "another number", exported.verdict(first, [other, *rest]), ["missing", "reordered"], [first, first + 1]
        )
    for what in ("a flipped byte", "a dropped line", "swapped lines", "a repeated line", "another number"):
        found.done(what)


# --- in the database -------------------------------------------------------------------------------------------------


def _in_the_database(dice: random.Random, found: Found, how_many: int) -> None:
    """The same, each undone again. Rolled back is told from cut by what the database knows of its checkpoints."""
    from django.conf import settings
    from django.db import connection, transaction

    from exportadmin.audit import triggers
    from exportadmin.audit.checkpoints.comparing import verify_here
    from exportadmin.audit.checkpoints.file import lines
    from exportadmin.audit.checkpoints.form import parse
    from exportadmin.audit.models import CheckpointSeries
    from tests.exportadmin.audit import support

    last = support.head()[0]
    cuts = range(1, min(LONGEST_CUT, last - 1) + 1)
    written = [parse(raw) for raw in lines(settings.CHECKPOINTS_FILE)]
    with triggers.lifted(connection):
        for length in dice.sample(cuts, min(how_many, len(cuts))):
            with transaction.atomic():
                support.cut(last - length)
                found.check("cut in the database", verify_here(everywhere=True), ["truncated"], [last - length + 1])
                transaction.set_rollback(True)
        for one in dice.sample(written[:-1], min(how_many, len(written) - 1)):
            with transaction.atomic():
                support.cut(one.sequence)
                CheckpointSeries.objects.update(number=one.number, sequence=one.sequence, line=one.raw.decode())
                verdict = verify_here(everywhere=True)
                found.check("set back in the database", verdict, ["rolled back"], [one.sequence + 1])
                transaction.set_rollback(True)
        for first in dice.sample(range(1, last + 1), min(how_many, REHASHED, last)):
            with transaction.atomic():
                support.rehash(first, actor_name="mallory")
                found.check("hashed anew in the database", verify_here(everywhere=True), ["rewritten"], [first])
                transaction.set_rollback(True)
    for what in ("cut", "set back", "hashed anew"):
        found.done(f"{what} in the database")
    found.tried["untouched"] += 1
    whole = verify_here(everywhere=True)
    if not whole.unbroken:
        found.wrong += 1
    found.say(whole.summary)


if __name__ == "__main__":
    sys.exit(main())
