"""Rows that are gone there: those of the mirror that a full sync did not bring leave tombstones."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from typing import Final

from django.db import transaction
from django.db.models import QuerySet

from connections.models import Project
from connections.rows.body import head_of
from connections.store.importers.base import PART_OF
from connections.store.models import StoreRow
from connections.store.removal import BATCH, Removal
from exportadmin.lib.keys_read import KeysRead

_AT_ONCE: Final = 2_000


def find_gone(project: Project, keys: KeysRead, *, seen: int) -> array[int]:
    """The primary keys of the rows that were not read, of those that were not written since revision ``seen``."""
    gone = array("q")
    for chunk in _chunks(StoreRow.objects.filter(project=project, revision__lte=seen)):
        missing = keys.missing([key for _, key in chunk])
        gone.extend(pk for (pk, _), is_missing in zip(chunk, missing, strict=True) if is_missing)
    return gone


def without_parts_of(refused: KeysRead, gone: array[int]) -> array[int]:
    """Of rows that are gone those that are no parts of what was refused, of which nobody knows which parts it has."""
    if not len(refused):
        return gone
    kept = array("q")
    for start in range(0, len(gone), BATCH):
        for pk, body in StoreRow.objects.filter(pk__in=gone[start : start + BATCH]).values_list("pk", "body"):
            head = head_of(body, is_whole=True) or {}
            sources = [one for one in head.get("source_extra", {}).values() if isinstance(one, dict)]
            wholes = [one[PART_OF] for one in sources if isinstance(one.get(PART_OF), str)]
            if all(refused.missing(wholes)):
                kept.append(pk)
    return kept


def find_replaced(project: Project, keys: KeysRead, wholes: KeysRead, *, seen: int) -> array[int]:
    """As :func:`find_gone`, of the rows a picture of what was read as a whole, under the keys ``wholes``: its pictures
    are others now, or it is one row.
    """
    gone = array("q")
    if not len(wholes):
        return gone
    for chunk in _chunks(StoreRow.objects.filter(project=project, revision__lte=seen, global_key__contains="/")):
        missing = keys.missing([key for _, key in chunk])
        others = wholes.missing([key.partition("/")[0] for _, key in chunk])
        gone.extend(pk for (pk, _), is_gone, other in zip(chunk, missing, others, strict=True) if is_gone and not other)
    return gone


def _chunks(rows: QuerySet[StoreRow]) -> Iterator[list[tuple[int, str]]]:
    """Primary keys and keys."""
    last = -1
    while chunk := list(rows.filter(pk__gt=last).order_by("pk").values_list("pk", "global_key")[:_AT_ONCE]):
        last = chunk[-1][0]
        yield chunk


def remove_gone(removal: Removal, gone: array[int]) -> Iterator[int]:
    """In transactions of bounded size; yields within each, how many it deleted."""
    for start in range(0, len(gone), BATCH):
        with transaction.atomic():
            before = removal.deleted
            removal.remove(gone[start : start + BATCH])
            yield removal.deleted - before
