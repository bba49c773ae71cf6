"""Imports and incremental exports side by side: the union of the increments is the full export, every time.

``python -m tests.soak.increments --rounds 100`` on SQLite and on PostgreSQL. In each round two processes import into a
project, batch after batch, while a third exports what has changed since its export before. At the end of the round one
more increment is taken, and all of them together, each row as its last increment has it, have to be the full export.

So that a round can be seen to meet the fault, it also counts after how many exports a filter by time, from the moment
when that export began, would have lost rows.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from tests.support import postgres
from tests.support.paths import ROOT

IMPORTERS = 2
IMPORTS = 6  # an importer and round
ROWS = 60  # an import: more than the first batch holds
KEYS = 150  # so that later imports change rows of earlier ones


@dataclass
class Outcome:
    """Of all rounds."""

    rounds: int = 0
    exports: int = 0
    increments: int = 0
    lost_by_time: int = 0
    wrong: int = 0


def main() -> int:
    """Exit code 1 when any union was not the full export."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak.increments", description=__doc__)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--database", choices=["sqlite", "postgres", "both"], default="both")
    parser.add_argument("--seed", type=int, default=1, help="of the dice")
    options = parser.parse_args()
    wrong = 0
    if options.database != "postgres":
        wrong += _in_a_process("SQLite", None, options)
    if options.database != "sqlite":
        with postgres.running() as url:
            wrong += _in_a_process("PostgreSQL", url, options)
    return 1 if wrong else 0


def _in_a_process(title: str, url: str | None, options: argparse.Namespace) -> int:
    """Settings are of a process: one a database. 1 when anything was wrong."""
    with tempfile.TemporaryDirectory(prefix="exportadmin-increments-") as home:
        environment = {key: value for key, value in os.environ.items() if not key.startswith("EXPORTADMIN_")}
        environment |= {"EXPORTADMIN_HOME": home, "DJANGO_SETTINGS_MODULE": "exportadmin.settings"}
        if url is not None:
            environment["EXPORTADMIN_DATABASE_URL"] = url
        code = f"from tests.soak import increments; increments.here({title!r}, {options.rounds}, {options.seed})"
        return int(subprocess.run([sys.executable, "-c", code], env=environment, cwd=ROOT, check=False).returncode != 0)


def here(title: str, rounds: int, seed: int) -> None:
    """All rounds on the database of this process' settings; exits with 1 when anything was wrong."""
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    pipes = _importers()
    outcome = Outcome()
    for number in range(rounds):
        _round(pipes, number, random.Random(seed * 1_000 + number), outcome)
    for pipe in pipes:
        pipe.send(None)
    print(f"{title}: {outcome}", flush=True)
    sys.exit(1 if outcome.wrong else 0)


def _importers() -> list[Connection]:
    """Processes that import what they are sent and then answer; forked before there is a database connection."""
    from django.db import connections

    connections.close_all()
    context = multiprocessing.get_context("fork")
    pipes = []
    for _ in range(IMPORTERS):
        ours, theirs = context.Pipe()
        context.Process(target=_import_what_is_sent, args=(theirs,), daemon=True).start()
        pipes.append(ours)
    return pipes


def _import_what_is_sent(pipe: Connection) -> None:
    from connections.models import Project
    from connections.store.upsert import write_rows
    from tests.support.rows import box, row

    while (job := pipe.recv()) is not None:
        project = Project.objects.get(pk=job["project"])
        dice = random.Random(job["seed"])
        for _ in range(IMPORTS):
            keys = dice.sample(range(KEYS), ROWS)
            write_rows(project, [row(f"k{key}", box(left=float(dice.randrange(10_000)))) for key in keys])
        pipe.send("done")


def _round(pipes: list[Connection], number: int, dice: random.Random, outcome: Outcome) -> None:
    from connections.actions import store_project
    from exportadmin.lib.actor import system

    project = store_project(f"Round {number}", system("soak"))
    for pipe in pipes:
        pipe.send({"project": project.pk, "seed": dice.random()})
    working = list(pipes)
    union: dict[str, str] = {}
    last = None
    while working:
        last = _increment(project, last, union, outcome)
        for pipe in [pipe for pipe in working if pipe.poll()]:
            pipe.recv()
            working.remove(pipe)
    _increment(project, last, union, outcome)
    full = _rows_of(_export(project, outcome))
    outcome.rounds += 1
    if union != full:
        outcome.wrong += 1
        missing = sorted(key for key in full if key not in union)
        old = sorted(key for key in full if key in union and union[key] != full[key])
        print(f"round {number}: {len(missing)} rows missing {missing[:5]}, {len(old)} not as they are {old[:5]}")


def _increment(project: Any, last: Any, union: dict[str, str], outcome: Outcome) -> Any:
    from connections.store.models import StoreRow
    from exportadmin.lib.times import from_datetime

    if last is None:
        report = _export(project, outcome)
    else:
        outcome.increments += 1
        began = from_datetime(last.started_at)
        late = StoreRow.objects.filter(project=project, revision__gt=last.revision, written_ms__lte=began)
        outcome.lost_by_time += late.exists()
        report = _export(project, outcome, since_revision=last.report_id)
    union |= _rows_of(report)
    return report


def _export(project: Any, outcome: Outcome, **conditions: Any) -> Any:
    from exportadmin.lib.actor import Actor
    from exports import actions
    from exports.spec.spec import ExportSpec

    outcome.exports += 1
    spec = ExportSpec.parse({"format": "ndjson", "filter": conditions}, project)
    actor = Actor(kind="user", name="trial", channel="shell")
    report = actions.run_now(project=project, spec=spec, actor=actor)
    assert report.is_delivered, report.error
    return report


def _rows_of(report: Any) -> dict[str, str]:
    """Global key → line, without what the first row of a file carries of its project."""
    from connections.rows.backup import without_project
    from tests.support.deliveries import delivery_folder

    (artifact,) = report.artifacts.all()
    lines = (delivery_folder(report) / artifact.name).read_bytes().splitlines()
    rows = [without_project(line).decode() for line in lines]
    return {json.loads(row)["data_row"]["global_key"]: row for row in rows}


if __name__ == "__main__":
    sys.exit(main())
