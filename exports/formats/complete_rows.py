"""Complete rows as ``json`` and ``ndjson`` print them; the first of a file has the project's backup."""

from __future__ import annotations

from connections.rows.backup import PART, project_backup, with_project
from connections.rows.batch import RowBatch
from connections.rows.body import BodyPrinter
from exports.formats.base import FormatContext


class CompleteRows:
    """The rows of one file."""

    def __init__(self, context: FormatContext) -> None:
        self._printer = BodyPrinter(context.parts, context.project_name)
        self._project = project_backup(context.ontology) if PART in context.parts else None

    def join(self, batch: RowBatch, separator: bytes) -> bytes:
        """The next rows with ``separator`` between them."""
        bodies = batch.bodies
        if self._project is not None:
            bodies, self._project = with_project(bodies, self._project), None
        return self._printer.join(bodies, batch.embeddings, separator)
