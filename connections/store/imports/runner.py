"""How an import is carried out: its file is checked, then the rows are written (:mod:`.writing`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from django.db import transaction

from connections.access.permissions import MANAGE
from connections.access.requester import check_requester
from connections.store.import_row import IncomingRow
from connections.store.importers import IMPORTERS
from connections.store.importers.base import Importer
from connections.store.importers.detect import detect
from connections.store.imports import files
from connections.store.imports.files import RefusedLog
from connections.store.imports.writing import COUNTS, verdict, write_file
from connections.store.known_project import KnownProject
from connections.store.models import MAX_ROW_ID, ImportRun
from exportadmin.audit.record import record
from exportadmin.lib.actor import system
from exportadmin.runs import statuses
from exportadmin.runs.ends import end
from exportadmin.runs.errors import LeaseLost
from exportadmin.runs.lease import RunLease
from exportadmin.runs.runners import Runner

AUTO: Final = "auto"
CHECKING, IMPORTING = "checking", "importing"
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
            model_run=run.model_run,
            **kwargs,
        )

    def _survey(self, run: ImportRun, lease: RunLease) -> None:
        """Raises :class:`UserError`, with line and byte, for a file that is cut off or is not what it should be."""
        lease.progress(phase=CHECKING)
        survey = self._importer(run, lease).survey()
        lease.progress(rows_expected=survey.rows_total)

    def _import(self, run: ImportRun, lease: RunLease, log: RefusedLog) -> None:
        project = KnownProject(run.project, dataset=run.dataset, reserved=run.state.get("reserved"))
        importer = self._importer(run, lease, on_refused=log.add, project=project)
        rows = importer.rows_with_notes()
        summary = write_file(
            run,
            lease,
            importer,
            project,
            log,
            rows=_of_dataset(rows, run.dataset) if run.dataset else rows,
            replace=run.replace,
        )
        self._finish(run, lease, summary, log.flush())

    def _finish(self, run: ImportRun, lease: RunLease, summary: dict[str, Any], refused_bytes: int) -> None:
        status, error = verdict(run, summary)
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
