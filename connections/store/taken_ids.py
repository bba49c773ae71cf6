"""Which numbers and annotation ids a project has given, for whoever writes rows that bring ids of their own.

On disk, so that memory stays flat, and read from the rows only where an id that is wanted could be one of theirs: an id
behind all that were ever given is nobody's.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator
from typing import Final

import orjson
from django.db.models import QuerySet

from connections.models import Project
from connections.store.models import HANDED_OUT, MAX_NUMBER_AS_PLACE, MAX_PLACE, StoreProject, StoreRow, row_pk
from connections.store.scratch import scratch_database

_AT_ONCE: Final = 2_000


def annotation_ids_of(start: int, room: int, stated: str) -> Iterator[int]:
    """All COCO ids of a row's annotations, from its columns ``annotation_start``, ``_room`` and ``_ids``."""
    yield from range(start, start + room)
    yield from map(int, stated.split())


def rows_by_place(project_pk: int, first: int = 0) -> QuerySet[StoreRow]:
    """The rows of a project from a place on."""
    return StoreRow.objects.filter(id__gte=row_pk(project_pk, first), id__lte=row_pk(project_pk, MAX_PLACE))


class TakenIds:
    """For one writing into ``project``. All methods are called under the lock on the project's row.

    ``is_new`` asks for rows that others wrote since; their ids are known from then on.
    """

    def __init__(self, project: Project) -> None:
        self._project_pk = project.pk
        self._database = scratch_database()
        for table in ("number", "annotation"):
            self._database.execute(f"CREATE TABLE {table} (id INTEGER PRIMARY KEY)")
        self._database.execute("BEGIN")
        self._revision: int | None = None
        # ids that were given before this writing lie below these, but for those that are larger than any handed out
        self._floors = {"number": 0, "annotation": 0}
        self._loaded: set[str] = set()
        # blocks of annotation ids that this writing handed out: where they begin, and end
        self._starts: list[int] = []
        self._stops: list[int] = []

    def close(self) -> None:
        """Give the space back."""
        self._database.close()

    def begin(self, store: StoreProject) -> None:
        """A batch begins."""
        if self._revision is None:
            self._floors = {"number": store.next_number, "annotation": store.next_annotation}
            self._first_revision = store.revision
            if not store.revision:
                self._loaded = {"number", "annotation"}
        elif self._revision != store.revision:
            others = StoreRow.objects.filter(project=self._project_pk, revision__gt=self._revision)
            for table in ("number", "annotation"):
                self._load(table, others)
        self._revision = store.revision

    def end(self, store: StoreProject, numbers: Iterable[int], annotations: Iterable[int]) -> None:
        """A batch was written, with these numbers beyond :data:`MAX_NUMBER_AS_PLACE` and these ids of annotations."""
        self._revision = store.revision
        self._add("number", numbers)
        self._add("annotation", annotations)

    def handed_out(self, start: int, count: int) -> None:
        """A block of annotation ids was given to a row."""
        if self._stops and self._stops[-1] == start:
            self._stops[-1] += count
        else:
            self._starts.append(start)
            self._stops.append(start + count)

    def numbers(self, wanted: Collection[int]) -> set[int]:
        """Those of ``wanted``, all beyond :data:`MAX_NUMBER_AS_PLACE`, that rows of the project have."""
        return self._taken("number", wanted)

    def annotations(self, wanted: Collection[int]) -> set[int]:
        """Those of ``wanted`` that annotations of the project have."""
        taken = self._taken("annotation", wanted)
        if self._starts:
            taken.update(each for each in wanted if self._is_handed_out(each))
        return taken

    def _is_handed_out(self, identity: int) -> bool:
        block = bisect_right(self._starts, identity) - 1
        return block >= 0 and identity < self._stops[block]

    def _taken(self, table: str, wanted: Collection[int]) -> set[int]:
        if not wanted:
            return set()
        if table not in self._loaded and not all(self._floors[table] <= each < HANDED_OUT.start for each in wanted):
            self._loaded.add(table)
            first = MAX_NUMBER_AS_PLACE + 1 if table == "number" else 0
            self._load(table, rows_by_place(self._project_pk, first).filter(revision__lte=self._first_revision))
        found = self._database.execute(
            f"SELECT value FROM json_each(?) WHERE value IN (SELECT id FROM {table})",  # noqa: S608 - one of two
            (orjson.dumps(list(wanted)),),
        )
        return {each for (each,) in found}

    def _load(self, table: str, rows: QuerySet[StoreRow]) -> None:
        if table == "number":
            numbers = rows.filter(number__gt=MAX_NUMBER_AS_PLACE).order_by().values_list("number", flat=True)
            self._add(table, numbers.iterator(_AT_ONCE))
            return
        columns = rows.order_by().values_list("annotation_start", "annotation_room", "annotation_ids")
        for row in columns.iterator(_AT_ONCE):
            self._add(table, annotation_ids_of(*row))

    def _add(self, table: str, ids: Iterable[int]) -> None:
        self._database.executemany(f"INSERT OR IGNORE INTO {table} VALUES (?)", zip(ids, strict=True))  # noqa: S608 - one of two
