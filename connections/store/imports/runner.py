"""How an import is carried out. Each batch commits its rows, what was counted and how far it came in one transaction.

Killed anywhere, the next attempt reads the file again, passes over what was committed, and goes on: no row is written
or counted twice, none is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from django.db import transaction

from connections.access.permissions import MANAGE
from connections.access.requester import check_requester
from connections.store.import_row import IncomingRow
from connections.store.importers import IMPORTERS, Importer, detect
from connections.store.imports import files
from connections.store.imports.files import RefusedLog
from connections.store.known_project import KnownProject
from connections.store.models import MAX_ROW_ID, ImportRun, StoreProject
from connections.store.notes import Notes
from connections.store.upsert import WriteSummary, write_rows
from exportadmin.audit.record import record
from exportadmin.lib.actor import system
from exportadmin.runs import statuses
from exportadmin.runs.ends import end
from exportadmin.runs.errors import LeaseLost
from exportadmin.runs.lease import RunLease
from exportadmin.runs.runners import Runner

AUTO: Final = "auto"
CHECKING, IMPORTING = "checking", "importing"
COUNTS: Final = ("rows", "created", "updated", "unchanged", "refused_count", "pieces_refused", "annotations")
_WRITTEN: Final = ("rows", "created", "updated", "unchanged", "annotations", "refused_count")
EVENTS_DONE: Final = frozenset({statuses.COMPLETED, statuses.PARTIAL, statuses.CANCELLED})


class ImportRunner(Runner[ImportRun]):
    """Of kind ``import``."""

    model = ImportRun

    def run(self, run: ImportRun, lease: RunLease) -> None:
        """Check the file's structure, then write its rows."""
        lease.check(now=True)
        if not lease.foreground:
            check_requester(run, MANAGE, run.project, "import rows into this project")
        with files.source_at_hand(run) as path:
            self._record_start(run)
            if run.format == AUTO:
                lease.save(format=detect(path, name=run.file_name))
            if not run.state:  # else it was checked by the attempt before
                self._survey(run, lease)
            lease.progress(phase=IMPORTING)
            log = RefusedLog(run, keep=run.state.get("refused_bytes", 0), skip=run.state.get("refused_by_importer", 0))
            with log:
                self._import(run, lease, log)

    def _importer(self, run: ImportRun, lease: RunLease, **kwargs: Any) -> Importer:
        def on_read(position: int) -> None:
            lease.check()
            lease.progress(bytes_done=position)

        return IMPORTERS.pick(run.format)(
            files.source_of(run),
            default_status=run.default_status or None,
            project_key=run.project.public_id,
            on_read=on_read,
            **kwargs,
        )

    def _survey(self, run: ImportRun, lease: RunLease) -> None:
        """Raises :class:`UserError`, with line and byte, for a file that is cut off or is not what it should be."""
        lease.progress(phase=CHECKING)
        survey = self._importer(run, lease).survey()
        lease.progress(rows_expected=survey.rows_total)

    def _import(self, run: ImportRun, lease: RunLease, log: RefusedLog) -> None:
        project = KnownProject(run.project, dataset=run.dataset, reserved=(run.state or {}).get("reserved"))
        importer = self._importer(run, lease, on_refused=log.add, project=project)

        def commit(summary: WriteSummary) -> None:
            """Within the batch's transaction: who lost the run writes no row."""
            if importer.project_extra:
                _keep_extra(run, importer)
            written = {name: getattr(summary, name) for name in _WRITTEN} | {"notes": summary.notes.as_json()}
            lease.save(
                summary=_summary(summary, importer),
                state={
                    "written": written,
                    "refused_bytes": log.flush(),
                    "refused_by_importer": importer.refused_count,
                    "reserved": project.reserved,
                },
            )

        def progress(rows: int) -> None:
            lease.progress(rows_done=rows + importer.rows_refused)
            lease.check()

        summary = write_rows(
            run.project,
            _of_dataset(importer.rows_with_notes(), run.dataset) if run.dataset else importer.rows_with_notes(),
            classes=importer.classes,
            keys_are_once=importer.keys_are_once,
            replace=run.replace,
            on_progress=progress,
            on_batch=commit,
            on_refused=log.add_new,
            so_far=_so_far(run.state["written"]) if run.state else None,
        )
        lease.check(now=True)
        self._finish(run, lease, importer, _summary(summary, importer), log.flush())

    def _finish(
        self, run: ImportRun, lease: RunLease, importer: Importer, summary: dict[str, Any], refused_bytes: int
    ) -> None:
        status, error = _verdict(run, summary)
        with transaction.atomic():
            finished = end(
                run,
                lease,
                status,
                error,
                summary=summary,
                state={"refused_bytes": refused_bytes},
                rows_done=summary["rows"],
                bytes_done=run.bytes_total,
            )
            if not finished:
                raise LeaseLost(f"{run.label} was taken over while it was being finished")

    def _record_start(self, run: ImportRun) -> None:
        with transaction.atomic():
            record(
                "import.started" if run.attempts < 2 else "import.resumed",
                actor=system("worker"),
                project=run.project,
                obj=run,
                details={"format": run.format, "attempt": run.attempts},
            )

    def ended(self, run: ImportRun) -> None:
        """The file goes; refused rows stay, as far as they were counted."""
        files.cut_refused(run, run.state.get("refused_bytes", 0))
        record(
            f"import.{run.status}",
            actor=system("worker"),
            project=run.project,
            obj=run,
            outcome="done" if run.status in EVENTS_DONE else "failed",
            reason=run.error,
            details={name: run.summary[name] for name in COUNTS} | run.summary["note_counts"] if run.summary else {},
        )
        transaction.on_commit(lambda: files.remove_source(run))

    def reason_not_to_resume(self, run: ImportRun) -> str:
        """A file that somebody's shell reads in place is not ours to go on with."""
        return "its shell went away before it was done; rows that were written stay" if run.local_path else ""


def _keep_extra(run: ImportRun, importer: Importer) -> None:
    """What the file brings beside rows, with its first rows: they may refer to it."""
    store = StoreProject.objects.select_for_update().get(project=run.project)
    merged = importer.merge_project_extra(store.source_extra)
    if merged != store.source_extra:
        store.source_extra = merged
        store.save(update_fields=["source_extra"])


def _so_far(written: dict[str, Any]) -> WriteSummary:
    return WriteSummary(**{**written, "notes": Notes(written["notes"])})


def _of_dataset(rows: Iterable[IncomingRow], dataset: str) -> Iterator[IncomingRow]:
    """The rows with ``dataset`` in front of their keys and ids, so that they meet no row of another data set."""
    for row in rows:
        row.key = f"{dataset}/{row.key}"
        row.part_of = row.part_of and f"{dataset}/{row.part_of}"
        row.row_id = f"{dataset}/{row.row_id}" if row.row_id else None
        if row.row_id and len(row.row_id) > MAX_ROW_ID:
            row.row_id = None  # the store makes one of the key
        row.dataset = row.dataset or dataset
        yield row


def _summary(summary: WriteSummary, importer: Importer) -> dict[str, Any]:
    """What was written and refused, by the store and by the importer before it."""
    notes = Notes([*importer.notes.as_json(), *summary.notes.as_json()])
    return {
        "rows": summary.rows + importer.rows_refused,
        "created": summary.created,
        "updated": summary.updated,
        "unchanged": summary.unchanged,
        "annotations": summary.annotations,
        "refused_count": summary.refused_count + importer.rows_refused,
        "pieces_refused": importer.refused_count - importer.rows_refused,
        "note_counts": notes.counts(),
        "notes": notes.as_json(),
    }


def _verdict(run: ImportRun, summary: dict[str, Any]) -> tuple[str, str]:
    """How an import that came to its end ends, and why."""
    refused = summary["refused_count"]
    if refused and refused == summary["rows"]:
        first = next(iter(files.first_refused(run, 1)), None)
        reason = f"; the first: {first['position']}: {first['reason']}" if first else ""
        return statuses.FAILED, f"every row was refused ({refused:,}){reason}"
    return (statuses.PARTIAL if refused or summary["pieces_refused"] else statuses.COMPLETED), ""
