"""``labelbox_ndjson``: one row a line, as Labelbox's own exports are."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from connections.rows.backup import PART
from connections.rows.batch import RowBatch
from connections.rows.review_statuses import REVIEW_STATUSES
from exports.formats.base import Format, FormatContext, Told
from exports.formats.complete_rows import CompleteRows

# workflow group → what rows call it
ROW_STATUSES: Final = {"ToLabel": "TO_LABEL", "InReview": "IN_REVIEW", "InRework": "IN_REWORK", "Done": "DONE"}
_STATUS_TEXTS: Final = {status.encode(): ROW_STATUSES[group].encode() for status, group in REVIEW_STATUSES.items()}
# of a marked body: before it in this part stand ids and names alone, in whose texts a quote has a backslash before it
_STATUS: Final = re.compile(rb'(\x1e,"project_details":\{[^\x1e]*?"workflow_status":")([a-z_]+)(?=")')


class LabelboxNdjsonFormat(Format):
    """The rows of :class:`~exports.formats.ndjson.NdjsonFormat`, but for ``workflow_status``, which is one of
    Labelbox's four, and the part ``backup``, which Labelbox does not have.
    """

    key = "labelbox_ndjson"
    title = "NDJSON as Labelbox writes it"
    help = "One complete row a line, for scripts made for Labelbox's exports. New work: NDJSON."
    extension = "ndjson"
    media_type = "application/x-ndjson"
    is_line_based = True

    def __init__(self, context: FormatContext) -> None:
        super().__init__(context)
        self._has_status = "project_details" in context.parts
        self._rows = CompleteRows(context, context.parts - {PART})

    @classmethod
    def is_snapshot(cls) -> bool:
        """Its rows are less than ours are."""
        return False

    def rows(self, batch: RowBatch) -> Iterable[bytes]:
        if self._has_status:
            batch = replace(batch, bodies=[_STATUS.sub(_translated, body) for body in batch.bodies])
        yield self._rows.join(batch, b"\n")
        yield b"\n"

    def read_back(self, index: int) -> Counter[Told]:
        return self._rows.read_back(index)


def _translated(found: re.Match[bytes]) -> bytes:
    return found[1] + _STATUS_TEXTS.get(found[2], found[2])
