"""Reports for the pages' tests, made by hand: what a page shows must not depend on how an export is run."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from django.utils import timezone

from connections.models import Project
from exportadmin.runs import statuses
from exports.delivery.destination import delivery_of
from exports.delivery.integrity import state_of
from exports.models import Artifact, ExportReport

CONFIG: dict[str, Any] = {
    "format": "json",
    "statuses": ["accepted"],
    "filter": {},
    "include": ["attachments"],
    "destination": {"kind": "local"},
    "options": {},
    "time_zone": "UTC",
    "resolved": {},
}
CHECK_VALUES: dict[str, Any] = {
    "rows_read": 10,
    "rows_kept": 7,
    "rows_dropped": {"statuses": 2, "updated_after": 1},
    "rows_by_status": {"accepted": 4, "review": 3},
    "annotations": 9,
    "annotations_by_class": {"car": 5, "tree": 4},
    "annotations_by_kind": {"box": 9},
    "left_out_by_format": {"point": 6},
    "files": 1,
    "bytes": 12,
}


def make_report(project: Project, **values: Any) -> ExportReport:
    """A report in any state."""
    given = {"name": "Nightly", "format": "json", "config": CONFIG, "created_by_name": "alice", **values}
    return ExportReport.objects.create(project=project, **given)


def deliver(
    project: Project, folder: Path, name: str = "rows.json", body: bytes = b"[1,\n2]\n12345", **values: Any
) -> Artifact:
    """The artifact of a completed report; its file is in ``folder``."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(body)
    report = make_report(
        project,
        **{
            "status": statuses.COMPLETED,
            "location": str(folder),
            "check_values": CHECK_VALUES,
            "rows_done": 7,
            "bytes_done": len(body),
            "started_at": timezone.now(),
            "finished_at": timezone.now(),
            **values,
        },
    )
    return Artifact.objects.create(
        report=report,
        name=name,
        media_type="application/json",
        bytes=len(body),
        sha256=hashlib.sha256(body).hexdigest(),
        state=state_of(delivery_of(report), name),
    )
