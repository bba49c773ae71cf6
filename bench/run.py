"""``make bench``: 100,000 and 1,000,000 rows of the bench mix, beside a file copy and beside the peers.

``BENCH_ARGS="--rows 10000"`` is a quick run. Everything lies in a cache folder outside the repository; the result
goes to the screen and to ``bench-results/``. Short of an aim is a result, not a failure: the exit code is 0 whenever it
ran.
"""

from __future__ import annotations

import fcntl
import importlib.metadata
import os
import platform
import sqlite3
import sys
import time
from argparse import ArgumentParser, Namespace
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from bench import data
from bench.measure import ROOT, NotMeasured
from bench.report import Result
from bench.stages import FORMATS, Bench, masks_stage, memory_aims, size_stage

MEMORY_ROWS = 10_000
PEERS_MOST = 100_000
OURS = ("django", "orjson", "numpy", "pycocotools", "isal", "pillow", "psycopg")


def arguments() -> Namespace:
    """The flags."""
    parser = ArgumentParser(prog="python -m bench.run", description=__doc__)
    parser.add_argument("--rows", type=_sizes, default=[100_000, 1_000_000], metavar="N[,N…]", help="100000,1000000")
    parser.add_argument("--rounds", type=int, default=3, help="how often each of ours and each copy runs (3)")
    parser.add_argument("--peer-rounds", type=int, default=1, help="how often each peer runs: a minute each (1)")
    parser.add_argument("--formats", type=_formats, default=list(FORMATS), metavar="F[,F…]", help=",".join(FORMATS))
    parser.add_argument("--png-rows", type=int, default=2_000, help="rows for class masks beside Pillow (2000)")
    parser.add_argument("--peers", type=Path, default=ROOT / ".venv-bench" / "bin" / "python", metavar="PYTHON")
    parser.add_argument("--no-peers", action="store_true", help="only ours and the copies")
    parser.add_argument("--database", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--cache", type=Path, help="folder for data and databases; never inside the repository")
    parser.add_argument("--keep", action="store_true", help="leave the databases there")
    return parser.parse_args()


def _sizes(text: str) -> list[int]:
    sizes = sorted({int(part) for part in text.split(",")})
    if sizes[0] < 1:
        raise ValueError(text)
    return sizes


def _formats(text: str) -> list[str]:
    keys = text.split(",")
    if set(keys) - set(FORMATS):
        raise ValueError(text)
    return keys


def main() -> int:
    """Run; the exit code comes back."""
    args = arguments()
    if not data.GENERATOR.is_file():
        print("bench: skipped, ../shared/tools/gen_label_studio_tasks.py is not beside this clone")
        return 0
    cache: Path = args.cache.expanduser().resolve() if args.cache else data.cache_folder()
    if cache.is_relative_to(ROOT):
        print(f"bench: {cache} lies in the repository; name a folder outside", file=sys.stderr)
        return 2
    cache.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        lock = stack.enter_context((cache / "lock").open("w"))
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"bench: another run uses {cache}", file=sys.stderr)
            return 1
        return _run(args, cache, stack)


def _run(args: Namespace, cache: Path, stack: ExitStack) -> int:
    peers: Path | None = args.peers
    result = Result(_head(args, cache))
    for key, value in result.head.items():
        print(f"{key}: {value}")
    if args.no_peers or not args.peers.is_file():
        peers = None
        why = "asked so" if args.no_peers else f"there is no {args.peers} (`make bench` makes it)"
        result.note(f"label-studio-sdk and Datumaro not measured: {why}")
    bench = Bench(
        cache,
        result,
        peers,
        rounds=args.rounds,
        peer_rounds=args.peer_rounds,
        formats=args.formats,
        png_rows=args.png_rows,
        png_rounds=args.rounds,
        keep=args.keep,
    )
    if args.database == "postgres":
        from bench.postgres import database

        stack.enter_context(database(bench))
    started = time.monotonic()
    code = 0
    with_peers = max((rows for rows in args.rows if rows <= PEERS_MOST), default=0)
    try:
        if "png" in args.formats:
            masks_stage(bench)
        # a small size first, untimed: memory has to be the same there
        for rows in sorted({min(MEMORY_ROWS, args.rows[0]), *args.rows}):
            if not _room(bench, rows):
                continue
            try:
                size_stage(bench, rows, timed=rows in args.rows, with_peers=rows == with_peers)
            except NotMeasured as error:
                result.note(str(error))
        memory_aims(bench)
    except KeyboardInterrupt:
        code = 130
        result.note("interrupted; what follows is what was measured until then")
    result.head["load at the end"] = _load()
    result.head["took"] = f"{(time.monotonic() - started) / 60:.1f} minutes"
    path = result.write()
    print(f"\n{result.figures_table()}\n\n{result.aims_table()}\n")
    print(f"written: {path.relative_to(ROOT)} and .json; data kept in {cache} ({_held(cache) / 1e9:.1f} GB)")
    return code


def _room(bench: Bench, rows: int) -> bool:
    need, free = rows * data.BYTES_PER_ROW, data.free_bytes(bench.cache)
    if free < need:
        bench.result.note(
            f"{rows:,} rows skipped: needs {need / 1e9:.0f} GB in {bench.cache}, {free / 1e9:.0f} GB are free"
        )
    return free >= need


def _held(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _head(args: Namespace, cache: Path) -> dict[str, str]:
    ours = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in OURS)
    return {
        "when": f"{datetime.now(UTC):%Y-%m-%d %H:%M}Z",
        "asked": " ".join(sys.argv[1:]) or "the defaults",
        "machine": f"{_processor()}, {os.cpu_count()} cores, {_memory_gb():.0f} GB, {platform.platform()}",
        "versions": f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {ours}",
        "database": args.database,
        "data": f"gen_label_studio_tasks.py --mix bench, in {cache}",
        "load at the start": _load(),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _memory_gb() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


def _load() -> str:
    return ", ".join(f"{value:.1f}" for value in os.getloadavg())


if __name__ == "__main__":
    sys.exit(main())
