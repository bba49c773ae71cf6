"""What of a project Diffgram calls a job and a directory: a batch, and a dataset or all of the project's rows.

Both have numbers here, which say of what project they are (:func:`connections.rows.diffgram.place_number`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from django.core.cache import cache
from django.db.models import Count, Max, Min, Q

from connections.models import Project
from connections.rows.diffgram import DIRECTORY, JOB, PLACES, place_number
from connections.rows.review_statuses import DONE, statuses_in
from connections.store.models import StoreProject, StoreRow
from connections.store.overview import KEPT_SECONDS
from exportadmin.lib.errors import ConflictError
from exports.formats.diffgram_info import Place

_MOST_SHOWN: Final = 5
# sort → the columns of a row that it is told by
_COLUMNS: Final = {JOB: ("batch_id", "batch_name"), DIRECTORY: ("dataset_id", "dataset_name")}


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


def numbered(places: Iterable[Place], number: int) -> Place | None:
    """The one that has the number. Raises :class:`ConflictError` where several have it."""
    return _only([one for one in places if one.id == number], f"the number {number}")


def named(places: Iterable[Place], name: str) -> Place | None:
    """The same by its name, or by the id of its dataset or batch."""
    places = list(places)
    return _only(
        [one for one in places if name == one.key] or [one for one in places if name == one.name], f"the name {name!r}"
    )


def _only(found: list[Place], what: str) -> Place | None:
    if len(found) > 1:
        ids = ", ".join(one.key or "all of the project" for one in found[:_MOST_SHOWN])
        raise ConflictError(f"{len(found)} have {what} here, so that none is meant: {ids}; export them by REST")
    return found[0] if found else None


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
