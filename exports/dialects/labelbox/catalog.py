"""What is beside projects: datasets, batches, slices and model runs, and which project an export of them is asked in.

A catalog is that of a connection (:mod:`exports.spec.scope`); Labelbox's client has one alone. So what is asked for
settles which: the dataset or the rows that are named, else the only connection of the token's projects.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from django.db.models import Q, QuerySet
from rest_framework.request import Request

from connections.access.lookup import get_object, token_of
from connections.access.permissions import START, VIEW, projects_for
from connections.models import Project
from connections.store.models import StoreModelRun, StoreProject, StoreRow
from connections.store.overview import overview
from exportadmin.lib.errors import ConflictError, DeniedError, NotFoundError
from exports.dialects.labelbox.shapes import batch_json
from exports.models import Slice
from exports.spec.scope import CATALOG, DATASET


def project_of_catalog(request: Request, scope: Mapping[str, str], filter_: Mapping[str, Any]) -> Project:
    """The oldest project that holds some of what is asked for, among those in which the token may export.

    Raises :class:`NotFoundError`, :class:`DeniedError` where it may only look, and :class:`ConflictError` where it is
    not settled which connection's catalog is meant.
    """
    mine = projects_for(request.user, START, token_of(request)).order_by("pk")
    if scope["kind"] == CATALOG:
        if len(set(mine.values_list("connection", flat=True))) > 1:
            raise ConflictError(
                "your projects are of several connections, each with a catalog of its own: export a dataset or named"
                " data rows, or use a token that is bound to a project"
            )
        return _first(request, mine, "catalog")
    if scope["kind"] == DATASET:
        held = StoreRow.objects.filter(Q(dataset_id=scope["id"]) | Q(dataset_name=scope["id"]))
        found = mine.filter(pk__in=held.order_by().values("project"))
        return found.first() or _first(request, found, f"dataset {scope['id'][:80]!r}", held)
    named = {"row_id__in": filter_.get("data_row_ids"), "global_key__in": filter_.get("global_keys")}
    rows = StoreRow.objects.filter(**{key: value for key, value in named.items() if value}).order_by()
    return mine.filter(pk__in=rows.values("project")).first() or _first(request, mine, "catalog")


def _first(request: Request, projects: QuerySet[Project], what: str, held: QuerySet[StoreRow] | None = None) -> Project:
    if (found := projects.first()) is not None:
        return found
    seen = projects_for(request.user, VIEW, token_of(request))
    if held is not None:
        seen = seen.filter(pk__in=held.order_by().values("project"))
    if (shown := seen.first()) is not None:
        about = {"project": shown, "obj": shown}
        raise DeniedError(f"{request.user} may not {START} in project {shown.name!r}", about=about)
    raise NotFoundError(f"no {what}")


def revisions_of(project: Project) -> list[tuple[int, int]]:
    """Of all projects of its connection: while they are the same, nothing has changed."""
    stored = StoreProject.objects.filter(project__connection=project.connection_id).order_by("project")
    return list(stored.values_list("project", "revision"))


def _visible(request: Request) -> QuerySet[Project]:
    return projects_for(request.user, VIEW, token_of(request)).order_by("pk")


def datasets(request: Request, wanted: str | None = None) -> list[tuple[str, str, int]]:
    """``(id, name, rows)`` of those that the token may see, or of one of them, by name."""
    names: dict[str, str] = {}
    counts: Counter[str] = Counter()
    for project in _visible(request):
        for dataset_id, group in overview(project.public_id).datasets.items():
            names.setdefault(dataset_id, group.name)
            counts[dataset_id] += group.rows
    found = [(one, names[one], counts[one]) for one in names if wanted in (None, one)]
    return sorted(found, key=lambda one: (one[1], one[0]))


def batches(project: Project) -> list[dict[str, Any]]:
    """Of a project, the largest first."""
    return [batch_json(key, group.name, group.rows) for key, group in overview(project.public_id).batches.items()]


def slices(request: Request) -> QuerySet[Slice]:
    """Those that the token may see."""
    return Slice.objects.filter(project__in=_visible(request)).select_related("project").order_by("name", "pk")


def find_slice(request: Request, slice_id: str) -> Slice:
    """Raises :class:`NotFoundError`."""
    return get_object(request, Slice.objects.select_related("project__connection"), "slice", slice_id)


def model_runs(request: Request) -> QuerySet[StoreModelRun]:
    """Those that the token may see."""
    return StoreModelRun.objects.filter(project__in=_visible(request)).select_related("project").order_by("pk")


def find_model_run(request: Request, run_id: str) -> StoreModelRun:
    """Raises :class:`NotFoundError`; of several of that id, one that the token may see."""
    seen = model_runs(request).filter(run_id=run_id).first()
    runs = StoreModelRun.objects.select_related("project__connection")
    return seen or get_object(request, runs, "model run", run_id, column="run_id")


def models(request: Request) -> list[dict[str, Any]]:
    """Those whose runs the token may see."""
    found = dict(model_runs(request).values_list("model_id", "model_name"))
    return [{"id": key, "name": name, "ontologyId": None} for key, name in sorted(found.items())]
