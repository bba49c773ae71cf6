"""What can be done with model runs: one verb, three channels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import Count, QuerySet, Sum
from django.db.models.functions import Coalesce

from connections.access.permissions import DOWNLOAD, MANAGE, require, require_audited
from connections.models import Project
from connections.store.models import StoreModelRun, StorePredictions, StoreProject
from exportadmin.audit.record import audited, record
from exportadmin.lib import times
from exportadmin.lib.actor import Actor
from exportadmin.lib.errors import NotFoundError, NothingToDoError
from exports.model_runs.comparison import Comparison, Question, compare_run


@dataclass(frozen=True, slots=True)
class ListedRun:
    """A run with how many rows are in it, and how many predictions it has of them."""

    run: StoreModelRun
    rows: int
    predictions: int


def model_runs_of(project: Project) -> list[ListedRun]:
    """Newest first; one query."""
    return list(map(_listed, _counted(project).order_by("-id")))


def find_model_run(project: Project, run_id: str) -> ListedRun:
    """One query. Raises :class:`NotFoundError`."""
    run = _counted(project).filter(run_id=run_id).first()
    if run is None:
        raise NotFoundError(f"project {project.name!r} has no model run {run_id[:80]!r}")
    return _listed(run)


def _counted(project: Project) -> QuerySet[Any]:
    found = StoreModelRun.objects.filter(project=project)
    return found.annotate(row_count=Count("rows"), prediction_count=Coalesce(Sum("rows__annotation_count"), 0))


def _listed(run: Any) -> ListedRun:
    return ListedRun(run, run.row_count, run.prediction_count)


def splits_of(run: StoreModelRun) -> list[str]:
    """Those that its rows have."""
    found = StorePredictions.objects.filter(run=run).exclude(split="").order_by("split")
    return list(found.values_list("split", flat=True).distinct())


def compare_predictions(*, project: Project, run: StoreModelRun, question: Question, actor: Actor) -> Comparison:
    """Of all rows of the run, recorded before it is handed out: it names rows and shows what is on them."""
    require_audited(actor, DOWNLOAD, project, event="model_run.compared")
    found = compare_run(project, run, question)
    with transaction.atomic():
        record("model_run.compared", actor=actor, project=project, obj=_about(run), details=question.to_json())
    return found


def delete_model_run(*, project: Project, run: StoreModelRun, actor: Actor) -> int:
    """The run goes with what it says of rows, and the rows stay: of how many it said something. Raises
    :class:`NothingToDoError` where it is gone already."""
    with audited("model_run.deleted", actor=actor, project=project, obj=_about(run)) as line:
        require(actor, MANAGE, project)
        # the same lock as imports take
        store = StoreProject.objects.select_for_update().get(project=project)
        rows, _ = StorePredictions.objects.filter(run=run).delete()
        deleted, _ = StoreModelRun.objects.filter(pk=run.pk).delete()
        if not deleted:
            raise NothingToDoError(f"model run {run} is deleted already")
        store.revision += 1
        store.written_ms = times.now_ms()
        store.save(update_fields=["revision", "written_ms"])
        line.details["rows"] = rows
    return rows


def _about(run: StoreModelRun) -> tuple[str, str, str]:
    return "model_run", run.run_id, str(run)


def model_run_json(listed: ListedRun) -> dict[str, Any]:
    """As REST and the shell have it."""
    run = listed.run
    return {
        "run_id": run.run_id,
        "name": run.name,
        "model_id": run.model_id,
        "model_name": run.model_name,
        "created_at": None if run.created_ms is None else times.iso_utc(run.created_ms),
        "created_by": run.created_by,
        "training_metadata": run.training_metadata,
        "rows": listed.rows,
        "predictions": listed.predictions,
    }


def comparison_json(found: Comparison) -> dict[str, Any]:
    """As REST and the shell have it."""
    return {
        **found.question.to_json(),
        "rows": found.rows,
        "rows_not_compared": found.not_compared,
        "rows_with_several_labels": found.with_several,
        "predictions_without_confidence": found.without_confidence,
        "total": found.total.to_json(),
        "classes": [{"name": name, **figures.to_json()} for name, figures in found.classes.items()],
        "worst_rows": [
            {"data_row_id": row.row_id, "global_key": row.global_key}
            | {name: getattr(row, name) for name in ("split", "matched", "missed", "extra")}
            for row in found.worst
        ],
    }
