"""Is a file still the one that was delivered? Asked at every opening, whoever opens it and for whatever part of it.

The sink tells a *state* of a file (on this machine: device, inode, size, times of change) that is another one whenever
its bytes may be. A state that was found right is kept with the artifact; with any other state the file is read whole,
once, and its sha256 compared. A delivery of which one file was found wrong hands out none of its files: that it is
``altered`` stays on the report until a verification finds everything as it was delivered.
"""

from __future__ import annotations

import hashlib
from contextlib import closing
from datetime import datetime
from typing import TYPE_CHECKING, Final

from django.db import transaction
from django.utils import timezone

from connections.sinks.base import Delivery, OpenedFile
from exportadmin.audit.models import FAILED
from exportadmin.audit.record import record
from exportadmin.lib.actor import system
from exportadmin.lib.errors import ExportAdminError
from exportadmin.lib.heavy import check_time
from exports.models import Artifact, ExportReport

if TYPE_CHECKING:
    from exportadmin.lib.actor import Actor

BLOCK: Final = 1 << 20
LONGEST_WHY: Final = 500


def state_of(delivery: Delivery, name: str) -> str:
    """Of a file that was written a moment ago; empty where it cannot be told."""
    try:
        with closing(delivery.open(name)) as file:
            return file.state()
    except (ExportAdminError, OSError):  # the first: a place that does not answer, too
        return ""


def is_as_delivered(artifact: Artifact, file: OpenedFile) -> bool:
    """Compare an opened file with what was delivered; it stands at its first byte afterwards. Raises ``OSError``."""
    if file.size != artifact.bytes:
        return False
    state = file.state()
    if state and state == artifact.state:
        return True
    digest = hashlib.sha256()
    file.seek(0)
    while block := file.read(BLOCK):
        check_time()
        digest.update(block)
    file.seek(0)
    if digest.hexdigest() != artifact.sha256 or file.state() != state:
        return False
    artifact.state = state
    Artifact.objects.filter(pk=artifact.pk).update(state=state)
    return True


def mark_altered(report: ExportReport, why: str, actor: Actor | None = None) -> None:
    """From now on nothing of the delivery is handed out; recorded once."""
    now = timezone.now()
    with transaction.atomic():
        found = ExportReport.objects.filter(pk=report.pk, altered_at=None)
        if found.update(altered_at=now, altered_why=why[:LONGEST_WHY]):
            record(
                "export.altered",
                actor=actor or system("delivery"),
                project=report.project,
                obj=report,
                outcome=FAILED,
                reason=why,
            )
            report.altered_at, report.altered_why = now, why[:LONGEST_WHY]


def mark_as_delivered(report: ExportReport, began: datetime) -> None:
    """A proof that began then found every file to be what was delivered. In the transaction that records it.

    What was found altered since then stays so: the proof may have read that file before.
    """
    if report.altered_at is not None and report.altered_at < began:
        ExportReport.objects.filter(pk=report.pk).update(altered_at=None, altered_why="")
        report.altered_at, report.altered_why = None, ""
