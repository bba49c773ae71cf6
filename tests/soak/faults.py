"""The faults that are tried, a row each: by the drivers here, or by tests of the suite, some of them at full length."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import Final

from tests.support.paths import ROOT

SQLITE, POSTGRES = "SQLite", "PostgreSQL"
BOTH: Final = (SQLITE, POSTGRES)
_DATABASES: Final = {SQLITE: "sqlite", POSTGRES: "postgres"}


@dataclass(frozen=True, slots=True)
class Fault:
    """``tests``: arguments of pytest that try it."""

    title: str
    tests: tuple[str, ...]
    databases: tuple[str, ...] = BOTH


@dataclass(frozen=True, slots=True)
class Row:
    """What came of a fault on a database: ``words`` are counts or what was wrong. ``is_green`` ``None``: not run."""

    title: str
    database: str
    is_green: bool | None
    words: str


RUNS: Final = "tests/exportadmin/runs"
FAULTS: Final = (
    Fault("cancelled wherever it is", (f"{RUNS}/test_kills.py", "-k", "cancel")),
    Fault("SIGTERM, Ctrl-C to all or one", (f"{RUNS}/test_up.py", "-k", "stop or ctrl_c or SIGTERM or sigterm")),
    Fault("a run that kills its worker", (f"{RUNS}/test_kills.py", "-k", "kills_its_worker")),
    Fault("clock set forth or back", (f"{RUNS}/test_reap.py", "-k", "clock or believed or wait")),
    Fault("database away 20 s under load", ("tests/outage/test_outage_sample.py",), (POSTGRES,)),
    Fault("connection cut", ("tests/outage/test_cut_connection.py",), (POSTGRES,)),
    Fault("full disk, in the middle and at the start", ("tests/exportadmin/operations/test_full_disk.py",), (SQLITE,)),
    Fault("source dies, disk fills half way", ("tests/exports/run/test_pipeline.py", "-k", "disk or dies")),
    Fault(
        "a byte of a file, manifest or proof", ("tests/exports/delivery/test_receipt.py", "-k", "mutation"), (SQLITE,)
    ),
    Fault(
        "a byte of the proof from the trail", ("tests/exports/delivery/test_trail_proof.py", "-k", "byte"), (SQLITE,)
    ),
    Fault("a byte of the trail", ("tests/exportadmin/audit/test_tampering.py", "-k", "every_byte_of_every_entry")),
    Fault("a file altered after delivery", ("tests/exports/delivery/test_altered.py",)),
    Fault("slow clients", ("tests/exportadmin/operations/test_slow_clients.py",), (SQLITE,)),
    Fault("backup under load, restored elsewhere", ("tests/exports/test_backup.py", "-k", "imports_and_exports")),
    Fault("killed while it delivers into S3", ("tests/exports/delivery/test_s3_kills.py", "-k", "one_dataset")),
    Fault("started on another's folder", ("tests/exportadmin/installation",)),
)


def try_all(wanted: str = "") -> list[Row]:
    """Those whose title contains ``wanted``."""
    rows = []
    for fault in FAULTS:
        for database in fault.databases if wanted.lower() in fault.title.lower() else ():
            row = _try(fault, database)
            print(line(row), flush=True)
            rows.append(row)
    return rows


def _try(fault: Fault, database: str) -> Row:
    """With SOAK=1: as often and as long as tests can."""
    begun = time.monotonic()
    command = [sys.executable, "-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider", "--no-header", *fault.tests]
    environment = {**os.environ, "SOAK": "1", "EXPORTADMIN_TEST_DB": _DATABASES[database]}
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    passed = re.search(r"(\d+) passed", done.stdout)
    if done.returncode == 0 and passed:
        return Row(fault.title, database, True, f"{passed[1]} tests in {time.monotonic() - begun:.0f} s")
    failed = [one for one in done.stdout.splitlines() if one.startswith(("FAILED", "ERROR"))]
    return Row(fault.title, database, False, "; ".join(failed) or done.stdout[-300:] + done.stderr[-300:])


def line(row: Row) -> str:
    """One of the table."""
    verdict = {True: "green", False: "WRONG", None: "NOT RUN"}[row.is_green]
    return f"  {verdict:<7} {row.title:<45} {row.database:<11} {row.words}"
