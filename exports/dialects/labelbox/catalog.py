"""What is beside projects: datasets, batches, slices and model runs, and which project an export of them is asked in.

A catalog is that of a connection (:mod:`exports.spec.scope`); Labelbox's client has one alone. So what is asked for
settles which: the dataset or the rows that are named, else the only connection of the token's projects.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

from django.db.models import Count, Max, Q, QuerySet
from rest_framework.request import Request

from connections.access.lookup import get_object, not_found, token_of
from connections.access.permissions import START, VIEW, projects_for, require
from connections.models import Project
from connections.store.models import StoreModelRun, StoreProject, StoreRow
from exportadmin.lib.actor import Actor
from exportadmin.lib.errors import ConflictError, DeniedError, NotFoundError
from exportadmin.lib.heavy import check_time
from exports.dialects.labelbox.bodies import FORMAT
from exports.models import Slice
from exports.sources import source_of
from exports.spec.catalog import settle
from exports.spec.filters import RowFilter
from exports.spec.scope import CATALOG, DATASET, SLICE
from exports.spec.spec import ExportSpec


def project_of_catalog(request: Request, scope: Mapping[str, str], filter_: Mapping[str, Any]) -> Project:
    """The oldest project that holds some of what is asked for, among those in which the token may export.

    Raises :class:`NotFoundError`, :class:`DeniedError` where it may only look, and :class:`ConflictError` where it is
    not settled which connection's catalog is meant.
    """
    mine = projects_for(request.user, START, token_of(request)).order_by("pk")
    if scope["kind"] == CATALOG:
        return _of_one_connection(mine, "your projects are") or _refused(request, "catalog")
    if scope["kind"] == DATASET:
        held = StoreRow.objects.filter(Q(dataset_id=scope["id"]) | Q(dataset_name=scope["id"])).order_by()
        found = mine.filter(pk__in=held.values("project"))
        return _of_one_connection(found, "rows of this dataset are") or _refused(request, "dataset", scope["id"], held)
    named = {"row_id__in": filter_.get("data_row_ids"), "global_key__in": filter_.get("global_keys")}
    rows = StoreRow.objects.filter(**{key: value for key, value in named.items() if value}).order_by()
    found = mine.filter(pk__in=rows.values("project"))
    return _of_one_connection(found, "the named rows are") or mine.first() or _refused(request, "catalog")


def _of_one_connection(projects: QuerySet[Project], what: str) -> Project | None:
    """The first of them. Raises :class:`ConflictError`: rows of the other connections would not be exported."""
    if len(set(projects.values_list("connection", flat=True))) > 1:
        raise ConflictError(
            f"{what} of several connections, each with a catalog of its own: export a dataset or named data rows of one"
            " of them, or use a token that is bound to a project"
        )
    return projects.first()


def _refused(request: Request, what: str, name: str = "", held: QuerySet[StoreRow] | None = None) -> NoReturn:
    seen = _visible(request)
    if held is not None:
        seen = seen.filter(pk__in=held.values("project"))
    if (shown := seen.first()) is not None:
        about = {"project": shown, "obj": shown}
        raise DeniedError(f"{request.user} may not {START} in project {shown.name!r}", about=about)
    if held is None:
        raise NotFoundError(f"no {what}")
    raise _not_seen(what, name, held)


def _not_seen(what: str, name: str, held: QuerySet[Any]) -> NotFoundError:
    """Of something that the token may not see. ``held`` are rows or runs of it, from which the trail knows where."""
    one = held.select_related("project").first()
    project = one.project if one is not None else None
    return not_found(what, name, obj=project, project=project)


def revisions_of(project: Project) -> list[tuple[int, int]]:
    """Of all projects of its connection: while they are the same, nothing has changed."""
    stored = StoreProject.objects.filter(project__connection=project.connection_id).order_by("project")
    return list(stored.values_list("project", "revision"))


def _visible(request: Request) -> QuerySet[Project]:
    return projects_for(request.user, VIEW, token_of(request)).order_by("pk")


def datasets(request: Request, name: str | None = None) -> QuerySet[StoreRow, Any]:
    """``(id, name, rows)`` of those that the token may see, or of those with a name, by name. Of several names, as
    after a renaming, the last of the alphabet; without one it is empty."""
    rows = StoreRow.objects.filter(project__in=_visible(request).order_by()).exclude(dataset_id="")
    if name is not None:
        rows = rows.filter(dataset_name=name)
    return _counted(rows, "dataset", "called", "dataset_id")


def find_dataset(request: Request, dataset_id: str) -> tuple[str, str, int]:
    """Raises :class:`NotFoundError`."""
    rows = StoreRow.objects.filter(dataset_id=dataset_id).order_by()
    found: tuple[str, str, int] | None = _counted(
        rows.filter(project__in=_visible(request).order_by()), "dataset"
    ).first()
    if found is None:
        raise _not_seen("dataset", dataset_id, rows)
    return found


def batches(project: Project) -> QuerySet[StoreRow, Any]:
    """``(id, name, rows)``, by id."""
    return _counted(StoreRow.objects.filter(project=project).exclude(batch_id=""), "batch").order_by("batch_id")


def _counted(rows: QuerySet[StoreRow], what: str, *order: str) -> QuerySet[StoreRow, Any]:
    key = f"{what}_id"
    counted = rows.order_by().values(key).annotate(rows=Count("pk"), called=Max(f"{what}_name"))
    found: QuerySet[StoreRow, Any] = counted.order_by(*order or (key,)).values_list(key, "called", "rows")
    return found


def slices(request: Request) -> QuerySet[Slice]:
    """Those that the token may see."""
    return Slice.objects.filter(project__in=_visible(request)).select_related("project").order_by("name", "pk")


def find_slice(request: Request, slice_id: str) -> Slice:
    """Raises :class:`NotFoundError`."""
    return get_object(request, Slice.objects.select_related("project__connection"), "slice", slice_id)


def rows_of_slice(found: Slice, actor: Actor) -> Iterator[tuple[str, str]]:
    """``(id, global key)`` of the data rows that an export of it has now. Raises as a request for one does."""
    project = found.project
    require(actor, START, project)
    body = {"format": FORMAT, "scope": {"kind": SLICE, "id": found.public_id}}
    selection = settle(ExportSpec.parse(body, project), project, actor).selection
    source = source_of(project, selection.scope)
    row_filter = RowFilter(selection, source.pushed_down)
    with source.open(selection, frozenset()) as reader:
        for batch in reader.batches():
            check_time()
            batch = row_filter.apply(batch)
            yield from zip(batch.row_ids, batch.global_keys, strict=True)


def model_runs(request: Request) -> QuerySet[StoreModelRun]:
    """Those that the token may see."""
    return StoreModelRun.objects.filter(project__in=_visible(request)).select_related("project").order_by("pk")


def find_model_run(request: Request, run_id: str) -> StoreModelRun:
    """Raises :class:`NotFoundError`; of several of that id, one that the token may export, else one that it may see."""
    runs = StoreModelRun.objects.filter(run_id=run_id).select_related("project__connection").order_by("pk")
    for verb in (START, VIEW):
        if found := runs.filter(project__in=projects_for(request.user, verb, token_of(request))).first():
            return found
    raise _not_seen("model run", run_id, runs)


def models(request: Request) -> list[dict[str, Any]]:
    """Those whose runs the token may see."""
    found = dict(model_runs(request).values_list("model_id", "model_name"))
    return [_model(key, name) for key, name in sorted(found.items())]


def runs_of_model(request: Request, model_id: str) -> QuerySet[StoreModelRun]:
    """Those that the token may see. Raises :class:`NotFoundError` where there are none."""
    found = model_runs(request).filter(model_id=model_id)
    if not found.exists():
        raise _not_seen("model", model_id, StoreModelRun.objects.filter(model_id=model_id))
    return found


def find_model(request: Request, model_id: str) -> dict[str, Any]:
    """Raises :class:`NotFoundError`."""
    return _model(model_id, runs_of_model(request, model_id)[0].model_name)


def _model(model_id: str, name: str) -> dict[str, Any]:
    return {"id": model_id, "name": name, "ontologyId": None}
