"""The rows of one file, written for a run: each batch commits its rows, what was counted and how far it came at once.

Killed anywhere, the next attempt reads the same file again, passes over what was committed, and goes on: no row is
written or counted twice, none is left out.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, Protocol

from connections.models import Project
from connections.store.import_row import IncomingRow
from connections.store.importers.base import Importer
from connections.store.imports import files
from connections.store.imports.files import BringsRows, RefusedLog
from connections.store.known_project import KnownProject
from connections.store.models import StoreProject
from connections.store.notes import Notes
from connections.store.upsert import WriteSummary, write_rows
from exportadmin.runs import statuses
from exportadmin.runs.lease import RunLease

COUNTS: Final = (
    "rows",
    "created",
    "updated",
    "unchanged",
    "refused_count",
    "pieces_refused",
    "annotations",
    "predictions",
)
# what is on the run's ``state`` of a file that is being written
STATE: Final = ("written", "refused_bytes", "refused_by_importer", "reserved")
_WRITTEN: Final = ("rows", "created", "updated", "unchanged", "annotations", "predictions", "refused_count")


class WritesRows(BringsRows, Protocol):
    """A run with a project, and columns for what it counts and how far it came."""

    @property
    def project(self) -> Project: ...
    @property
    def state(self) -> dict[str, Any]: ...


def write_file(
    run: WritesRows,
    lease: RunLease,
    importer: Importer,
    project: KnownProject,
    log: RefusedLog,
    *,
    rows: Iterable[IncomingRow],
    replace: bool = False,
    reason_gone: str = "",
) -> dict[str, Any]:
    """Write ``rows``, which are the importer's, from where the attempt before came to; ``replace`` and ``reason_gone``
    as :func:`~connections.store.upsert.write_rows` has them. What became of them:
    ``summary`` of :class:`~connections.store.models.ImportRun`.

    How far it came stands under :data:`STATE` in the run's ``state``. Raises what reading and writing raise.
    """

    def commit(summary: WriteSummary) -> None:
        """Within the batch's transaction: who lost the run writes no row."""
        if importer.project_extra:
            _keep_extra(run.project, importer)
        written = {name: getattr(summary, name) for name in _WRITTEN} | {"notes": summary.notes.as_json()}
        lease.save(
            summary=_summary(summary, importer),
            state={
                **run.state,
                "written": written,
                "refused_bytes": log.flush(),
                "refused_by_importer": importer.refused_count,
                "reserved": project.reserved,
            },
        )

    def progress(rows: int) -> None:
        lease.progress(rows_done=rows + importer.rows_refused)
        lease.check()

    before = run.state.get("written")
    summary = write_rows(
        run.project,
        rows,
        classes=importer.classes,
        keys_are_once=importer.keys_are_once,
        replace=replace,
        reason_gone=reason_gone,
        on_progress=progress,
        on_batch=commit,
        on_refused=log.add_new,
        so_far=WriteSummary(**{**before, "notes": Notes(before["notes"])}) if before else None,
    )
    lease.check(now=True)
    return _summary(summary, importer)


def verdict(run: BringsRows, summary: dict[str, Any]) -> tuple[str, str]:
    """How a run that came to the end of its file ends, and why."""
    refused = summary["refused_count"]
    if refused and refused == summary["rows"]:
        first = next(iter(files.first_refused(run, 1)), None)
        reason = f"; the first: {first['position']}: {first['reason']}" if first else ""
        return statuses.FAILED, f"every row was refused ({refused:,}){reason}"
    return (statuses.PARTIAL if refused or summary["pieces_refused"] else statuses.COMPLETED), ""


def _keep_extra(project: Project, importer: Importer) -> None:
    """What the file brings beside rows, with its first rows: they may refer to it."""
    store = StoreProject.objects.select_for_update().get(project=project)
    merged = importer.merge_project_extra(store.source_extra)
    if merged != store.source_extra:
        store.source_extra = merged
        store.save(update_fields=["source_extra"])


def _summary(summary: WriteSummary, importer: Importer) -> dict[str, Any]:
    """What was written and refused, by the store and by the importer before it."""
    notes = Notes([*importer.notes.as_json(), *summary.notes.as_json()])
    return {
        "rows": summary.rows + importer.rows_refused,
        "created": summary.created,
        "updated": summary.updated,
        "unchanged": summary.unchanged,
        "annotations": summary.annotations,
        "predictions": summary.predictions,
        "refused_count": summary.refused_count + importer.rows_refused,
        "pieces_refused": importer.refused_count - importer.rows_refused,
        "note_counts": notes.counts(),
        "notes": notes.as_json(),
    }
