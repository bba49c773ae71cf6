"""What a project of the built-in store holds: counted by the database, kept until a row comes or changes."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import Final

from django.core.cache import cache
from django.db.models import Count, Max, Q, QuerySet, Sum

from connections.models import Project
from connections.rows.counts import NO_CLASS, UNLABELLED, add_up
from connections.rows.media_types import UNKNOWN
from connections.store.models import (
    PLACE_BITS,
    StoreClass,
    StoreModelRun,
    StorePredictions,
    StoreProject,
    StoreRow,
    StoreTombstone,
)
from exportadmin.lib.errors import NotFoundError

KEPT_SECONDS: Final = 600
# datasets, and batches, that are told of: the largest
MOST_GROUPS: Final = 200


@dataclass(frozen=True, slots=True)
class Group:
    """A dataset or batch: its name, empty where nobody says it, and how many rows are of it."""

    name: str
    rows: int


@dataclass(frozen=True, slots=True)
class Overview:
    """What a project holds now. ``by_class`` and ``by_kind`` count annotations. ``datasets`` and ``batches`` are by id,
    the largest first, at most :data:`MOST_GROUPS`. ``by_label_flags`` counts rows by what their labels
    are (:func:`connections.rows.labels.label_flags`), ``by_media_type`` by medium, those of which nothing says it under
    :data:`connections.rows.media_types.UNKNOWN`.

    ``activity_ms`` is the latest activity of any row, ``None`` without rows; ``revision`` the project's.
    """

    rows: int
    annotations: int
    by_status: Mapping[str, int]
    by_label_flags: Mapping[int, int]
    by_media_type: Mapping[str, int]
    by_class: Mapping[str, int]
    by_kind: Mapping[str, int]
    datasets: Mapping[str, Group]
    batches: Mapping[str, Group]
    activity_ms: int | None
    revision: int


@dataclass(frozen=True, slots=True)
class ProjectSummary:
    """A project in a list: how many rows, and when rows were written or deleted last (``None``: never)."""

    rows: int
    written_ms: int | None


@dataclass(frozen=True, slots=True)
class ChangeCount:
    """What has changed since a revision: rows that came (``added``), others that ``changed``, and those ``removed``.
    Where model runs are asked for, too: rows of which they now say something else (``predicted``), and how many of the
    runs were deleted (``runs_gone``)."""

    added: int = 0
    changed: int = 0
    removed: int = 0
    predicted: int = 0
    runs_gone: int = 0

    @property
    def any(self) -> int:
        """What is not as it was."""
        return self.added + self.changed + self.removed + self.predicted + self.runs_gone

    def __add__(self, other: ChangeCount) -> ChangeCount:
        return ChangeCount(*(map(sum, zip(astuple(self), astuple(other), strict=True))))


def overview(project_id: str) -> Overview:
    """The project's figures. Raises :class:`NotFoundError`.

    Asked again while nothing has changed, it costs one query: the revision tells that.
    """
    project = _project(project_id)
    revision = project.store.revision if hasattr(project, "store") else 0
    key = f"overview.{project.public_id}.{revision}"
    kept: Overview | None = cache.get(key)
    if kept is None:
        kept = _count(project, _rows(project), revision)
        cache.set(key, kept, KEPT_SECONDS)
    return kept


def people(project_id: str) -> list[str]:
    """Those who made labels in the project, sorted; kept as :func:`overview` is. Raises :class:`NotFoundError`."""
    project = _project(project_id)
    revision = project.store.revision if hasattr(project, "store") else 0
    key = f"people.{project.public_id}.{revision}"
    kept: list[str] | None = cache.get(key)
    if kept is None:
        texts = _rows(project).exclude(label_creators="").values_list("label_creators", flat=True).distinct()
        kept = sorted({person for text in texts for person in json.loads(text) if person})
        cache.set(key, kept, KEPT_SECONDS)
    return kept


def summaries(project_ids: Sequence[str]) -> dict[str, ProjectSummary]:
    """Two queries; the rows are counted along the index by revision alone."""
    found = StoreProject.objects.filter(project__public_id__in=project_ids)
    stored = {pk: (name, ms) for pk, name, ms in found.values_list("project_id", "project__public_id", "written_ms")}
    rows = StoreRow.objects.filter(project_id__in=list(stored)).order_by()
    counts = dict(rows.values("project_id").annotate(n=Count("pk")).values_list("project_id", "n"))
    return {name: ProjectSummary(counts.get(pk, 0), ms or None) for pk, (name, ms) in stored.items()}


def changes_since(project_id: str, revision: int) -> ChangeCount:
    """Two queries along the indexes by revision. Raises :class:`NotFoundError`."""
    project = _project(project_id)
    changed = StoreRow.objects.filter(project=project, revision__gt=revision).order_by()
    found = changed.aggregate(all=Count("pk"), added=Count("pk", filter=Q(added_revision__gt=revision)))
    removed = StoreTombstone.objects.filter(gone_since(revision), project=project).count()
    return ChangeCount(added=found["added"], changed=found["all"] - found["added"], removed=removed)


def predictions_since(project_id: str, run_ids: Collection[str], revision: int) -> ChangeCount:
    """What has changed of these model runs: two queries, one along an index."""
    runs = StoreModelRun.objects.filter(project__public_id=project_id, run_id__in=run_ids)
    there = dict(runs.values_list("pk", "run_id"))
    changed = StorePredictions.objects.filter(run__in=list(there), revision__gt=revision).order_by()
    return ChangeCount(
        predicted=changed.values("row").distinct().count(), runs_gone=len({*run_ids} - {*there.values()})
    )


def gone_since(revision: int) -> Q:
    """Tombstones of rows that were there at that revision: one that came and went since is no loss to anybody."""
    return Q(revision__gt=revision, added_revision__lte=revision)


def _project(project_id: str) -> Project:
    project = Project.objects.filter(public_id=project_id).select_related("store").first()
    if project is None:
        raise NotFoundError(f"no project {project_id[:80]!r}")
    return project


def _rows(project: Project) -> QuerySet[StoreRow]:
    low = project.pk << PLACE_BITS
    return StoreRow.objects.filter(id__gte=low, id__lt=low + (1 << PLACE_BITS)).order_by()


def first_media_type(project: Project) -> str:
    """Of the project's first row; empty: it says none, or there is no row."""
    return _rows(project).order_by("id").values_list("media_type", flat=True).first() or ""


def _count(project: Project, rows: QuerySet[StoreRow], revision: int) -> Overview:
    names = {
        (is_question, number): name
        for is_question, number, name in StoreClass.objects.filter(project=project).values_list(
            "is_question", "number", "name"
        )
    }
    texts: Counter[str] = Counter(
        dict(
            rows.exclude(class_counts="")
            .values("class_counts")
            .annotate(n=Count("pk"))
            .values_list("class_counts", "n")
        )
    )
    by_class: Counter[str] = Counter()
    by_kind: Counter[str] = Counter()
    names[False, NO_CLASS] = UNLABELLED
    for (kind, number, _), n in add_up(texts).items():
        by_class[names.get((kind.is_question, number), f"#{number}")] += n
        by_kind[kind.key] += n
    sums = rows.aggregate(rows=Count("pk"), annotations=Sum("annotation_count"), activity_ms=Max("activity_ms"))
    by_status: Counter[str] = Counter()
    by_label_flags: Counter[int] = Counter()
    by_media_type: Counter[str] = Counter()
    for status, flags, media_type, n in (
        rows.values("status", "label_flags", "media_type")
        .annotate(n=Count("pk"))
        .values_list("status", "label_flags", "media_type", "n")
    ):
        by_status[status] += n
        by_label_flags[flags] += n
        by_media_type[media_type or UNKNOWN] += n
    return Overview(
        rows=sums["rows"],
        annotations=sums["annotations"] or 0,
        by_status=dict(sorted(by_status.items(), key=lambda one: (-one[1], one[0]))),
        by_label_flags=dict(sorted(by_label_flags.items())),
        by_media_type=dict(sorted(by_media_type.items(), key=lambda one: (-one[1], one[0]))),
        by_class=dict(sorted(by_class.items(), key=lambda one: (-one[1], one[0]))),
        by_kind=dict(sorted(by_kind.items(), key=lambda one: (-one[1], one[0]))),
        datasets=_groups(rows.exclude(dataset_name=""), "dataset"),
        batches=_groups(rows.exclude(batch_id=""), "batch"),
        activity_ms=sums["activity_ms"],
        revision=revision,
    )


def _groups(rows: QuerySet[StoreRow], what: str) -> dict[str, Group]:
    """By id; of several names, as after a renaming, the last of the alphabet."""
    key, name = f"{what}_id", f"{what}_name"
    counted = rows.values(key).annotate(n=Count("pk"), called=Max(name)).order_by("-n", "called", key)
    return {group_id: Group(called, n) for group_id, called, n in counted.values_list(key, "called", "n")[:MOST_GROUPS]}
