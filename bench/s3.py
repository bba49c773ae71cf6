"""``python -m bench.s3``: a large export to S3 beside boto3's own transfer manager, which uploads the finished file.

SeaweedFS on this machine takes both, in turns. Wall time is that of the whole command, with the start of Python;
memory is what its process holds at most, beside the same command for a hundred rows. While it runs, all files of its
home and its temporary folder are looked at: none may grow with the data.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any, Final

from bench.measure import ROOT, Spread
from tests.support import seaweed

MOST_WALL: Final = 1.5
MOST_MEMORY_MB: Final = 100
MOST_FILES_MB: Final = 64
LOOK_SECONDS: Final = 0.1
UPLOAD: Final = """
import sys, boto3
from botocore.config import Config
config = Config(s3={"addressing_style": "path"}, region_name="us-east-1")
client = boto3.client("s3", endpoint_url=sys.argv[1], config=config)
client.upload_file(sys.argv[2], "bench", "uploaded")
"""


def arguments() -> Namespace:
    """The flags."""
    parser = ArgumentParser(prog="python -m bench.s3", description=__doc__)
    parser.add_argument("--mb", type=int, default=2_000, help="of the file (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="of each (%(default)s)")
    return parser.parse_args()


def main() -> int:
    """Exit code 1 when an aim was missed."""
    args = arguments()
    with tempfile.TemporaryDirectory(prefix="exportadmin-bench-s3-") as folder, seaweed.running() as store:
        store.new_bucket("bench")
        return Bench(Path(folder), store).run(args)


class Bench:
    """An installation of its own, with two projects of the same rows: one small, one large."""

    def __init__(self, folder: Path, store: seaweed.Store) -> None:
        self.home, self.scratch, self.store = folder / "home", folder / "tmp", store
        self.finished = folder / "finished"
        for one in (self.home, self.scratch):
            one.mkdir()
        known = seaweed.IDENTITIES["exporter"]
        self.keys = {"access_key_id": known.access_key_id, "secret_access_key": known.secret_access_key}
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("EXPORTADMIN_")},
            "EXPORTADMIN_HOME": str(self.home),
            "EXPORTADMIN_LOG_LEVEL": "WARNING",
            "TMPDIR": str(self.scratch),
            "DJANGO_SETTINGS_MODULE": "exportadmin.settings",
            **{f"AWS_{name.upper()}": value for name, value in self.keys.items()},
        }

    def run(self, args: Namespace) -> int:
        """Fill it, measure in turns, print."""
        self.shell("migrate", "--verbosity", "0")
        self.shell("load_demo", "--no-exports")
        self.connect()
        small = self.fill("Small", 100)
        self.fill("Large", max(args.mb * 1_000_000 // small, 100))
        self.export("Small", local=True)
        idle = self.export("Small").memory_mb
        exported, uploaded, memory, files = list[float](), list[float](), 0.0, 0.0
        (path,) = self.finished_file("Large")
        for _ in range(args.rounds):
            ours = self.export("Large")
            exported.append(ours.wall_s)
            memory, files = max(memory, ours.memory_mb - idle), max(files, ours.files_mb)
            theirs = self.measure([sys.executable, "-c", UPLOAD, self.store.endpoint, str(path)])
            uploaded.append(theirs.wall_s)
        ours_s, theirs_s = Spread.of(exported), Spread.of(uploaded)
        wall = ours_s.median / theirs_s.median
        size = path.stat().st_size
        say(f"=== {size / 1e6:,.0f} MB, {args.rounds} rounds, load {os.getloadavg()[0]:.1f}")
        say(f"export to S3       {ours_s.median:7.2f} s   boto3 upload_file {theirs_s.median:7.2f} s  {wall:.2f} times")
        say(f"memory over idle   {memory:7.0f} MB  (idle {idle:.0f} MB)")
        say(f"files while it ran {files:7.1f} MB")
        missed = [wall > MOST_WALL, memory > MOST_MEMORY_MB, files > MOST_FILES_MB]
        say("=== " + ("an aim was missed" if any(missed) else "all aims were met"))
        return int(any(missed))

    def shell(self, *arguments: str) -> str:
        """``exportadmin ARGUMENTS…``: what it prints."""
        command = [sys.executable, "-m", "django", *arguments]
        done = subprocess.run(command, env=self.environment, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
        return done.stdout

    def connect(self) -> None:
        """Make the connection, granted to whom it is named for later."""
        place = {"endpoint": self.store.endpoint, "private_address": self.store.address}
        values = {"config": {"bucket": "bench", "path_style": True, **place}, "secrets": self.keys}
        code = (
            "import sys, json\n"
            "from connections import connection_actions as actions\n"
            "from connections.actions import store_project\n"
            "from exportadmin.lib.command import shell_actor\n"
            "values = json.loads(sys.argv[1])\n"
            "made = actions.create_connection(kind='s3', name='Bench', actor=shell_actor(), **values)\n"
            "for name in ('Small', 'Large'):\n"
            "    project = store_project(name, shell_actor())\n"
            "    actions.grant_connection(connection=made, project=project, actor=shell_actor())\n"
        )
        command = [sys.executable, "-c", f"import django; django.setup()\n{code}", json.dumps(values)]
        subprocess.run(command, env=self.environment, cwd=ROOT, check=True)

    def fill(self, project: str, rows: int) -> int:
        """So many rows, those of the demo again and again; the bytes of one of them."""
        demo = self.finished / "Demo"
        if not demo.exists():
            self.shell("run_export", "Demo", "--format", "ndjson", "--include", "label_details", "--output", str(demo))
        (source,) = demo.glob("*.ndjson")
        lines = source.read_bytes().splitlines()[1:]
        file = self.scratch / f"{project}.ndjson"
        with file.open("wb") as out:
            for number in range(rows):
                row: dict[str, Any] = json.loads(lines[number % len(lines)])
                row["data_row"]["global_key"] = f"row-{number}"
                row["data_row"].pop("id", None)
                row.pop("export_admin", None)
                out.write(json.dumps(row).encode() + b"\n")
        self.shell("import_rows", str(file), "--project", project)
        size = file.stat().st_size // rows
        file.unlink()
        return size

    def finished_file(self, project: str) -> list[Path]:
        """The same export, in a folder."""
        folder = self.finished / project
        self.shell("run_export", project, "--format", "ndjson", "--output", str(folder))
        return list(folder.glob("*.ndjson"))

    def export(self, project: str, *, local: bool = False) -> Cost:
        """To S3, or (``local``) to the installation, which warms up."""
        to = [] if local else ["kind=s3", "connection=Bench", "folder=bench/exports/"]
        options = [word for setting in to for word in ("--destination", setting)]
        return self.measure([sys.executable, "-m", "django", "run_export", project, "--format", "ndjson", *options])

    def measure(self, command: list[str]) -> Cost:
        """What a process costs from start to end."""
        import time

        before, most, over = self._held(), 0, threading.Event()

        def look() -> None:
            nonlocal most
            while not over.wait(LOOK_SECONDS):
                most = max(most, self._held() - before)

        watcher = threading.Thread(target=look)
        watcher.start()
        started = time.perf_counter()
        process = subprocess.Popen(command, env=self.environment, cwd=ROOT, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        over.set()
        watcher.join()
        if status:
            raise SystemExit(f"bench: {command[:4]} failed")
        return Cost(wall, usage.ru_maxrss / 1024, most / 1e6)

    def _held(self) -> int:
        """Bytes of all files of home and scratch folder."""
        total = 0
        for root, _, names in os.walk(self.home.parent):
            for name in names:
                try:
                    total += Path(root, name).stat().st_size
                except FileNotFoundError:
                    continue
        return total


class Cost:
    """Of one process: seconds, and megabytes at most."""

    def __init__(self, wall_s: float, memory_mb: float, files_mb: float) -> None:
        self.wall_s, self.memory_mb, self.files_mb = wall_s, memory_mb, files_mb


def say(line: str) -> None:
    """Print at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
