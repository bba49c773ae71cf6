"""What of a project Diffgram calls a job and a directory: a batch, and a dataset or all of the project's rows.

Both have numbers here, which say of what project they are (:func:`connections.rows.diffgram.place_number`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.core.cache import cache
from django.db.models import Count, Max, Min, Q

from connections.models import Project
from connections.rows.diffgram import DIRECTORY, JOB, PLACES, place_number
from connections.rows.review_statuses import DONE, statuses_in
from connections.store.models import StoreProject, StoreRow
from connections.store.overview import KEPT_SECONDS

# sort → the columns of a row that it is told by
_COLUMNS: Final = {JOB: ("batch_id", "batch_name"), DIRECTORY: ("dataset_id", "dataset_name")}


@dataclass(frozen=True, slots=True)
class Place:
    """A job or directory: ``key`` is the id of its batch or dataset, empty for all rows of the project; ``complete`` of
    its ``files`` are done. ``created_ms`` and ``updated_ms`` are the first and the last of its rows, ``None`` without
    any."""

    id: int
    key: str
    name: str
    files: int
    complete: int
    created_ms: int | None
    updated_ms: int | None


def jobs_of(project: Project) -> list[Place]:
    """Its batches, the newest first."""
    return _places(project, JOB)


def directories_of(project: Project) -> list[Place]:
    """All of it, then its datasets, the newest first."""
    return [whole_of(project), *_places(project, DIRECTORY)]


def whole_of(project: Project) -> Place:
    """All rows of the project."""
    found = _counted(project, None)
    return found[0] if found else Place(place_number(project.pk), "", project.name, 0, 0, None, None)


def project_number_of(place_id: int) -> int:
    """The number of the project that a job or directory is of."""
    return place_id // PLACES


def _places(project: Project, sort: str) -> list[Place]:
    return sorted(_counted(project, sort), key=lambda place: (-(place.created_ms or 0), place.key))


def _counted(project: Project, sort: str | None) -> list[Place]:
    """Kept until a row comes or changes."""
    revision = StoreProject.objects.filter(project=project).values_list("revision", flat=True).first()
    key = f"diffgram.{project.public_id}.{revision}.{sort}"
    kept: list[Place] | None = cache.get(key)
    if kept is None:
        kept = _count(project, sort)
        cache.set(key, kept, KEPT_SECONDS)
    return kept


def _count(project: Project, sort: str | None) -> list[Place]:
    rows = StoreRow.objects.filter(project=project).order_by()
    figures = {
        "files": Count("pk"),
        "complete": Count("pk", filter=Q(status__in=sorted(statuses_in([DONE])))),
        "created": Min("created_ms"),
        "updated": Max("updated_ms"),
    }
    if sort is None:
        found = rows.aggregate(**figures)
        return [Place(place_number(project.pk), "", project.name, *found.values())]
    key, name = _COLUMNS[sort]
    groups = rows.exclude(**{key: ""}).values(key).annotate(called=Max(name), **figures)
    return [
        Place(
            place_number(project.pk, sort, one[key]),
            one[key],
            one["called"] or one[key],
            *(one[figure] for figure in figures),
        )
        for one in groups
    ]
