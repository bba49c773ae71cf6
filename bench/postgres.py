"""``--database postgres``: a private server for the run; its CPU time is added to that of the process that asked it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.stages import Bench
from tests.support.postgres import running

_TICK = os.sysconf("SC_CLK_TCK")


@contextmanager
def database(bench: Bench) -> Iterator[None]:
    """Give the benchmark a fresh server for the length of the block, and from it an empty database for each size."""
    import psycopg

    names = [f"bench{number}" for number in range(100)]
    with running() as url:

        def new() -> str:
            with psycopg.connect(url, autocommit=True) as connection:
                for (old,) in connection.execute("SELECT datname FROM pg_database WHERE datname ~ '^bench'").fetchall():
                    connection.execute(f'DROP DATABASE "{old}"')
                name = names.pop(0)
                connection.execute(f'CREATE DATABASE "{name}"')
            return url.replace("/exportadmin?", f"/{name}?")

        folder = Path(url.partition("?host=")[2])
        server = int((folder / "data" / "postmaster.pid").read_text(encoding="utf-8").split()[0])
        bench.new_database = new
        bench.server_cpu = lambda: server_cpu_s(server)
        yield


def server_cpu_s(server: int) -> float:
    """CPU seconds of a server so far: its own, its dead children's, its living children's."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:
            continue  # gone in the meantime
        own = int(stat.parent.name) == server
        if own or int(fields[1]) == server:
            ticks += sum(map(int, fields[11:15] if own else fields[11:13]))
    return ticks / _TICK
