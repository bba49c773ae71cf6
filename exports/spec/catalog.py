"""Whose rows an export of the catalog reads: settled when it is requested, and asked again when it runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from connections.access.permissions import START, may_in_all, projects_of
from connections.models import Project
from connections.rows.batch import SEVERAL
from connections.store.models import StoreModelRun, StoreRow
from exportadmin.lib.actor import Actor
from exportadmin.lib.errors import ConflictError, NotFoundError, UserError
from exports.formats import FORMATS
from exports.models import Slice
from exports.spec.labels import check_person
from exports.spec.model_runs import check_holds_runs
from exports.spec.scope import DATASET, SLICE, Scope, Settled, SettledRun
from exports.spec.spec import ExportSpec


def catalog_of(project: Project, actor: Actor) -> list[Project]:
    """The projects of its connection in which the actor may export, itself among them, the oldest first."""
    return list(projects_of(actor, START).filter(connection=project.connection_id).order_by("pk"))


def settle(spec: ExportSpec, project: Project, actor: Actor) -> ExportSpec:
    """The spec with what its scope means to this actor, now and for ever. One that is settled already, as of a retry,
    stays as it is, where the actor may read all of it.

    Raises :class:`NotFoundError` where they may not, :class:`ConflictError` where a project of it is gone;
    :class:`UserError` for ids that are not of the catalog, whether nothing has them or somebody else's things
    have; and for a format that cannot hold labels of so many projects, or predictions.
    """
    scope = spec.selection.scope
    if not scope.is_of_catalog:
        return spec
    if scope.settled is not None:
        if not may_in_all(actor, START, others_read(spec, project)):
            raise NotFoundError(
                "this export reads several projects, and is run again by those who may run exports in all of them"
            )
        if gone := deleted_since(spec, project):
            raise ConflictError(f"{gone}: it cannot be run again; request it anew for those that are there")
        return spec
    catalog = catalog_of(project, actor)
    labels_of = _labels_of(scope, catalog)
    check_holds(spec, scope, len(labels_of))
    if labels_of:
        check_person(spec.selection.labels, labels_of, "the projects whose labels are taken")
    settled = Settled(tuple(each.public_id for each in catalog), labels_of, runs=_runs_of(scope, catalog))
    if scope.kind == DATASET:
        settled = _of_dataset(scope, settled, catalog)
    elif scope.kind == SLICE:
        settled = _of_slice(scope, settled, catalog)
    return spec.of_scope(replace(scope, settled=settled))


def check_holds(spec: ExportSpec, scope: Scope, projects: int) -> None:
    """Can the format hold the labels of so many projects, and the predictions, of a scope? Raises :class:`UserError`
    that names those that can."""
    writer = FORMATS.pick(spec.format)
    check_holds_runs(scope, writer)
    if projects > 1 and SEVERAL not in writer.reads(spec.options):
        several = [key for key, each in FORMATS.items() if SEVERAL in each.columns]
        raise UserError(
            f"{writer.title} holds the labels of one project, and these are of {projects}: name one in project_ids, or "
            f"take one of {', '.join(several)}",
            field="format",
        )


def others_read(spec: ExportSpec, project: Project) -> list[str]:
    """The public ids of the projects beside this one that a settled scope reads."""
    settled = spec.selection.scope.settled
    return [] if settled is None else [each for each in settled.projects if each != project.public_id]


def deleted_since(spec: ExportSpec, project: Project) -> str:
    """Which project beside this one a settled scope reads that is gone, in words; empty: all are there."""
    wanted = others_read(spec, project)
    there = set(Project.objects.filter(public_id__in=wanted).values_list("public_id", flat=True))
    gone = next((each for each in wanted if each not in there), None)
    return f"project {gone}, which this export reads, was deleted since it was requested" if gone else ""


def _labels_of(scope: Scope, catalog: Sequence[Project]) -> tuple[str, ...]:
    known = [each.public_id for each in catalog]
    if scope.all_projects:
        return tuple(known)
    for place, wanted in enumerate(scope.project_ids):
        if wanted not in known:
            raise UserError(
                f"no project {wanted[:80]!r} of this connection in which you may export", field=f"project_ids[{place}]"
            )
    return tuple(each for each in known if each in scope.project_ids)


def _runs_of(scope: Scope, catalog: Sequence[Project]) -> tuple[SettledRun, ...]:
    """In the order of the projects. One id may be that of runs of several projects: all of them are meant."""
    if not scope.takes_runs:
        return ()
    of_project = {each.pk: each.public_id for each in catalog}
    found = StoreModelRun.objects.filter(project__in=catalog).order_by("project", "pk")
    if not scope.all_model_runs:
        found = found.filter(run_id__in=scope.model_run_ids)
    runs = tuple(SettledRun(of_project[run.project_id], run.run_id, str(run)) for run in found)
    known = {run.id for run in runs}
    for place, wanted in enumerate(scope.model_run_ids):
        if wanted not in known:
            raise UserError(
                f"no model run {wanted[:80]!r} in the catalog of this project", field=f"model_run_ids[{place}]"
            )
    return runs


def _of_dataset(scope: Scope, settled: Settled, catalog: Sequence[Project]) -> Settled:
    """Data rows of projects that were filled from files have datasets of their own, which are one by their name."""
    rows = StoreRow.objects.filter(project__in=catalog).order_by().values_list("dataset_id", "dataset_name")
    # with OR neither index would be taken
    found = list(rows.filter(dataset_id=scope.id).union(rows.filter(dataset_name=scope.id)))
    if not found:
        raise UserError(f"no dataset {scope.id[:80]!r} in the catalog of this project", field="scope.id")
    return replace(settled, name=max(name for _, name in found), dataset_ids=tuple(sorted({each for each, _ in found})))


def _of_slice(scope: Scope, settled: Settled, catalog: Sequence[Project]) -> Settled:
    found = Slice.objects.filter(public_id=scope.id, project__in=catalog).first()
    if found is None:
        raise UserError(f"no slice {scope.id[:80]!r} in the catalog of this project", field="scope.id")
    return replace(settled, name=found.name, filter=found.filter, time_zone=found.time_zone)
