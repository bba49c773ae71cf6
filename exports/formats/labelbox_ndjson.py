"""``labelbox_ndjson``: one row a line, as Labelbox's own exports are."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

import orjson

from connections.rows.backup import PART
from connections.rows.batch import BODY, SEVERAL, RowBatch
from connections.rows.composite_masks import take_masks
from connections.rows.review_statuses import REVIEW_STATUSES
from exports.formats.base import CannotHoldError, Format, FormatContext, Part, TextOption, Told
from exports.formats.complete_rows import CompleteRows

# workflow group → what rows call it
ROW_STATUSES: Final = {"ToLabel": "TO_LABEL", "InReview": "IN_REVIEW", "InRework": "IN_REWORK", "Done": "DONE"}
_STATUS_TEXTS: Final = {status.encode(): ROW_STATUSES[group].encode() for status, group in REVIEW_STATUSES.items()}
# of a marked body: before it in this part stand ids and names alone, in whose texts a quote has a backslash before it
_STATUS: Final = re.compile(rb'(\x1e,"project_details":\{[^\x1e]*?"workflow_status":")([a-z_]+)(?=")')


MASKS: Final = "masks"
_HAS_MASK: Final = b'"mask":{"size":'
ADDRESS: Final = TextOption(
    "address",
    ("",),
    "Where masks are fetched from: the address of the Labelbox dialect. Its exports say it themselves. Empty: masks"
    " stand in the rows, as COCO's runs.",
    pattern=r"|https?://[!-~]{1,300}",
    expected="an address that begins with http:// or https://, or nothing",
    max_length=310,
)


class LabelboxNdjsonFormat(Format):
    """The rows of :class:`~exports.formats.ndjson.NdjsonFormat`, but for ``workflow_status``, which is one of
    Labelbox's four, and the part ``backup``, which Labelbox does not have.

    With an ``address`` masks are Labelbox's ``composite_mask``, whose pixels lie in a file of their own
    (:mod:`connections.rows.composite_masks`) and are fetched from there as pictures.
    """

    key = "labelbox_ndjson"
    title = "NDJSON as Labelbox writes it"
    as_of = "Labelbox"
    help = "One complete row a line, for scripts made for Labelbox's exports. New work: NDJSON."
    extension = "ndjson"
    media_type = "application/x-ndjson"
    columns = frozenset({BODY, SEVERAL})
    is_line_based = True
    options = (ADDRESS,)
    prints_report = True
    refusals = {"unreadable": "a mask cannot be read"}
    holds_runs = True

    def __init__(self, context: FormatContext) -> None:
        super().__init__(context)
        address = context.options.get(ADDRESS.name, "")
        self._masks_at = f"{address}/api/v1/tasks/{context.report_id}/masks/" if address else ""
        self._mask_bytes = 0
        # of the last batch, the places of the rows that were not refused
        self._written: list[int] | None = None
        self._has_status = "project_details" in context.parts
        self._rows = CompleteRows(context, context.parts - {PART})

    @classmethod
    def is_snapshot(cls) -> bool:
        """Its rows are less than ours are."""
        return False

    def rows(self, batch: RowBatch) -> Iterable[bytes]:
        if self._has_status:
            batch = replace(batch, bodies=[_STATUS.sub(_translated, body) for body in batch.bodies])
        text, self._written = self._rows.join(batch, b"\n"), None
        if self._masks_at and _HAS_MASK in text:
            yield from self._with_pictures(batch, text)
        else:
            yield text + b"\n"

    def _with_pictures(self, batch: RowBatch, text: bytes) -> Iterable[bytes]:
        """The rows, of which those with masks are read; then the lines of the masks."""
        rows: list[bytes] = []
        masks: list[bytes] = []
        self._written = []
        for place, row in enumerate(text.split(b"\n")):
            if _HAS_MASK in row:
                document = orjson.loads(row)
                try:
                    taken = take_masks(document, self._mask_bytes, self._address)
                except (KeyError, TypeError, ValueError) as error:
                    self.refuse(batch, place, CannotHoldError("unreadable", f"a mask cannot be read: {error}"))
                    continue
                self._mask_bytes += len(taken)
                masks.append(taken)
                row = orjson.dumps(document)
            rows.append(row)
            self._written.append(place)
        if rows:
            yield b"\n".join(rows) + b"\n"
        if masks:
            yield Part(b"".join(masks), MASKS)

    def _address(self, place: int, index: int) -> str:
        return f"{self._masks_at}{place}/index/{index}"

    def read_back(self, index: int) -> Counter[Told]:
        return self._rows.read_back(index if self._written is None else self._written[index])


def _translated(found: re.Match[bytes]) -> bytes:
    return found[1] + _STATUS_TEXTS.get(found[2], found[2])
