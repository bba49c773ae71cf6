"""What of a description is about runs of models: the run that it names, parts, and formats that hold predictions."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from connections.models import Project
from connections.rows.batch import PREDICTIONS, RUN_PARTS
from connections.store.models import StoreModelRun
from exportadmin.lib.errors import UserError
from exports.formats import FORMATS
from exports.formats.base import Format
from exports.spec.scope import KEY, MODEL_RUN, Scope

# what Labelbox does not write of a row of a model run
NOT_OF_RUN: Final = ("label_details", "performance_details", "project_details")


def check_runs(scope: Scope, project: Project, writer: type[Format], parts: Collection[str]) -> None:
    """Is the run of the scope one of the project's, and can the format be made of it? Raises :class:`UserError`."""
    if scope.kind == MODEL_RUN and not StoreModelRun.objects.filter(project=project, run_id=scope.id).exists():
        raise UserError(f"project {project.name!r} has no model run {scope.id[:80]!r}", field=f"{KEY}.id")
    if writer.needs_run and scope.kind != MODEL_RUN:
        raise UserError(
            f"{writer.title} holds the predictions of a model run: it goes with the scope {MODEL_RUN}", field="format"
        )
    if writer.needs_run and PREDICTIONS not in parts:
        raise UserError(f"{writer.title} holds nothing without the part {PREDICTIONS}", field="include")


def check_holds_runs(scope: Scope, writer: type[Format]) -> None:
    """Can the format hold the predictions that go with data rows? Raises :class:`UserError`."""
    if scope.is_of_catalog and scope.takes_runs and (writer.needs_run or not writer.holds_runs):
        holding = [key for key in FORMATS if FORMATS.pick(key).holds_runs and not FORMATS.pick(key).needs_run]
        raise UserError(
            f"{writer.title} holds no predictions beside labels; known: {', '.join(holding)}", field="format"
        )


def check_parts(scope: Scope, named: Collection[str]) -> None:
    """Do these parts, which were named, go with the scope? Raises :class:`UserError`."""
    for part in named:
        if part in RUN_PARTS and not scope.takes_runs:
            raise UserError(
                f"the part {part} is of model runs: it goes with the scope {MODEL_RUN}, and with model_run_ids or "
                f"all_model_runs; here the scope is {scope.kind}",
                field="include",
            )
        if part in NOT_OF_RUN and scope.kind == MODEL_RUN:
            raise UserError(f"the part {part} does not go with the scope {MODEL_RUN}", field="include")


def goes_with(scope: Scope, part: str) -> bool:
    """The parts of which :func:`check_parts` says nothing."""
    if part in RUN_PARTS:
        return scope.takes_runs
    return not (scope.kind == MODEL_RUN and part in NOT_OF_RUN)
