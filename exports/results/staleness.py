"""What has changed in what a report read since the moment that it saw: rows, and what model runs say of them."""

from __future__ import annotations

from connections.store.overview import ChangeCount, changes_since, predictions_since
from exports.models import DeliveredRows, ExportReport
from exports.spec.scope import MODEL_RUN, Scope


def changes_after(report: ExportReport) -> ChangeCount | None:
    """Of every project whose rows were delivered, and of the model runs whose predictions were; ``None`` where the
    source cannot tell. Of a project that is gone nothing is told."""
    if not report.is_delivered or report.revision is None:
        return None
    own = report.project.public_id
    revisions: dict[str, int] = {own: report.revision}
    if report.other_projects:
        others = DeliveredRows.objects.filter(report=report, project__deleted_at=None, revision__isnull=False)
        told = others.exclude(project=report.project_id).order_by().values_list("project__public_id", "revision")
        revisions |= {project: revision for project, revision in told.distinct() if revision is not None}
    changes = sum((changes_since(*each) for each in revisions.items()), ChangeCount())
    for project, run_ids in _runs_of(report).items():
        if project in revisions:
            changes += predictions_since(project, run_ids, revisions[project])
    return changes


def _runs_of(report: ExportReport) -> dict[str, list[str]]:
    """Project → ids of its runs whose predictions went with the rows."""
    scope = Scope.from_json(report.config)
    if scope.kind == MODEL_RUN:
        return {report.project.public_id: [scope.id]}
    runs: dict[str, list[str]] = {}
    for run in scope.settled.runs if scope.settled else ():
        runs.setdefault(run.project, []).append(run.id)
    return runs


def changes_text(changes: ChangeCount) -> str:
    """``3 rows came, 2 changed and 1 was deleted; predictions of 4 rows changed``; empty where nothing has changed."""
    parts: list[str] = []
    deleted = "was deleted" if changes.removed == 1 else "were deleted"
    for count, verb in ((changes.added, "came"), (changes.changed, "changed"), (changes.removed, deleted)):
        if count:
            noun = "" if parts else " row" if count == 1 else " rows"
            parts.append(f"{count:,}{noun} {verb}")
    of_rows = " and ".join(filter(None, (", ".join(parts[:-1]), *parts[-1:])))
    of_runs = [f"predictions of {_many(changes.predicted, 'row')} changed"] if changes.predicted else []
    if changes.runs_gone:
        of_runs.append(f"{_many(changes.runs_gone, 'model run')} {'was' if changes.runs_gone == 1 else 'were'} deleted")
    return "; ".join(filter(None, (of_rows, *of_runs)))


def _many(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
