"""An import as JSON: the one form that REST and ``--json`` share."""

from __future__ import annotations

from typing import Any, Final

from connections.store.imports import files
from connections.store.models import ImportRun
from exportadmin.runs.progress import progress_json

FIRST_REFUSED: Final = 20


def import_json(run: ImportRun, *, with_refused: bool = False) -> dict[str, Any]:
    """Times are ISO 8601 with offset, ``null`` while not reached; ``refused`` holds the first of them, if asked for."""
    shown = {
        "import_id": run.public_id,
        "project": {"id": run.project.public_id, "name": run.project.name},
        "file_name": run.file_name,
        "format": run.format,
        "review_status": run.default_status,
        "dataset": run.dataset,
        "replace": run.replace,
        "model_run": run.model_run,
        "status": run.status,
        "error": run.error,
        "bytes_total": run.bytes_total,
        "bytes_received": run.bytes_received,
        "progress": progress_json(run),
        "summary": run.summary,
        "created_at": run.created_at.isoformat(),
        "created_by": run.created_by_name,
        "started_at": run.started_at.isoformat() if run.started_at else None,
        "finished_at": run.finished_at.isoformat() if run.finished_at else None,
    }
    if with_refused:
        shown["refused"] = files.first_refused(run, FIRST_REFUSED) if run.finished_at else []
    return shown
