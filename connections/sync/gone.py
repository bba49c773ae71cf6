"""Rows that are gone there: those of the mirror that a full sync did not bring leave tombstones."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from typing import Final

from django.db import transaction

from connections.models import Project
from connections.store.models import StoreRow
from connections.store.removal import BATCH, Removal
from exportadmin.lib.keys_read import KeysRead

_AT_ONCE: Final = 2_000


def find_gone(project: Project, keys: KeysRead, *, seen: int) -> array[int]:
    """The primary keys of the rows that were not read, of those that were not written since revision ``seen``."""
    gone = array("q")
    rows = StoreRow.objects.filter(project=project, revision__lte=seen).order_by("pk")
    last = -1
    while chunk := list(rows.filter(pk__gt=last).values_list("pk", "global_key")[:_AT_ONCE]):
        last = chunk[-1][0]
        missing = keys.missing([key for _, key in chunk])
        gone.extend(pk for (pk, _), is_missing in zip(chunk, missing, strict=True) if is_missing)
    return gone


def remove_gone(removal: Removal, gone: array[int]) -> Iterator[int]:
    """In transactions of bounded size; yields within each, how many it deleted."""
    for start in range(0, len(gone), BATCH):
        with transaction.atomic():
            before = removal.deleted
            removal.remove(gone[start : start + BATCH])
            yield removal.deleted - before
