"""Reading the rows of a finished export: who may, and what is recorded."""

from __future__ import annotations

from collections.abc import Iterator

from django.db import transaction

from exportadmin.audit.late import write_late
from exportadmin.audit.models import DONE, FAILED
from exportadmin.audit.record import audited, record
from exportadmin.lib.actor import Actor
from exportadmin.lib.errors import ConflictError, UserError
from exportadmin.lib.ids import new_id
from exports.handing_out import require_in_all_audited
from exports.models import Artifact, ExportReport
from exports.models.link import BROKEN_OFF, COMPLETE
from exports.results import reader
from exports.results.preview import errors_artifact, rows_artifact


def read_report_rows(
    *,
    report: ExportReport,
    actor: Actor,
    line: int | None = None,
    offset: int | None = None,
    limit: int | None = None,
    errors: bool = False,
) -> RecordedRows | None:
    """The rows from ``line`` or ``offset`` on, recorded before the first leaves, and once more with what was sent of
    them; ``errors``: those that were refused.

    ``None``: no row was refused, so there is no stream of them. Raises :class:`DeniedError`, :class:`ConflictError` for
    a report without rows to read, and as :func:`exports.results.reader.read_rows` does.
    """
    require_in_all_audited(actor, report, event="artifact.rows_read")
    if not report.is_delivered:
        raise ConflictError(f"report {report.report_id} is {report.status}: there are no rows to read")
    if line is not None and offset is not None:
        raise UserError("give line or offset, not both", field="offset")
    artifact = errors_artifact(report, report.artifacts.all()) if errors else rows_artifact(report)
    if artifact is None and errors:
        for name, value in (("line", line), ("offset", offset)):
            if value:
                raise UserError(f"{name} is out of range, the stream has no rows", field=name)
        return None
    if artifact is None:
        raise ConflictError(f"rows can be read from json and ndjson results; this one is {report.format}")
    return _recorded(artifact, actor, line=line, offset=offset, limit=limit)


def read_rows_of(*, artifact: Artifact, actor: Actor, line: int, limit: int) -> RecordedRows:
    """The same of one file, which is there. Raises as :func:`read_report_rows`."""
    require_in_all_audited(actor, artifact.report, event="artifact.rows_read")
    return _recorded(artifact, actor, line=line, limit=limit)


def _recorded(artifact: Artifact, actor: Actor, **place: int | None) -> RecordedRows:
    rows = reader.read_rows(artifact, **place)
    try:
        reading = new_id()
        details = {"reading": reading, "line": rows.first_line, "limit": place["limit"]}
        with audited("artifact.rows_read", actor=actor, project=artifact.report.project, obj=artifact, details=details):
            return RecordedRows(rows, artifact, actor, reading)
    except BaseException:
        rows.close()  # what cannot be recorded is not handed out
        raise


class RecordedRows:
    """A :class:`~exports.results.reader.RowStream` on its way out.

    A chunk counts as sent when the server comes for the next one. :meth:`close`, which every WSGI server calls however
    the answer ends, writes down how it ended.
    """

    def __init__(self, rows: reader.RowStream, artifact: Artifact, actor: Actor, reading: str) -> None:
        self.place = [rows.total_lines, rows.total_size, rows.first_line, rows.first_offset]
        self._rows = rows
        self._artifact = artifact
        self._actor = actor
        self._reading = reading
        self._handed = b""  # the last chunk, which may still be on its way
        self._bytes = self._lines = 0
        self._ending, self._fault = BROKEN_OFF, ""
        self._closed = False

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        self._bytes += len(self._handed)
        self._lines += self._handed.count(b"\n")
        self._handed = b""
        try:
            self._handed = next(self._rows)
        except StopIteration:
            self._ending = COMPLETE
            raise
        except Exception as error:
            self._fault = str(error)
            raise
        return self._handed

    def close(self) -> None:
        """Close the file and write down the end. Never raises."""
        if self._closed:
            return
        self._closed = True
        self._rows.close()
        write_late(f"rows of {self._artifact.name}", self._write_end)

    def _write_end(self) -> None:
        with transaction.atomic():
            record(
                "artifact.rows_read_ended",
                actor=self._actor,
                project=self._artifact.report.project,
                obj=self._artifact,
                outcome=FAILED if self._fault else DONE,
                reason=self._fault,
                details={
                    "reading": self._reading,
                    "ending": self._ending,
                    "rows_sent": self._lines,
                    "bytes_sent": self._bytes,
                },
            )
