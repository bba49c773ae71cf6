"""What an importer may know of the project that its rows go into: the ids that it has given.

So the ids of a file can be settled before its first row, and what refers to them can follow.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, TypedDict

import orjson
from django.db import transaction
from django.db.models import QuerySet

from connections.models import Project
from connections.rows.results import size_of
from connections.store import coco_head
from connections.store.import_row import IncomingRun
from connections.store.models import (
    HANDED_OUT,
    MAX_NUMBER_AS_PLACE,
    StoreClass,
    StoreCoco,
    StoreModelRun,
    StoreProject,
    StoreRow,
    row_pk,
)
from connections.store.taken_ids import annotation_ids_of, rows_by_place

_AT_ONCE: Final = 2_000


class Reserved(TypedDict):
    """From where on an import hands out numbers and ids of annotations, and the revision before its first row."""

    number: int
    annotation: int
    revision: int


def behind(number: int, others: Sequence[int]) -> int:
    """``number``, or the one behind the largest of ``others`` where that is larger."""
    largest = max(others, default=0)
    if largest < HANDED_OUT.start:  # as nearly always
        return max(number, 1 + largest)
    return max(number, 1 + max((each for each in others if each < HANDED_OUT.start), default=0))


class EmptyProject:
    """A project without rows."""

    has_rows = False

    def __init__(self) -> None:
        self.reserved: Reserved | None = None
        # see :mod:`connections.store.coco_head`
        self.coco_head: dict[str, Any] = {}

    def numbers_of(self, keys: Sequence[str]) -> dict[str, int]:
        """Key → number, of those that there are."""
        return {}

    def keys_of(self, numbers: Sequence[int]) -> dict[int, str]:
        """Number → key of the row that has it; none beyond :data:`MAX_NUMBER_AS_PLACE`."""
        return {}

    def large_numbers(self) -> Iterator[tuple[int, str]]:
        """All numbers beyond :data:`MAX_NUMBER_AS_PLACE`, each with the key of its row."""
        return iter(())

    def annotation_ids(self) -> Iterator[tuple[str, Iterator[int]]]:
        """Key of every row, with the ids of its annotations."""
        return iter(())

    def given_annotation_ids(self, keys: Sequence[str]) -> dict[str, list[tuple[int, int | str | None]]]:
        """Key → ``(id, source's id where that is another)`` of the annotations that COCO prints of these rows."""
        return {}

    def sizes_of(self, keys: Sequence[str]) -> dict[str, tuple[int, int]]:
        """Key → ``(height, width)`` of the pictures of these rows, of those that say both."""
        return {}

    def class_numbers(self) -> dict[str, int]:
        """Class name → number."""
        return {}

    def model_run_named(self, name: str) -> IncomingRun | None:
        """The model run of this name, where one alone has it."""
        return None

    def reserve(self, largest: tuple[int, int], counts: tuple[int, int]) -> Reserved:
        """Take ``counts`` numbers and annotation ids behind the ``largest`` ones that the file keeps (-1: none)."""
        self.reserved = Reserved(number=behind(1, largest[:1]), annotation=behind(1, largest[1:]), revision=0)
        return self.reserved


class KnownProject(EmptyProject):
    """``dataset``: what stands in front of the keys of the file's rows in the project. ``reserved``: what the attempt
    before had reserved. Its rows are then as good as not there, so that the same file gets the same ids."""

    def __init__(self, project: Project, *, dataset: str = "", reserved: Reserved | None = None) -> None:
        super().__init__()
        self.project = project
        self.reserved = reserved
        self._front = f"{dataset}/" if dataset else ""
        store = StoreProject.objects.filter(project=project).first()
        self._revision = reserved["revision"] if reserved else store.revision if store else 0
        self.coco_head = (store.source_extra if store else {}).get(coco_head.KEY, {})
        self.has_rows = self._rows().exists()

    def _rows(self, first_place: int = 0) -> QuerySet[StoreRow]:
        return rows_by_place(self.project.pk, first_place).filter(added_revision__lte=self._revision)

    def numbers_of(self, keys: Sequence[str]) -> dict[str, int]:
        """As of the class above."""
        found = StoreRow.objects.filter(
            project=self.project,
            global_key__in=[self._front + key for key in keys],
            added_revision__lte=self._revision,
        )
        return {key[len(self._front) :]: number for key, number in found.order_by().values_list("global_key", "number")}

    def keys_of(self, numbers: Sequence[int]) -> dict[int, str]:
        """As of the class above."""
        pks = [row_pk(self.project.pk, number) for number in numbers if number <= MAX_NUMBER_AS_PLACE]
        found = StoreRow.objects.filter(pk__in=pks, added_revision__lte=self._revision).order_by()
        return {number: self._in_file(key) for number, key in found.values_list("number", "global_key")}

    def large_numbers(self) -> Iterator[tuple[int, str]]:
        """As of the class above."""
        found = self._rows(MAX_NUMBER_AS_PLACE + 1).order_by().values_list("number", "global_key")
        return ((number, self._in_file(key)) for number, key in found.iterator(_AT_ONCE))

    def annotation_ids(self) -> Iterator[tuple[str, Iterator[int]]]:
        """As of the class above."""
        columns = ("global_key", "annotation_start", "annotation_room", "annotation_ids")
        for key, *ids in self._rows().order_by().values_list(*columns).iterator(_AT_ONCE):
            yield self._in_file(key), annotation_ids_of(*ids)

    def _in_file(self, key: str) -> str:
        """A row's key as the file has it; one of another data set, which no key of the file equals."""
        return key[len(self._front) :] if key.startswith(self._front) else f"\0{key}"

    def given_annotation_ids(self, keys: Sequence[str]) -> dict[str, list[tuple[int, int | str | None]]]:
        """As of the class above."""
        found = StoreCoco.objects.filter(
            row__project=self.project,
            row__global_key__in=[self._front + key for key in keys],
            row__added_revision__lte=self._revision,
        )
        return {
            key[len(self._front) :]: [(mark["id"], mark.get("source_id")) for mark in orjson.loads(f"[{text}]")]
            for key, text in found.values_list("row__global_key", "annotations")
        }

    def sizes_of(self, keys: Sequence[str]) -> dict[str, tuple[int, int]]:
        """As of the class above."""
        found = StoreCoco.objects.filter(
            row__project=self.project, row__global_key__in=[self._front + key for key in keys]
        )
        images = found.values_list("row__global_key", "image")
        sizes = {key[len(self._front) :]: size_of(image.encode()) for key, image in images}
        return {key: size for key, size in sizes.items() if size is not None}

    def class_numbers(self) -> dict[str, int]:
        """As of the class above."""
        found = StoreClass.objects.filter(project=self.project, is_question=False)
        return dict(found.values_list("name", "number"))

    def model_run_named(self, name: str) -> IncomingRun | None:
        """As of the class above."""
        found = list(StoreModelRun.objects.filter(project=self.project, name=name)[:2])
        return IncomingRun(found[0].run_id, found[0].model_id) if len(found) == 1 else None

    def reserve(self, largest: tuple[int, int], counts: tuple[int, int]) -> Reserved:
        """As of the class above, at once and for good: rows that come meanwhile are numbered behind."""
        if self.reserved is None:
            with transaction.atomic():
                store, _ = StoreProject.objects.select_for_update().get_or_create(project=self.project)
                self.reserved = Reserved(
                    number=behind(store.next_number, largest[:1]),
                    annotation=behind(store.next_annotation, largest[1:]),
                    revision=self._revision,
                )
                store.next_number = self.reserved["number"] + counts[0]
                store.next_annotation = self.reserved["annotation"] + counts[1]
                store.save(update_fields=["next_number", "next_annotation"])
        return self.reserved
