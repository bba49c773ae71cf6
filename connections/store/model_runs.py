"""What model runs say of rows, on its way into the store: with the batch of the rows that it is about.

What the source does not say stays as it is, so that a file that left a part out takes nothing away. Predictions that
are there and equal are left untouched, revision and all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from connections.models import Project
from connections.rows.body import render_labels
from connections.rows.counts import count_annotations
from connections.rows.frames import objects_of
from connections.store.import_row import IncomingLabel, IncomingPredictions, IncomingRow, IncomingRun
from connections.store.models import StoreModelRun, StorePredictions
from connections.store.ontology import OntologyBook
from connections.store.row_document import complete_document
from exportadmin.lib.errors import UserError
from exportadmin.lib.ids import derived_id

_NOTHING: Final = b"[]"
# as the columns of StorePredictions that an import may change
_COLUMNS: Final = (
    "run_data_row_id",
    "annotation_group_id",
    "split",
    "annotation_count",
    "class_counts",
    "unscored",
    "used",
    "digest",
    "revision",
    "body",
)


@dataclass(slots=True)
class RenderedPredictions:
    """Those of one run and row. ``body`` is empty where the source said nothing of the predictions."""

    said: IncomingPredictions
    body: bytes = b""
    annotation_count: int = 0
    class_counts: str = ""
    unscored: str = ""
    used: bytes = b""
    digest: str = ""


class PredictionWriter:
    """Of one import into one project. Every method runs in the transaction of the batch that it is about."""

    def __init__(self, project: Project) -> None:
        self._project = project
        # by run id, as they are in the database
        self._runs: dict[str, StoreModelRun] = {}
        # run id → id of its model, also of runs that come with the batch
        self._models: dict[str, str] = {}
        self._known: dict[tuple[int, int], StorePredictions] = {}

    def begin(self, rows: Sequence[tuple[IncomingRow, int | None]]) -> None:
        """Look up what is known of a batch's rows, each with its primary key where it has one."""
        self._known = {}
        wanted = {(each.run.run_id, each.run.model_id): each.run for row, _ in rows for each in row.predictions}
        # anew for each batch: another import may have written, or somebody deleted a run
        found = StoreModelRun.objects.filter(project=self._project, run_id__in={run_id for run_id, _ in wanted})
        self._runs = {run.run_id: run for run in found}
        self._models = {run.run_id: run.model_id for run in self._runs.values()}
        for run in self._runs.values():
            said = wanted.get((run.run_id, run.model_id))
            if said is not None and _update(run, said):
                run.save()
        pks = [pk for row, pk in rows if pk is not None and row.predictions]
        if self._runs and pks:
            there = StorePredictions.objects.filter(run__in=self._runs.values(), row_id__in=pks)
            self._known = {(each.run_id, each.row_id): each for each in there}

    def render(self, row: IncomingRow, book: OntologyBook) -> list[RenderedPredictions]:
        """What is to be written. New classes are entered into ``book``. Raises :class:`UserError`."""
        runs = [(each.run.run_id, each.run.model_id) for each in row.predictions]
        if len(set(runs)) < len(runs):
            raise UserError(f"the row is twice in the model run {max(runs, key=runs.count)[0]!r}")
        models = dict(self._models)
        for run_id, model_id in runs:
            if (known := models.setdefault(run_id, model_id)) != model_id:
                raise UserError(_other_model(run_id, known, model_id))
        rendered = [_rendered(each, row, self._project, book) for each in row.predictions]
        self._models = models
        return rendered

    def is_news(self, rendered: Sequence[RenderedPredictions], row_pk: int) -> bool:
        """Is any of it not yet so in the store?"""
        return any(self._changes(each, row_pk) is not None for each in rendered)

    def save(self, batch: Sequence[tuple[int, str, Sequence[RenderedPredictions]]], revision: int) -> int:
        """Write what is new, of rows by primary key and id: how many predictions that were."""
        written: list[StorePredictions] = []
        for row_pk, row_id, rendered in batch:
            for each in rendered:
                said = each.said.run
                run = self._runs.get(said.run_id) or ensure_run(self._project, said)
                self._runs[said.run_id] = run
                values = self._changes(each, row_pk)
                if values is None:
                    continue
                known = self._known.get((run.pk, row_pk))
                if known is None:
                    known = StorePredictions(run=run, row_id=row_pk, run_data_row_id=derived_id(run.run_id, row_id))
                for name, value in {**values, "revision": revision}.items():
                    setattr(known, name, value)
                known.pk = None  # one that is there is found by what it is about
                written.append(known)
        StorePredictions.objects.bulk_create(
            written, update_conflicts=True, unique_fields=["run", "row"], update_fields=_COLUMNS
        )
        return sum(each.annotation_count for each in written)

    def _changes(self, rendered: RenderedPredictions, row_pk: int) -> dict[str, Any] | None:
        """The columns that are to be another value; ``None``: none is, and the row is in the run."""
        said = rendered.said
        run = self._runs.get(said.run.run_id)
        known = None if run is None else self._known.get((run.pk, row_pk))
        values: dict[str, Any] = {
            "split": said.split,
            "annotation_group_id": said.annotation_group_id,
            "run_data_row_id": said.run_data_row_id or None,
        }
        values = {name: value for name, value in values.items() if value is not None}
        if rendered.body or known is None:
            values |= {
                "annotation_count": rendered.annotation_count,
                "class_counts": rendered.class_counts,
                "unscored": rendered.unscored,
                "used": rendered.used.decode(),
                "digest": rendered.digest,
                "body": (rendered.body or _NOTHING).decode(),
            }
        if known is None:
            return values
        values = {name: value for name, value in values.items() if getattr(known, name) != value}
        return values or None


def ensure_run(project: Project, said: IncomingRun) -> StoreModelRun:
    """The run of this id, made where there is none; it need not have rows. Raises :class:`UserError` for one that is
    another model's."""
    run = StoreModelRun.objects.filter(project=project, run_id=said.run_id).first()
    if run is not None and run.model_id != said.model_id:
        raise UserError(_other_model(said.run_id, run.model_id, said.model_id))
    is_new = run is None
    run = run or StoreModelRun(project=project, run_id=said.run_id, name=said.run_id, model_name=said.model_id)
    if _update(run, said) or is_new:
        run.save()
    return run


def _other_model(run_id: str, known: str, said: str) -> str:
    return (
        f"the model run {run_id!r} is one of the model {known!r} in this project, and here of {said!r}: a run's id is "
        "once in a project, so give one of them another"
    )


def _update(run: StoreModelRun, said: IncomingRun) -> bool:
    """Take over what is said. Did anything change?"""
    values: Mapping[str, Any] = {
        "name": said.name or None,
        "model_id": said.model_id,
        "model_name": said.model_name or None,
        "created_ms": said.created_ms,
        "created_by": said.created_by,
        "training_metadata": said.training_metadata,
    }
    changed = {name: value for name, value in values.items() if value is not None and getattr(run, name) != value}
    for name, value in changed.items():
        setattr(run, name, value)
    return bool(changed)


def _rendered(said: IncomingPredictions, row: IncomingRow, project: Project, book: OntologyBook) -> RenderedPredictions:
    if said.labels is None:
        return RenderedPredictions(said)
    labels = _complete(said.labels, derived_id(said.run.run_id, row.key), project, book)
    numbers = book.class_numbers, book.question_numbers
    try:
        counts = count_annotations(_as_document(labels), *numbers)
        unscored = count_annotations(_as_document(map(_unscored, labels)), *numbers)
        body = render_labels(labels)
    except (KeyError, TypeError, AttributeError) as error:
        raise UserError(f"a prediction is not as it should be: {error}") from None
    return RenderedPredictions(
        said,
        body=body,
        annotation_count=counts.total,
        class_counts=counts.text,
        unscored=unscored.text,
        used=book.used_ids(counts),
        digest=hashlib.blake2b(body, digest_size=16).hexdigest(),
    )


def _as_document(labels: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """What is counted of a row."""
    return {"projects": {"": {"labels": list(labels)}}}


def _unscored(label: dict[str, Any]) -> dict[str, Any]:
    """Its objects without a confidence."""
    objects = objects_of(label["annotations"])
    return {"annotations": {"objects": [mark for mark in objects if mark.get("confidence") is None]}}


def _complete(given: Sequence[IncomingLabel], front: str, project: Project, book: OntologyBook) -> list[dict[str, Any]]:
    """Labels as they stand in a row; of who made them and how long it took only what the source says."""
    bare = IncomingRow(position="", key="", row_data="", status="", labels=list(given))
    document, _ = complete_document(
        bare, front, project.public_id, book, created_ms=0, updated_ms=0, activity_ms=0, now_ms=0, old_label_times=[]
    )
    labels: list[dict[str, Any]] = document["projects"][project.public_id]["labels"]
    for label, source in zip(labels, given, strict=True):
        if source.created_ms is None:
            del label["label_details"]
        if not source.performance:
            del label["performance_details"]
    return labels
