"""``python -m bench.sync``: a sync of many rows from the Labellerr server of the tests, and another after 1 % changed.

The server is a process of its own. *Reading* is from the moment the file is here to the end; *whole* is all of the run,
with the making and fetching of the file, for which the server takes its time. CPU is this process's own: on a machine
that does other things too, it says what wall time would be. Memory is the most that this process held, beside what it
held after a hundred rows.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import sys
import tempfile
import time
from argparse import ArgumentParser, Namespace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

LEAST_ROWS_PER_SECOND: Final = 5_000
MOST_OF_FIRST: Final = 0.03
MOST_MEMORY_MB: Final = 100
# of what the first sync brought, less the overlap: nothing comes twice
CHANGED: Final = 100


def arguments() -> Namespace:
    """The flags."""
    parser = ArgumentParser(prog="python -m bench.sync", description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000, help="of the project (%(default)s)")
    return parser.parse_args()


def serve(folder: str, rows: int, pipe: Connection) -> None:
    """In a process of its own, until told to end: a change of every hundredth row at each word before."""
    from tests.support.labellerr_server import LabellerrServer, MadeRows

    server = LabellerrServer(Path(folder))
    many = MadeRows(rows)
    server.serve("few", MadeRows(CHANGED), name="Few")
    server.serve("many", many, name="Many")
    pipe.send((server.config, server.secrets))
    while pipe.recv() == "change":
        now = int(time.time() * 1000)
        for number in range(0, rows, CHANGED):
            many.changed[number], many.more[number] = now, {"remarks": "changed"}
        pipe.send("done")
    server.close()


class Measured:
    """Wall and CPU seconds of a sync, and of its reading alone."""

    def __init__(self, project: Any, mode: str = "auto") -> None:
        from connections.sync import runner
        from connections.sync.actions import sync_now
        from exportadmin.lib.actor import system

        carry_out = runner._Reading.carry_out

        def timed(reading: Any) -> None:
            begun = _clocks()
            carry_out(reading)
            self.reading = _since(begun)

        begun = _clocks()
        with patch.object(runner._Reading, "carry_out", timed):
            self.run = sync_now(project=project, actor=system("bench"), mode=mode)
        self.whole = _since(begun)
        if self.run.status != "completed":
            raise SystemExit(f"{self.run.label} {self.run.status}: {self.run.error}")

    def __str__(self) -> str:
        rows = (self.run.summary or {})["rows"]
        wall, cpu = self.reading
        speed = f"{rows / wall:,.0f} rows a second of wall, {rows / cpu:,.0f} of CPU"
        return (
            f"{self.run.mode}, {rows:,} rows: reading {wall:.2f} s (CPU {cpu:.2f} s): {speed}; whole "
            f"{self.whole[0]:.2f} s (CPU {self.whole[1]:.2f} s)"
        )


def _clocks() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


def _since(begun: tuple[float, float]) -> tuple[float, float]:
    now = _clocks()
    return now[0] - begun[0], now[1] - begun[1]


def _held_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> int:
    """Exit code 1 when an aim was missed."""
    args = arguments()
    with tempfile.TemporaryDirectory(prefix="exportadmin-bench-sync-") as folder:
        os.environ |= {"EXPORTADMIN_HOME": folder, "DJANGO_SETTINGS_MODULE": "exportadmin.settings"}
        # what the first sync brought would come again with the second, within the overlap
        os.environ["EXPORTADMIN_SYNC_OVERLAP"] = "60"
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        remote = Path(folder, "remote")
        remote.mkdir()
        server = context.Process(target=serve, args=(str(remote), args.rows, theirs), daemon=True)
        server.start()
        try:
            return _run(args.rows, ours)
        finally:
            ours.send("end")
            server.join(timeout=10)


def _run(rows: int, pipe: Connection) -> int:
    import django

    django.setup()
    from django.core.management import call_command

    from connections.connection_actions import create_connection
    from connections.sync.actions import mirror_project
    from exportadmin.lib.actor import system

    call_command("migrate", verbosity=0)
    config, secrets = pipe.recv()
    me = system("bench")
    connection = create_connection(kind="labellerr", name="Labellerr", config=config, secrets=secrets, actor=me)
    Measured(mirror_project(connection=connection, external_id="few", actor=me))
    before = _held_mb()
    project = mirror_project(connection=connection, external_id="many", actor=me)
    first = Measured(project)
    grown = _held_mb() - before
    pipe.send("change")
    pipe.recv()
    second = Measured(project)
    whole = Measured(project, "full")
    for one in (first, second, whole):
        print(one)
    share = second.reading[1] / first.reading[1]
    print(f"the second is {share:.1%} of the first, by CPU of reading; memory grew by {grown:.0f} MB")
    per_second = rows / first.reading[1]
    is_right = per_second >= LEAST_ROWS_PER_SECOND and share <= MOST_OF_FIRST and grown <= MOST_MEMORY_MB
    return 0 if is_right else 1


if __name__ == "__main__":
    sys.exit(main())
