"""Rows that a run's writer refused: counted, each a line of the errors file, too many of them the end of the run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import orjson

from connections.rows.batch import RowBatch
from exportadmin.lib.errors import PermanentError
from exports.delivery.files import ReportFiles
from exports.formats.base import RefusedRow
from exports.spec.spec import ExportSpec


class Refusals:
    """``counts`` are rows by code. ``spec`` says how many of the rows that its filter keeps may be refused.

    ``expected`` is how many rows the source announced, ``None`` where it does not know: with it, a run that can only
    fail ends early.
    """

    def __init__(self, files: ReportFiles, spec: ExportSpec, expected: int | None) -> None:
        self.counts: Counter[str] = Counter()
        self._files = files
        self._spec = spec
        self._expected = expected
        self._first: RefusedRow | None = None

    @property
    def rows(self) -> int:
        """How many."""
        return self.counts.total()

    def settle(self, batch: RowBatch, refused: Sequence[RefusedRow]) -> RowBatch:
        """Enter what was refused of a batch; the batch without it. Raises as :meth:`check`."""
        if not refused:
            return batch
        self._first = self._first or refused[0]
        self.counts.update(row.code for row in refused)
        self._files.write_errors(b"".join(map(_line, refused)))
        if self._expected is not None:
            self.check(self._expected)
        out = {row.index for row in refused}
        return batch.take([index for index in range(len(batch)) if index not in out])

    def check(self, rows: int) -> None:
        """Raises :class:`PermanentError` where more of ``rows`` rows were refused than may be."""
        first, allowed = self._first, self._spec.refusals_allowed(rows)
        if first is None or self.rows <= allowed:
            return
        settled = self._spec.selection.scope.settled
        # of several projects: whoever sees the report may not know of the rows of all of them
        is_named = settled is None or len(settled.projects) < 2
        which = f"the first is row {first.row_id} ({first.global_key!r})" if is_named else "of the first"
        raise PermanentError(
            f"{self.rows:,} of {rows:,} rows were refused, and max_refused ({self._spec.max_refused:g}) allows "
            f"{allowed:,}: nothing was delivered; {which}: {first.reason}"
        )


def _line(row: RefusedRow) -> bytes:
    return orjson.dumps(
        {"data_row_id": row.row_id, "global_key": row.global_key, "code": row.code, "reason": row.reason},
        option=orjson.OPT_APPEND_NEWLINE,
    )
