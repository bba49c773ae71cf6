"""``python -m bench.streaming``: rows of a million-row ndjson from line 900,000 on, beside those from line 0 on.

A finished report is made directly (the file, and what the database says of it), served by the real web process and
asked for in turns over the network: how long until the first byte of the answer's body, until its first whole line, and
what it costs in memory, also when everything to the end is read. More than twice as long as line 0 is too slow.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from bench.measure import ROOT, Spread, ratio

MOST: Final = 2.0
BATCH = 1_000  # rows between two entries of the index, as the pipeline writes them for rows of this size
BLOCK = 1 << 20
_FILL: Final = (sys.executable, "-m", "bench.streaming", "--fill")
MORE_MB = 8  # of memory, while a quarter of a gigabyte passes: blocks on their way, nothing that grows with the file


def arguments() -> Namespace:
    """The flags."""
    parser = ArgumentParser(prog="python -m bench.streaming", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--line", type=int, default=900_000)
    parser.add_argument("--rounds", type=int, default=25, help="how often each line is asked for (%(default)s)")
    parser.add_argument("--fill", type=Path, help="for itself: make the report in this folder")
    parser.add_argument("--format", default="ndjson", help="for itself: of the report")
    return parser.parse_args()


def main() -> int:
    """Exit code 1 when line 900,000 is too slow or memory grows."""
    args = arguments()
    if args.fill:
        fill(args.fill, args.rows, args.format)
        return 0
    return measure(args, Rows)


def measure(args: Namespace, kind: type[Rows]) -> int:
    """A report of ``args.format``, asked for as ``kind`` does."""
    with tempfile.TemporaryDirectory(prefix="exportadmin-streaming-") as home:
        environment = {
            **os.environ,
            "EXPORTADMIN_HOME": home,
            "EXPORTADMIN_LOG_LEVEL": "WARNING",
            "EXPORTADMIN_WEB_PROCESSES": "1",
            "EXPORTADMIN_THROTTLE_USER": "100000/min",
            "DJANGO_SETTINGS_MODULE": "exportadmin.settings",
        }
        environment.pop("EXPORTADMIN_DATABASE_URL", None)
        (Path(home) / "static").mkdir()
        run = [sys.executable, "-m", "django"]
        subprocess.run([*run, "migrate", "--verbosity", "0"], env=environment, cwd=ROOT, check=True)
        filled = subprocess.run(
            [
                sys.executable,
                "-m",
                "bench.streaming",
                "--rows",
                str(args.rows),
                "--fill",
                home,
                "--format",
                args.format,
            ],
            env=environment,
            cwd=ROOT,
            check=True,
            stdout=subprocess.PIPE,
        )
        with web(environment) as (port, server):
            return compare(kind(port, **json.loads(filled.stdout)), server, args)


def compare(rows: Rows, server: int, args: Namespace) -> int:
    """Measure and print."""
    say(f"=== {args.rows:,} rows, {rows.size / 1e6:.0f} MB, {args.rounds} rounds, load {load()}")
    # at an entry of the index there is nothing to skip; the row before the next entry is the worst place
    lines = (0, args.line, args.line + BATCH - 1)
    for line in lines * 3:  # connections, caches, imports
        rows.start(line)
    before = memory_mb(server, "VmRSS")
    samples: dict[int, list[tuple[float, float]]] = {line: [] for line in lines}
    for number in range(args.rounds):
        for line in lines if number % 2 else reversed(lines):
            samples[line].append(rows.start(line))
    slow = 0
    for index, what in enumerate(("first byte", "first whole line")):
        under = [one[index] for one in samples[0]]
        say(f"{what + ',':<17} line 0: {Spread.of(under).median * 1000:6.2f} ms")
        for line in lines[1:]:
            over = [one[index] for one in samples[line]]
            rounds = ratio(over, under)
            assert rounds is not None
            slow += rounds.median > MOST
            medians = Spread.of(over).median / Spread.of(under).median
            say(
                f"{'':<17} line {line:,}: {Spread.of(over).median * 1000:6.2f} ms   ratio {rounds.median:.2f}"
                f" (of the medians: {medians:.2f}; of one round: {rounds.least:.2f} to {rounds.most:.2f})"
            )
    after = memory_mb(server, "VmRSS")
    say(f"memory of the web process: {before:.1f} MB before, {after:.1f} MB after {len(lines) * args.rounds} starts")
    grown = after - before > MORE_MB
    for line in (args.line, 0):
        Path(f"/proc/{server}/clear_refs").write_text("5", encoding="ascii")  # the peak begins anew: proc(5)
        seconds, size = rows.read_all(line)
        peak = memory_mb(server, "VmHWM")
        grown = grown or peak - before > MORE_MB
        say(f"from line {line:,} to the end: {size / 1e6:.0f} MB in {seconds:.1f} s, peak {peak:.1f} MB")
    say(f"=== {'TOO SLOW' if slow else 'GROWING' if grown else 'all well'}; load {load()}")
    return int(bool(slow or grown))


class Rows:
    """``GET /reports/{id}/rows/`` over the network, a connection a request."""

    def __init__(self, port: int, *, report_id: str, key: str, size: int, width: int) -> None:
        self.size = size
        self.report_id, self._port, self._width = report_id, port, width
        self._path = f"/api/v1/reports/{report_id}/rows/?line="
        self._headers = {"Authorization": f"Bearer {key}", "Connection": "close"}

    def start(self, line: int) -> tuple[float, float]:
        """Seconds until the first byte of the body, and until its first whole line; the rest is left."""
        begun = time.perf_counter()
        connection, answer = self._ask(line)
        first = answer.read(1)
        to_byte = time.perf_counter() - begun
        row = first + answer.readline()
        to_line = time.perf_counter() - begun
        connection.close()
        assert json.loads(row)["row"] == line and len(row) == self._width, row[:200]
        return to_byte, to_line

    def read_all(self, line: int) -> tuple[float, int]:
        """Seconds and bytes to the end."""
        begun = time.perf_counter()
        connection, answer = self._ask(line)
        size = 0
        while block := answer.read(BLOCK):
            size += len(block)
        connection.close()
        assert size == self.size - line * self._width, "bytes are missing"
        return time.perf_counter() - begun, size

    def _ask(self, line: int) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        connection.request("GET", f"{self._path}{line}", headers=self._headers)
        answer = connection.getresponse()
        assert answer.status == 200, answer.read()[:500]
        return connection, answer


@contextmanager
def web(environment: dict[str, str]) -> Iterator[tuple[int, int]]:
    """``exportadmin web`` with one process. Its port, and the id of the process that answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        process = subprocess.Popen(
            [sys.executable, "-m", "django", "web", "--bind", f"fd://{listener.fileno()}"],
            env=environment,
            cwd=ROOT,
            pass_fds=[listener.fileno()],
        )
        try:
            client = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            client.request("GET", "/healthz", headers={"Connection": "close"})
            assert client.getresponse().status == 200
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(encoding="ascii").split()
            yield port, int(children[0])
        finally:
            process.terminate()
            process.wait(timeout=30)


def memory_mb(pid: int, key: str) -> float:
    """``VmRSS`` (now) or ``VmHWM`` (peak) of a process."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{key}:"))


def load() -> str:
    """Of the machine, over the last minute."""
    return f"{os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"


def say(line: str) -> None:
    """At once, also into a pipe."""
    print(line, flush=True)


# --- in the child ----------------------------------------------------------------------------------------------------


def fill(home: Path, rows: int, format_key: str) -> None:
    """The file, its report, a superuser with a token. Prints what :class:`Rows` takes."""
    import django

    django.setup()
    from django.contrib.auth import get_user_model
    from django.utils import timezone

    from connections.access.tokens import issue_token
    from connections.models import Connection, Project
    from exportadmin.lib.command import shell_actor
    from exports.models import Artifact, ExportReport, LineIndex

    folder = home / "artifacts" / "streaming" / "report"
    folder.mkdir(parents=True)
    made = write_rows(folder / "rows.ndjson", rows)
    store = Connection.objects.create(name="Built-in store", kind="store")
    report = ExportReport.objects.create(
        project=Project.objects.create(connection=store, name="Street scenes"),
        name="A million rows",
        format=format_key,
        config={"format": format_key, "destination": {"kind": "local"}},
        status="completed",
        rows_expected=rows,
        rows_done=rows,
        bytes_done=made["bytes"],
        location="streaming/report",
        started_at=timezone.now() - timedelta(seconds=10),
        finished_at=timezone.now(),
        check_values={"rows_kept": rows, "bytes": made["bytes"]},
    )
    index = made.pop("index")
    kind = "application/x-ndjson"
    artifact = Artifact.objects.create(report=report, name="rows.ndjson", media_type=kind, lines=rows, **made)
    LineIndex.objects.create(artifact=artifact, entries=index)
    alice = get_user_model().objects.create_superuser("alice")
    _, key = issue_token(user=alice, name="bench", scopes=["exports:read"], actor=shell_actor())
    width = made["bytes"] // rows
    say(json.dumps({"report_id": report.report_id, "key": key, "size": made["bytes"], "width": width}))


def write_rows(path: Path, rows: int) -> dict[str, Any]:
    """Rows of equal width, and the columns of the artifact that follow from them."""
    digest, size = hashlib.sha256(), 0
    index: list[tuple[int, int]] = []
    with path.open("wb") as file:
        for start in range(0, rows, BATCH):
            index.append((start, size))
            numbers = range(start, min(start + BATCH, rows))
            block = b"".join(b'{"row":%8d,"global_key":"%08d","text":"%s"}\n' % (n, n, b"x" * 200) for n in numbers)
            file.write(block)
            digest.update(block)
            size += len(block)
    return {"bytes": size, "sha256": digest.hexdigest(), "index": index}


if __name__ == "__main__":
    sys.exit(main())
