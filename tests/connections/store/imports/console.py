"""``python -m tests.connections.store.imports.console``: our own functions for a driver outside, in JSON lines."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Any

from tests.exportadmin.runs import console


def request(source: str, names: list[str]) -> list[int]:
    """An import of ``source`` into a project of its own for each name."""
    from connections.store.imports.actions import ImportSpec, request_import
    from exportadmin.lib.command import shell_actor
    from exportadmin.lib.uploads import StagedFile

    keys = []
    for name in names:
        copy = Path(source).with_suffix(".copy")
        shutil.copyfile(source, copy)
        file = StagedFile(copy, name, copy.stat().st_size, None)
        spec = ImportSpec(project=f"into {name}", file_name=name, format="ndjson")
        keys.append(request_import(spec=spec, actor=shell_actor(), file=file).pk)
    return keys


def look(pks: list[int]) -> dict[str, dict[str, Any]]:
    """What became of imports: the row, its project's rows as text, its refused rows, its lines in the trail."""
    from connections.store.imports import files
    from connections.store.models import ImportRun, StoreRow
    from exportadmin.audit.models import AuditEntry

    found = {}
    for run in ImportRun.objects.filter(pk__in=pks):
        rows = StoreRow.objects.filter(project=run.project).order_by("number")
        kept = [
            f"{row.number} {row.global_key} {row.status} {row.annotation_start} {row.annotation_count}" for row in rows
        ]
        refused = files.refused_of(run)
        ends = AuditEntry.objects.filter(object_id=run.public_id).exclude(
            event__in=["import.requested", "import.started", "import.resumed"]
        )
        found[str(run.pk)] = {
            "status": run.status,
            "attempts": run.attempts,
            "error": run.error,
            "summary": run.summary,
            "rows": hashlib.sha256("\n".join(kept).encode()).hexdigest(),
            "refused": hashlib.sha256(refused.read_bytes()).hexdigest() if refused.exists() else None,
            "ends": list(ends.order_by("sequence").values_list("event", flat=True)),
            "upload": files.source_of(run).exists(),
        }
    return found


def cancel(pk: int) -> str:
    """Ask for its end. What it is then."""
    from connections.store.imports.actions import cancel_import
    from connections.store.models import ImportRun
    from exportadmin.lib.command import shell_actor

    return str(cancel_import(run=ImportRun.objects.get(pk=pk), actor=shell_actor()).status)


if __name__ == "__main__":
    console.main({"request": request, "look": look, "cancel": cancel})
