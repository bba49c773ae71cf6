"""The rows of one run of a model, with its predictions, from the same moment of the store as the rows themselves."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, F, OuterRef, QuerySet

from connections.rows.batch import MODEL_RUN_DETAILS, PREDICTIONS, RowBatch
from connections.rows.experiments import Run, RunOfRow
from connections.store.models import StoreModelRun, StorePredictions, StoreRow
from exportadmin.lib.errors import PermanentError
from exports.sources.store import AsBytes, AsWords, StoreReader, StoreSource
from exports.spec.scope import MODEL_RUN
from exports.spec.selection import Selection


@dataclass(frozen=True, slots=True)
class RunColumns:
    """What is read of runs of models, for a choice of parts: ``runs`` by primary key. ``with_bodies``: predictions are
    not only counted."""

    runs: Mapping[int, Run]
    parts: Collection[str]
    with_bodies: bool

    def of_rows(self, rows: QuerySet[StoreRow]) -> QuerySet[StoreRow, tuple[Any, ...]]:
        """``(number of the row, what …)``, a tuple for each run that a row is in, as :meth:`run_of_row` takes them."""
        columns: list[Any] = ["number", "predictions__run_id", "predictions__run_data_row_id"]
        if MODEL_RUN_DETAILS in self.parts:
            columns += ["predictions__annotation_group_id", "predictions__split"]
        if PREDICTIONS in self.parts:
            columns += [AsWords(F("predictions__class_counts")), AsWords(F("predictions__unscored"))]
            if self.with_bodies:
                columns += [AsBytes(F("predictions__body")), AsBytes(F("predictions__used"))]
        found = rows.filter(predictions__run_id__in=list(self.runs)).order_by("number", "predictions__run_id")
        return found.values_list(*columns)

    def run_of_row(self, values: Sequence[Any]) -> RunOfRow:
        """Without the number of the row."""
        run_pk, run_data_row_id, *more = values
        details = {}
        if MODEL_RUN_DETAILS in self.parts:
            details = dict(zip(("annotation_group_id", "split"), more, strict=False))
            more = more[2:]
        predictions = dict(zip(("class_counts", "unscored", "predictions", "used"), more, strict=False))
        return RunOfRow(self.runs[run_pk], run_data_row_id, **details, **predictions)


class ModelRunSource(StoreSource):
    """Reads the rows of the run that the scope names. Filters do not go with it."""

    key = MODEL_RUN
    title = "A model run"
    pushed_down = frozenset()

    @property
    def reader(self) -> type[StoreReader]:
        """As of the class above."""
        return ModelRunReader


class ModelRunReader(StoreReader):
    """One snapshot of the run."""

    def _in_scope(self, rows: QuerySet[StoreRow], selection: Selection) -> QuerySet[StoreRow]:
        wanted = StoreModelRun.objects.filter(project_id=self._table.project_pk, run_id=selection.scope.id)
        found = self.fetch(wanted.order_by().values_list("pk", "model_id", "model_name", "run_id", "name"))
        if not found:
            raise PermanentError(f"the model run {selection.scope.id} is not in project {self.project_name!r}")
        self._runs = RunColumns({pk: Run(*names) for pk, *names in found}, selection.parts, bool(self._columns))
        ((run_pk, *_),) = found
        return rows.filter(Exists(StorePredictions.objects.filter(run_id=run_pk, row_id=OuterRef("pk"))))

    def batches(self) -> Iterator[RowBatch]:
        """As of the class above, with what the run says of each row."""
        for batch in super().batches():
            batch.experiments = self._experiments(batch.numbers)
            yield batch

    def _experiments(self, numbers: Sequence[int]) -> list[list[RunOfRow]]:
        runs: dict[int, list[RunOfRow]] = {number: [] for number in numbers}
        for rows in self._table.numbered(numbers):
            for number, *values in self.fetch(self._runs.of_rows(rows)):
                runs[number].append(self._runs.run_of_row(values))
        return list(runs.values())
