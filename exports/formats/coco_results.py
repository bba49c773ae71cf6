"""``coco_results``: the predictions of a model run as COCO's evaluation reads them (``COCO.loadRes``)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

import orjson

from connections.rows.batch import COCO, RowBatch
from connections.rows.counts import BESIDE, UNLABELLED
from connections.rows.experiments import RunOfRow
from connections.rows.kinds import KINDS
from connections.rows.kinds.base import Kind
from connections.rows.results import BOXES, NO_SIZE, Result, results_of, runs_of, size_of
from exports.formats.base import CannotHoldError, Format, FormatContext, Option

_SEPARATOR = b",\n"
_BROKEN = (KeyError, ValueError, TypeError)
BOTH, BBOX, SEGM = "both", "bbox", "segm"


class CocoResultsFormat(Format):
    """``[{"image_id", "category_id", "bbox", "segmentation", "score"}, …]``, one object a line.

    Ids are those of ``coco_json`` of the same project. COCO needs a score, so a prediction without a confidence is left
    out and counted. Polygons and masks have a ``segmentation``, in compressed runs; ``segm`` alone has one of boxes.
    """

    key = "coco_results"
    title = "COCO results"
    help = "The predictions of a model run with their scores, for COCO's evaluation. Labels: COCO JSON of the same run."
    extension = "json"
    media_type = "application/json"
    columns = frozenset({COCO})
    cannot_hold = frozenset({UNLABELLED, *BESIDE})
    options = (
        Option(
            "results",
            (BOTH, BBOX, SEGM),
            "both: a box of every prediction, and the pixels of polygons and masks. bbox: boxes alone. segm: pixels "
            "of every prediction alone, by which COCO also tells small objects from large ones.",
        ),
    )
    refusals = MappingProxyType({"unreadable": "a prediction's geometry cannot be read", "no_size": NO_SIZE})
    holds_runs = True
    needs_run = True
    needs_scores = True

    def __init__(self, context: FormatContext) -> None:
        super().__init__(context)
        self._numbers = {one.name: one.number for one in context.ontology if not one.is_question}
        self._results = context.options.get("results", BOTH)
        self._lead = b"\n"
        self._written = 0

    @classmethod
    def holds_parts(cls, options: Mapping[str, str]) -> bool:
        return False

    @classmethod
    def supports(cls, kind: Kind) -> bool:
        """No labels."""
        return False

    @classmethod
    def predicted_kinds(cls) -> list[Kind]:
        return [kind for kind in KINDS.values() if kind.in_coco]

    def header(self) -> Iterable[bytes]:
        return (b"[",)

    def rows(self, batch: RowBatch) -> Iterable[bytes]:
        for index, runs in enumerate(batch.experiments):
            try:
                lines = [*self._lines(batch, index, runs)]
            except CannotHoldError as error:
                self.refuse(batch, index, error)
            except _BROKEN as error:
                reason = f"a prediction is not as it should be: {error}"
                self.refuse(batch, index, CannotHoldError("unreadable", reason))
            else:
                if lines:
                    yield self._lead + _SEPARATOR.join(lines)
                    self._lead = _SEPARATOR
                    self._written += len(lines)

    def predictions_written(self) -> int:
        return self._written

    def footer(self) -> Iterable[bytes]:
        return (b"\n]\n",)

    def _lines(self, batch: RowBatch, index: int, runs: Iterable[RunOfRow]) -> Iterator[bytes]:
        size = size_of(batch.coco_images[index])
        for run in runs:
            for result in results_of(run.predictions):
                if result.score is None:
                    continue
                chunks = [b'{"image_id":%d,"category_id":%d' % (batch.numbers[index], self._numbers[result.name])]
                if self._results != SEGM:
                    chunks.append(b',"bbox":[%b]' % result.box.encode())
                if self._results == SEGM or (self._results == BOTH and result.kind.coco_form != BOXES):
                    chunks.append(b',"segmentation":%b' % _segmentation(result, size))
                chunks.append(b',"score":%b}' % orjson.dumps(result.score))
                yield b"".join(chunks)


def _segmentation(result: Result, size: tuple[int, int] | None) -> bytes:
    if size is None and not isinstance(result.outline, Mapping):
        raise CannotHoldError("no_size", NO_SIZE)
    runs = runs_of(result.outline, orjson.loads(f"[{result.box}]"), size)
    return orjson.dumps({"size": runs["size"], "counts": runs["counts"].decode()})
