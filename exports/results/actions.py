"""Reading the rows of a finished export: who may, and what is recorded."""

from __future__ import annotations

from connections.access.permissions import DOWNLOAD, require_audited
from exportadmin.audit.record import audited
from exportadmin.lib.actor import Actor
from exportadmin.lib.errors import ConflictError, UserError
from exports.models import ExportReport
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
) -> reader.RowStream | None:
    """The rows from ``line`` or ``offset`` on, recorded before the first leaves; ``errors``: those that were refused.

    ``None``: no row was refused, so there is no stream of them. Raises :class:`DeniedError`, :class:`ConflictError` for
    a report without rows to read, and as :func:`exports.results.reader.read_rows` does.
    """
    require_audited(actor, DOWNLOAD, report.project, event="artifact.rows_read", obj=report)
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
    rows = reader.read_rows(artifact, line=line, offset=offset, limit=limit)
    try:
        details = {"line": rows.first_line, "limit": limit}
        with audited("artifact.rows_read", actor=actor, project=report.project, obj=artifact, details=details):
            return rows
    except BaseException:
        rows.close()  # what cannot be recorded is not handed out
        raise
