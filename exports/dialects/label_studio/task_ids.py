"""Tasks by the ids that are written into a file, which are not all numbers of rows: a task with several pictures is a
row a picture, and its id the number of none of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from django.db.models import Q

from connections.models import Project
from connections.rows.body import head_of
from connections.rows.label_studio.tasks import kept_task
from connections.store.models import MAX_NUMBER_AS_PLACE, StoreRow, row_pk
from exportadmin.lib.errors import UserError

# their rows are found by a walk over the project's row ids
MOST_WITH_SEVERAL: Final = 100


def row_ids_of(project: Project, task_ids: Sequence[int]) -> list[str]:
    """The ids of the rows of these tasks, a task's one behind another. Raises :class:`UserError` for one that there is
    not."""
    wanted = list(dict.fromkeys(task_ids))
    placed = [row_pk(project.pk, number) for number in wanted if number <= MAX_NUMBER_AS_PLACE]
    large = [number for number in wanted if number > MAX_NUMBER_AS_PLACE]
    found: dict[int, list[str]] = {}
    for rows in (StoreRow.objects.filter(pk__in=placed), StoreRow.objects.filter(project=project, number__in=large)):
        for row in rows.only("row_id", "number", "body").order_by().iterator():
            if row.row_id == str(row.number) or _written_id(row) == row.number:
                found.setdefault(row.number, []).append(row.row_id)
    # what came from Label Studio has its id there as row id, with the name of its picture where that is one of several
    missing = [number for number in wanted if number not in found]
    several = missing[:MOST_WITH_SEVERAL]
    if several:
        named = Q(row_id__in=[str(number) for number in several])
        for number in several:
            named |= Q(row_id__startswith=f"{number}/")
        pages = StoreRow.objects.filter(named, project=project).only("row_id", "number", "body").order_by("number")
        for row in pages.iterator():
            task_id = _written_id(row)
            if task_id is not None and task_id in several:
                found.setdefault(task_id, []).append(row.row_id)
    for number in several:
        if number not in found:
            raise UserError(f"there is no task {number} in this project", field="ids")
    if len(missing) > len(several):
        raise UserError(
            f"{len(missing):,} of these tasks have several pictures or are not there; at most {MOST_WITH_SEVERAL} with"
            " several pictures can be asked for at once",
            field="ids",
        )
    return [row_id for number in wanted for row_id in found[number]]


def _written_id(row: StoreRow) -> int | None:
    """The id of the task of a row; ``None`` where it is no number."""
    task = kept_task(head_of(row.body, is_whole=True) or {})
    number = task.get("id", row.number)
    return number if type(number) is int else None
