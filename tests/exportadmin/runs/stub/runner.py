"""A runner of the real one's manners, which waits at named barriers until the test says go.

``report.config``: ``rows``, ``stop_at`` (names of barriers, met in the first hold only, or in every one with
``every_attempt``), ``poison`` (the process kills itself in every attempt), ``deaf`` (never checks its lease), ``head``
(see ``ended``).
The delivery is a folder with ``data`` and ``manifest.json`` that appears by one rename.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import socket
from pathlib import Path

from django.conf import settings

from exportadmin.audit.models import AuditHead
from exportadmin.runs import statuses
from exportadmin.runs.ends import end
from exportadmin.runs.lease import RunLease
from exportadmin.runs.runners import Runner
from exports.models import ExportReport

BARRIERS = ("reading", "between rows", "after the last byte", "after publication", "before commit")


class StubRunner(Runner[ExportReport]):
    """One export."""

    model = ExportReport

    def run(self, run: ExportReport, lease: RunLease) -> None:
        """As said above."""
        _deliver(run, lease)

    def ended(self, run: ExportReport) -> None:
        """Nothing goes into the trail; the stub's kills come before publication: there is nothing to take back.

        With ``head`` the head of the trail is held to the end of the transaction, as an entry would.
        """
        if run.config.get("head"):
            AuditHead.objects.get_or_create()
            list(AuditHead.objects.select_for_update())
            _meet("in the last transaction", run, run)

    def clean_up(self, run: ExportReport) -> None:
        """Take away what is half-made."""
        _discard(run)


def _deliver(report: ExportReport, lease: RunLease) -> None:
    config = report.config
    final = settings.ARTIFACTS_DIR / report.report_id
    draft = settings.ARTIFACTS_DIR / f".{report.report_id}.{lease.fence}.part"
    if not (final / "manifest.json").exists():
        _discard(report)
        draft.mkdir(parents=True)
        try:
            _write(report, lease, draft)
            lease.check(now=True)
            draft.rename(final)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        _meet("after publication", report, lease)
    _meet("before commit", report, lease)
    finished = end(report, lease, statuses.COMPLETED, location=str(final), rows_done=config["rows"])
    with (settings.ARTIFACTS_DIR / "finished.log").open("a") as log:
        log.write(f"{report.pk} {finished}\n")


def _write(report: ExportReport, lease: RunLease, draft: Path) -> None:
    rows = report.config["rows"]
    lease.progress(phase="reading", rows_expected=rows)
    _meet("reading", report, lease)
    digest = hashlib.sha256()
    with (draft / "data").open("wb") as stream:
        for number in range(rows):
            if not report.config.get("deaf"):
                lease.check()
            line = b"%d of report %d\n" % (number, report.pk)
            digest.update(line)
            stream.write(line)
            lease.progress(rows_done=number + 1)
            if number == rows // 2:
                _meet("between rows", report, lease)
        stream.flush()
        os.fsync(stream.fileno())
    _meet("after the last byte", report, lease)
    (draft / "manifest.json").write_text(json.dumps({"sha256": digest.hexdigest()}))


def expected_bytes(pk: int, rows: int) -> bytes:
    """What an undisturbed run delivers."""
    return b"".join(b"%d of report %d\n" % (number, pk) for number in range(rows))


def _discard(report: ExportReport) -> None:
    for leftover in settings.ARTIFACTS_DIR.glob(f".{report.report_id}.*.part"):
        shutil.rmtree(leftover, ignore_errors=True)


def _meet(name: str, report: ExportReport, lease: RunLease | ExportReport) -> None:
    if report.config.get("poison"):
        os.kill(os.getpid(), signal.SIGKILL)
    if name not in report.config.get("stop_at", ()) or (lease.fence > 1 and not report.config.get("every_attempt")):
        return
    with socket.socket(socket.AF_UNIX) as here:
        here.connect(str(settings.EXPORTADMIN_HOME / "barrier"))
        here.sendall(json.dumps({"name": name, "pk": report.pk, "pid": os.getpid()}).encode() + b"\n")
        here.recv(1)  # "go", or the end of the test
