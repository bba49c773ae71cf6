"""What a project of the built-in store holds: counted by the database, kept until a row comes or changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from django.core.cache import cache
from django.db.models import Count, F, Max, Q, QuerySet, Sum

from connections.models import Project
from connections.rows.batch import KIND_NAMES
from connections.rows.counts import add_up
from connections.store.models import NUMBER_BITS, StoreClass, StoreRow
from exportadmin.lib.errors import NotFoundError

KEPT_SECONDS: Final = 600
MOST_BATCHES: Final = 200


@dataclass(frozen=True, slots=True)
class Overview:
    """What a project holds now. ``by_class`` and ``by_kind`` count annotations, ``batches`` rows by batch id.

    ``activity_ms`` is the latest activity of any row, ``updated_ms`` the latest change; ``None`` without rows.
    """

    rows: int
    annotations: int
    by_status: Mapping[str, int]
    by_class: Mapping[str, int]
    by_kind: Mapping[str, int]
    batches: Mapping[str, int]
    activity_ms: int | None
    updated_ms: int | None


@dataclass(frozen=True, slots=True)
class ProjectSummary:
    """A project in a list: how many rows, and when one of them came or changed last (``None`` without rows)."""

    rows: int
    updated_ms: int | None


@dataclass(frozen=True, slots=True)
class Changes:
    """What has changed since a moment: rows that came (``added``), and others that were ``changed``."""

    added: int
    changed: int

    @property
    def any(self) -> int:
        """Rows that are not as they were."""
        return self.added + self.changed


def overview(project_id: str) -> Overview:
    """The project's figures. Raises :class:`NotFoundError`.

    Asked again while nothing has changed, it costs two queries; the latest change and the number of rows tell that.
    """
    project = _project(project_id)
    rows = _rows(project)
    stand = rows.aggregate(rows=Count("pk"), updated_ms=Max("updated_ms"))
    key = f"overview.{project.public_id}.{stand['rows']}.{stand['updated_ms']}"
    kept: Overview | None = cache.get(key)
    if kept is None:
        kept = _count(project, rows, stand["rows"], stand["updated_ms"])
        cache.set(key, kept, KEPT_SECONDS)
    return kept


def stands(project_ids: Sequence[str]) -> dict[str, ProjectSummary]:
    """Two queries, answered from the index by time of change alone."""
    names = dict(Project.objects.filter(public_id__in=project_ids).values_list("pk", "public_id"))
    rows = StoreRow.objects.filter(project_id__in=list(names)).order_by()
    counted = rows.values("project_id").annotate(rows=Count("pk"), updated=Max("updated_ms"))
    return {names[each["project_id"]]: ProjectSummary(each["rows"], each["updated"]) for each in counted}


def changes_since(project_id: str, since_ms: int) -> Changes:
    """One query along the index by time of change. Raises :class:`NotFoundError`."""
    changed = StoreRow.objects.filter(project=_project(project_id), updated_ms__gt=since_ms)
    # created_ms may be the platform's own, long before the row came here: then it counts as changed
    found = changed.aggregate(all=Count("pk"), added=Count("pk", filter=Q(created_ms__gt=since_ms)))
    return Changes(added=found["added"], changed=found["all"] - found["added"])


def _project(project_id: str) -> Project:
    project = Project.objects.filter(public_id=project_id).first()
    if project is None:
        raise NotFoundError(f"no project {project_id[:80]!r}")
    return project


def _rows(project: Project) -> QuerySet[StoreRow]:
    low = project.pk << NUMBER_BITS
    return StoreRow.objects.filter(id__gte=low, id__lt=low + (1 << NUMBER_BITS)).order_by()


def _count(project: Project, rows: QuerySet[StoreRow], count: int, updated_ms: int | None) -> Overview:
    names = {
        (is_question, number): name
        for is_question, number, name in StoreClass.objects.filter(project=project).values_list(
            "is_question", "number", "name"
        )
    }
    texts: Counter[str] = Counter(
        dict(rows.exclude(marks="").values("marks").annotate(n=Count("pk")).values_list("marks", "n"))
    )
    by_class: Counter[str] = Counter()
    by_kind: Counter[str] = Counter()
    for (letter, number), n in add_up(texts).items():
        by_class[names.get((letter == "c", number), f"#{number}")] += n
        by_kind[KIND_NAMES[letter]] += n
    sums = rows.aggregate(annotations=Sum("annotation_count"), activity_ms=Max("activity_ms"))
    batches = rows.exclude(batch_id="").values("batch_id").annotate(n=Count("pk")).order_by("-n", "batch_id")
    return Overview(
        rows=count,
        annotations=sums["annotations"] or 0,
        by_status=dict(
            rows.values("status").annotate(n=Count("pk")).order_by("-n", "status").values_list("status", "n")
        ),
        by_class=dict(sorted(by_class.items(), key=lambda one: (-one[1], one[0]))),
        by_kind=dict(sorted(by_kind.items(), key=lambda one: (-one[1], one[0]))),
        batches=dict(batches.values_list(F("batch_id"), "n")[:MOST_BATCHES]),
        activity_ms=sums["activity_ms"],
        updated_ms=updated_ms,
    )
